"""From the name of a backbone to the backbone."""

from __future__ import annotations

from importlib import import_module

from videosync.errors import require_known
from videosync.models.options import BACKBONES
from videosync.models.staged import StagedBackbone


def build_backbone(name: str) -> StagedBackbone:
    """The named backbone with random weights. Raises ConfigError for an unknown name."""
    require_known("backbone", name, BACKBONES)
    module, _, made_by = BACKBONES[name].partition(":")
    backbone: StagedBackbone = getattr(import_module(module), made_by)()
    return backbone
