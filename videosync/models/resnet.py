"""ResNet-18/34/50 (He et al., CVPR 2016), without the classifier, with torchvision's parameter names.

The stride sits in the 3 × 3 convolution of a bottleneck ("v1.5"), as in torchvision, so that its ImageNet
weights can be loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from videosync.models.staged import StagedBackbone


class BasicBlock(nn.Module):
    """Two 3 × 3 convolutions and a shortcut."""

    expansion = 1

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = _shortcut(inputs, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        x = F.relu(self.bn1(self.conv1(x)), inplace=True)
        return F.relu(self.bn2(self.conv2(x)) + shortcut, inplace=True)


class Bottleneck(nn.Module):
    """1 × 1, 3 × 3 and 1 × 1 convolutions, four times as wide at the end, and a shortcut."""

    expansion = 4

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = width * self.expansion
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.downsample = _shortcut(inputs, outputs, stride)

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        x = F.relu(self.bn1(self.conv1(x)), inplace=True)
        x = F.relu(self.bn2(self.conv2(x)), inplace=True)
        return F.relu(self.bn3(self.conv3(x)) + shortcut, inplace=True)


def _shortcut(inputs: int, outputs: int, stride: int) -> nn.Sequential | None:
    if stride == 1 and inputs == outputs:
        return None
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))


def init_convolutions(network: nn.Module) -> None:
    """Random weights by He et al. (ICCV 2015), scaled by the number of outputs."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Conv3d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


class ResNet(StagedBackbone):
    """``blocks`` blocks in each of four stages; features are max-pooled over space (F = 512 or 2048)."""

    def __init__(self, *, block: type[BasicBlock] | type[Bottleneck], blocks: tuple[int, int, int, int]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, 2, padding=1)
        inputs = 64
        for stage, (number, width) in enumerate(zip(blocks, (64, 128, 256, 512)), start=1):
            stage_blocks = []
            for index in range(number):
                stride = 2 if stage > 1 and index == 0 else 1
                stage_blocks.append(block(inputs, width, stride))
                inputs = width * block.expansion
            self.add_module(f"layer{stage}", nn.Sequential(*stage_blocks))
        self.feature_size = inputs
        init_convolutions(self)

    def stage_modules(self, stage: int) -> tuple[nn.Module, ...]:
        return (self.conv1, self.bn1) if stage == 0 else (self.get_submodule(f"layer{stage}"),)

    def run_stage(self, stage: int, x: Tensor) -> Tensor:
        if stage == 0:
            return self.maxpool(F.relu(self.bn1(self.conv1(x)), inplace=True))
        return self.get_submodule(f"layer{stage}")(x)

    def parts(self, stage: int) -> Sequence[Callable[[Tensor], Tensor]]:
        return super().parts(stage) if stage == 0 else tuple(self.get_submodule(f"layer{stage}").children())

    def pool(self, x: Tensor) -> Tensor:
        return F.adaptive_max_pool2d(x, 1).flatten(1)  # [N, F]


def resnet50() -> ResNet:
    return ResNet(block=Bottleneck, blocks=(3, 4, 6, 3))


def resnet34() -> ResNet:
    return ResNet(block=BasicBlock, blocks=(3, 4, 6, 3))


def resnet18() -> ResNet:
    return ResNet(block=BasicBlock, blocks=(2, 2, 2, 2))
