"""The loss of CrissCross: published numbers, the formula written out, stop-gradient, and collapse that is named."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.reference.crisscross import slow_crisscross
from videosync.config.load import load_config
from videosync.config.rules import check_config
from videosync.errors import ConfigError
from videosync.losses.crisscross import CrissCross
from videosync.types import TwoStreamOutput

GOLDEN = np.load(Path(__file__).parents[1] / "data" / "crisscross_loss.npz")
TERMS = ("v1v2", "a1a2", "v1a1", "v2a2", "v1a2", "v2a1")
STREAMS = ("v1", "v2", "a1", "a2")


def golden(dtype=torch.float64):
    def stacked(kind):
        return torch.stack([torch.tensor(GOLDEN[f"{kind}{clip}"], dtype=dtype) for clip in (1, 2)], 1)

    return TwoStreamOutput(*(stacked(kind).requires_grad_() for kind in ("pv", "zv", "pa", "za")))  # [16, 2, 64]


def swapped(output):
    return TwoStreamOutput(*(tensor.flip(1) for tensor in vars(output).values()))


@pytest.mark.parametrize(("dtype", "bound"), [(torch.float64, 1e-12), (torch.float32, 1e-7)])
def test_published_numbers(dtype, bound):
    output, loss = golden(dtype), CrissCross()
    assert abs(loss(output).item() - float(GOLDEN["loss"])) < bound
    for name, term in loss.terms(output).items():
        assert abs(term.item() - float(GOLDEN[f"loss_{'a1v2' if name == 'v2a1' else name}"])) < bound


@pytest.mark.parametrize(
    "weights", [{}, {"v1v2": 0.0, "a1a2": 0.0}, {"v1a2": 0.5, "v2a1": 2.0}, dict.fromkeys(TERMS[1:], 0.0)]
)
def test_weights_and_the_number_of_active_terms(weights):
    p = {stream: GOLDEN[f"p{stream}"] for stream in STREAMS}
    z = {stream: GOLDEN[f"z{stream}"] for stream in STREAMS}
    expected = slow_crisscross(p, z, {**dict.fromkeys(TERMS, 1.0), **weights})
    assert CrissCross(**weights)(golden()).item() == pytest.approx(expected, abs=1e-12)


def test_gradients_flow_through_predictions_alone():
    output = golden()
    CrissCross()(output).backward()
    assert output.z_video.grad is None
    assert output.z_audio.grad is None
    assert output.p_video.grad.abs().amax(-1).min() > 0
    assert output.p_audio.grad.abs().amax(-1).min() > 0


def test_the_order_of_the_clips_and_the_length_of_vectors_do_not_matter():
    output, loss = golden(), CrissCross()
    assert loss(swapped(output)).item() == pytest.approx(loss(output).item(), abs=1e-12)
    longer = TwoStreamOutput(*(7 * tensor for tensor in vars(output).values()))
    assert loss(longer).item() == pytest.approx(loss(output).item(), abs=1e-12)
    same = torch.randn(4, 1, 8).expand(4, 2, 8)
    assert loss(TwoStreamOutput(same, same, same, same)).item() == pytest.approx(-1)


def test_it_is_computed_in_full_precision_also_under_autocast():
    output = golden(torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert CrissCross()(output).item() == CrissCross()(output).item()
        assert CrissCross()(output).dtype == torch.float32


def test_no_weight_at_all_is_refused_in_a_sentence():
    off = [f"loss.{name}=0" for name in TERMS]
    problems = check_config(load_config(None, ["loss.name=crisscross", *off[1:]]))
    assert not [problem for problem in problems if "v1v2" in problem]
    with pytest.raises(ConfigError, match="all weights of loss.name 'crisscross' are 0.*above 0"):
        load_config(None, ["loss.name=crisscross", *off])
    with pytest.raises(ConfigError, match="all weights of the loss are 0"):
        CrissCross(**dict.fromkeys(TERMS, 0.0))(golden())
