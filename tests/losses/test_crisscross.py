"""The loss of CrissCross: published numbers, the formula written out, stop-gradient, and collapse that is named."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from tests.reference.crisscross import slow_crisscross
from videosync.config.load import load_config
from videosync.config.rules import check_config
from videosync.errors import ConfigError
from videosync.losses.crisscross import CrissCross
from videosync.models.crisscross import CrissCrossModel
from videosync.models.options import CrissCrossOptions
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


def projections(kind, videos=16, size=64):
    """``z_video`` ``[B, 2, D]``."""
    z = torch.randn(videos, 2, size, generator=torch.Generator().manual_seed(0))
    if kind == "together":
        return 1 + 0.3 * z
    if kind == "on a line":  # as far apart as can be, but there are two places only
        return 0.05 * z + z[:, :1, :1].sign()
    return z


@pytest.mark.parametrize(
    ("kind", "spread", "rank", "named"),
    [
        ("all over", (0.9, 1.1), (15, 31), ""),
        ("together", (0.2, 0.4), (15, 31), "the projections of the video have run together (complete collapse)"),
        ("on a line", (0.9, 1.1), (1.0, 1.2), "hardly more than one direction (dimensional collapse)"),
    ],
)
def test_collapse_is_named_by_its_kind(kind, spread, rank, named):
    z, other = projections(kind), projections("all over")
    loss = CrissCross()
    found = loss.diagnostics(TwoStreamOutput(z, z, other, other))
    assert spread[0] < found["video_std"] < spread[1]
    assert rank[0] < found["video_rank"] < rank[1]
    assert set(found) == {*TERMS, *(f"{name}_{what}" for name in ("video", "audio") for what in ("std", "rank"))}
    sentence = loss.collapse(found)
    assert named in sentence
    assert bool(sentence) == bool(named)
    swapped_streams = loss.collapse(loss.diagnostics(TwoStreamOutput(other, other, z, z)))
    assert swapped_streams == sentence.replace("video", "audio")


def test_few_projections_tell_no_rank():
    z = projections("all over", videos=1)
    found = CrissCross().diagnostics(TwoStreamOutput(z, z, z, z))
    assert "video_rank" not in found
    assert CrissCross().collapse(found) == ""


class WithoutStopGradient(CrissCross):
    """What stops gradients is ``detach`` of the projections."""

    def terms(self, output):
        z = {f"z_{name}": getattr(output, f"z_{name}").clone() for name in ("video", "audio")}
        for tensor in z.values():
            tensor.detach = lambda tensor=tensor: tensor
        return super().terms(TwoStreamOutput(output.p_video, z["z_video"], output.p_audio, z["z_audio"]))


def without_batch_norm(head):
    return nn.Sequential(*(module for module in head if not isinstance(module, nn.BatchNorm1d)))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sound", "no stop-gradient", "no batch norm"])
def test_a_broken_training_is_seen_and_a_sound_one_is_left_alone(kind):
    torch.manual_seed(1)
    model = CrissCrossModel(CrissCrossOptions(width=2, projection_size=32, prediction_size=8))
    if kind == "no batch norm":
        model.project_video, model.project_audio = map(without_batch_norm, (model.project_video, model.project_audio))
    loss = WithoutStopGradient() if kind == "no stop-gradient" else CrissCross()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    looks, sounds = torch.randn(8, 3, 2, 8, 8), torch.randn(8, 1, 80, 8)  # of eight causes, which a clip has shares of
    said = []
    for _ in range(40):
        shares = torch.randn(16, 1, 8) + 0.3 * torch.randn(16, 2, 8)  # [B, 2 clips, causes]
        output = model(*(torch.einsum("bvk,k...->bv...", shares, seen) for seen in (looks, sounds)))
        said.append(loss.collapse(loss.diagnostics(output)))
        optimizer.zero_grad()
        loss(output, None).backward()
        optimizer.step()
    assert sum(map(bool, said[-10:])) == (0 if kind == "sound" else pytest.approx(10, abs=3))
    assert kind != "sound" or not any(said)
