"""R(2+1)D-18 (Tran et al., "A Closer Look at Spatiotemporal Convolutions for Action Recognition", CVPR 2018), with the
parameter names of the published CrissCross weights.

Each 3-D convolution behind the stem is one over space and one over time. Unlike in the paper, the stem is one full 3-D
convolution, a block has no more channels between the two than at its end, and its shortcut is added before the last
batch norm.
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn
from torch.nn import functional as F

from videosync.models.resnet import init_convolutions

NOISE_FLOOR = 0.02  # of a normalised clip's standard deviation: what does not move is not made to


class Convolution(nn.Conv3d):
    """Without a bias; the zeros around a training clip that is shorter than the kernel are part of what is convolved.

    Where it is asked to pad such a clip itself, oneDNN (on CPUs; torch 2.13) leaves parts of a bfloat16 gradient of
    the weights unwritten: what lay in memory before, NaN or not.
    """

    def forward(self, x: Tensor) -> Tensor:
        """``[N, C, T, H, W]`` → ``[N, C', T', H', W']``."""
        if not self.training or not 1 < x.shape[2] < self.kernel_size[0]:
            return super().forward(x)
        assert isinstance(self.padding, tuple)
        time, height, width = self.padding
        return F.conv3d(F.pad(x, (0, 0, 0, 0, time, time)), self.weight, None, self.stride, (0, height, width))


class FactorisedBlock(nn.Module):
    """Space, time, space, time, and a shortcut; ``stride`` in each of the three dimensions."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.spt_conv1 = _over_space(inputs, width, stride)
        self.spt_bn1 = nn.BatchNorm3d(width)
        self.tmp_conv1 = _over_time(width, stride)
        self.tmp_bn1 = nn.BatchNorm3d(width)
        self.spt_conv2 = _over_space(width, width, 1)
        self.spt_bn2 = nn.BatchNorm3d(width)
        self.tmp_conv2 = _over_time(width, 1)
        self.out_bn = nn.BatchNorm3d(width)
        same = stride == 1 and inputs == width
        self.res_conv = None if same else nn.Conv3d(inputs, width, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.res_conv is None else self.res_conv(x)
        x = F.relu(self.spt_bn1(self.spt_conv1(x)), inplace=True)
        x = F.relu(self.tmp_bn1(self.tmp_conv1(x)), inplace=True)
        x = F.relu(self.spt_bn2(self.spt_conv2(x)), inplace=True)
        return F.relu(self.out_bn(self.tmp_conv2(x) + shortcut), inplace=True)


def _over_space(inputs: int, width: int, stride: int) -> nn.Conv3d:
    return nn.Conv3d(inputs, width, (1, 3, 3), (1, stride, stride), padding=(0, 1, 1), bias=False)


def _over_time(width: int, stride: int) -> nn.Conv3d:
    return Convolution(width, width, (3, 1, 1), (stride, 1, 1), padding=(1, 0, 0), bias=False)


class VideoBackbone(nn.Module):
    """Two blocks in each of four stages, ``width`` channels in the first; features are 8 times as wide.

    Eight frames at 112 px become a map of 1 x 7 x 7. ``normalise_clip``: what is convolved is each clip without its
    mean over time, so that a still picture is all 0, and over its standard deviation, so that faint motion counts as
    much as strong.
    """

    def __init__(self, *, width: int = 64, normalise_clip: bool = False) -> None:
        super().__init__()
        self.features = 8 * width
        self.normalise_clip = normalise_clip
        self.conv1 = nn.Sequential(
            Convolution(3, width, (3, 7, 7), (1, 2, 2), padding=(1, 3, 3), bias=False),
            nn.BatchNorm3d(width),
            nn.ReLU(inplace=True),
        )
        self.conv2x = _stage(width, width, 1)
        self.conv3x = _stage(width, 2 * width, 2)
        self.conv4x = _stage(2 * width, 4 * width, 2)
        self.conv5x = _stage(4 * width, 8 * width, 2)
        init_convolutions(self)

    def feature_map(self, video: Tensor) -> Tensor:
        """``[N, 3, T, S, S]``, ImageNet-normalised → the last maps ``[N, features, ~T / 8, ~S / 16, ~S / 16]``."""
        if self.normalise_clip:
            video = video - video.mean(2, keepdim=True)
            deviation = video.square().mean((1, 2, 3, 4), keepdim=True).sqrt()  # the mean is 0; std() is slow
            video = video / (deviation + NOISE_FLOOR)
        return self.conv5x(self.conv4x(self.conv3x(self.conv2x(self.conv1(video)))))

    def forward(self, video: Tensor, *, pool: Literal["mean", "max"] = "mean") -> Tensor:
        """``[N, 3, T, S, S]``, ImageNet-normalised → features ``[N, features]``, pooled over time and space."""
        maps = self.feature_map(video)
        return maps.mean((2, 3, 4)) if pool == "mean" else maps.amax((2, 3, 4))


def _stage(inputs: int, width: int, stride: int) -> nn.Sequential:
    return nn.Sequential(FactorisedBlock(inputs, width, stride), FactorisedBlock(width, width, 1))
