"""A small convolutional network for CPUs: thousands of frames/s on one core at 64 … 96 px."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from videosync.models.constants import STRIDES
from videosync.models.staged import StagedBackbone

WIDTHS = (16, 24, 32, 48, 64)  # channels of the stem and of stages 1 … 4


class SmallConvNet(StagedBackbone):
    """A stem and four stages of 3 × 3 convolutions with stride 2, 2, 2, 1, 1; F = 128.

    Features are the spatial mean beside the spatial maximum of the last maps: the mean tells *how much* changes in the
    frame, the maximum *how strongly* it does at the strongest place. Both forget *where*, which differs between two
    cameras. The last maps keep 1/8 of the input's resolution, so that small bodies stay apart.
    """

    def __init__(self) -> None:
        super().__init__()
        inputs = 3
        for stage, (width, stride) in enumerate(zip(WIDTHS, STRIDES)):
            conv = nn.Conv2d(inputs, width, 3, stride, padding=1, bias=False)
            nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
            self.add_module(f"stage{stage}", nn.Sequential(conv, nn.BatchNorm2d(width)))
            inputs = width
        self.feature_size = 2 * inputs

    def stage_modules(self, stage: int) -> tuple[nn.Module, ...]:
        return (self.get_submodule(f"stage{stage}"),)

    def run_stage(self, stage: int, x: Tensor) -> Tensor:
        return F.relu(self.get_submodule(f"stage{stage}")(x), inplace=True)

    def pool(self, x: Tensor) -> Tensor:
        return torch.cat([x.mean((-2, -1)), x.amax((-2, -1))], dim=1)  # [N, F]
