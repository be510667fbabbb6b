"""The backbones by name."""

from __future__ import annotations

from collections.abc import Callable

from videosync.errors import require_known
from videosync.models.resnet import BasicBlock, Bottleneck, ResNet
from videosync.models.small import SmallConvNet
from videosync.models.staged import StagedBackbone

BACKBONES: dict[str, Callable[[], StagedBackbone]] = {
    "resnet50": lambda: ResNet(block=Bottleneck, blocks=(3, 4, 6, 3)),
    "resnet34": lambda: ResNet(block=BasicBlock, blocks=(3, 4, 6, 3)),
    "resnet18": lambda: ResNet(block=BasicBlock, blocks=(2, 2, 2, 2)),
    "small": SmallConvNet,
}


def build_backbone(name: str) -> StagedBackbone:
    """The named backbone with random weights. Raises ConfigError for an unknown name."""
    require_known("model.backbone", name, BACKBONES)
    return BACKBONES[name]()
