"""The backbones by name."""

from __future__ import annotations

import difflib
from collections.abc import Callable

from videosync.errors import ConfigError
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
    if name not in BACKBONES:
        near = difflib.get_close_matches(name, BACKBONES, n=1, cutoff=0.0)
        raise ConfigError(
            f"model.backbone '{name}' is unknown: expected one of {', '.join(BACKBONES)}; "
            f"did you mean '{near[0]}'?"
        )
    return BACKBONES[name]()
