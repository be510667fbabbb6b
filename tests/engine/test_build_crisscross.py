from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from videosync.config.schema import Config
from videosync.engine.build import place_encoder
from videosync.engine.build_crisscross import freeze_unseen_stream, parameter_groups
from videosync.engine.distributed import Distributed
from videosync.losses.crisscross import CrissCross
from videosync.models.crisscross import CrissCrossModel
from videosync.models.options import CrissCrossOptions

SMALL = CrissCrossOptions(width=2, projection_size=8, prediction_size=4)


def test_predictors_alone_have_their_own_constant_rate() -> None:
    model, optim = CrissCrossModel(SMALL), Config().optim
    (alone,) = parameter_groups(model, optim)
    assert len(alone["params"]) == len(list(model.parameters()))
    rest, predictors = parameter_groups(model, replace(optim, predictor_lr=2e-3))
    assert {id(p) for p in predictors["params"]} == {id(p) for p in model.predictors()}
    assert (predictors["lr"], predictors["constant"]) == (2e-3, True)
    assert len(rest["params"]) + len(predictors["params"]) == len(list(model.parameters()))
    assert not rest.keys() & {"lr", "constant"}


@pytest.mark.parametrize("channels_last", [True, False])
def test_both_streams_are_placed_and_compute_the_same(channels_last: bool) -> None:
    """Kernels in space and time have five dimensions, those of spectrograms four."""
    torch.manual_seed(0)
    model = CrissCrossModel(SMALL).eval()
    inputs = torch.randn(2, 2, 3, 2, 16, 16), torch.randn(2, 2, 1, 80, 17)
    expected = model(*inputs)
    config = Config(train=replace(Config().train, channels_last=channels_last))
    alone = Distributed(rank=0, world_size=1, local_rank=0, device=torch.device("cpu"))
    placed = place_encoder(model, config, alone)
    torch.testing.assert_close(vars(placed(*inputs)), vars(expected), rtol=1e-3, atol=1e-4)
    kernels = [module.weight for module in placed.modules() if isinstance(module, nn.Conv2d | nn.Conv3d)]
    formats = {4: torch.channels_last, 5: torch.channels_last_3d}
    if channels_last:  # DDP wants parameters to have the strides of their gradients, as a module's own to() gives
        point = next(kernel for kernel in kernels if kernel.shape[2:] == (1, 1))
        inputs_of = point.shape[1]
        assert point.stride() == (inputs_of, 1, inputs_of, inputs_of)
    wide = [kernel for kernel in kernels if min(kernel.shape[1:3]) > 1]  # others are the same in both formats
    assert {kernel.dim() for kernel in wide} == {4, 5}
    for kernel in wide:
        assert kernel.is_contiguous(memory_format=formats[kernel.dim()]) == channels_last


@pytest.mark.parametrize(
    ("weights", "trained"),
    [({}, {"video", "audio"}), ({"a1a2": 0, "v1a1": 0, "v2a2": 0, "v1a2": 0, "v2a1": 0}, {"video"})],
    ids=["all", "pictures_alone"],
)
def test_a_stream_that_no_term_looks_at_is_not_trained(weights: dict[str, float], trained: set[str]) -> None:
    model = CrissCrossModel(SMALL)
    freeze_unseen_stream(model, CrissCross(**weights))
    for name, parameter in model.named_parameters():
        assert parameter.requires_grad == any(stream in name.split(".")[0] for stream in trained), name
