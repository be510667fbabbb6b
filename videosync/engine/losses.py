"""The loss that a configuration names, and the heads and labels that it needs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from videosync.config.schema import Config
from videosync.data.labelled import FrameLabels, labelled_views
from videosync.data.manifest import read_manifest
from videosync.errors import ConfigError, ManifestError
from videosync.losses.named import LOSSES
from videosync.losses.objective import Objective
from videosync.option import taken


def build_loss(config: Config) -> Objective:
    """The objective that ``loss.name`` names, with the options of ``loss`` that it has."""
    return taken(LOSSES[config.loss.name], config.loss)


def settle_heads(config: Config, workdir: Path) -> Config:
    """``config`` with the sizes of the heads that are trained: none that the loss does not look through.

    To be called before an encoder is built for training, so that its weights, and the options kept beside them, are
    those that are trained.

    Raises ConfigError: fewer classes than the labels name. ManifestError: labels are needed and missing, or malformed.
    """
    wanted = build_loss(config).wanted
    model = config.model
    if not wanted.get("project"):
        model = replace(model, projection_size=0)
    if wanted.get("classify"):
        model = replace(model, num_classes=_num_classes(config, workdir))
    return replace(config, model=model)


def _num_classes(config: Config, workdir: Path) -> int:
    """The largest label of the train split plus 1, or the larger number that was asked for."""
    manifest = read_manifest(workdir / config.data.dataset)
    classes = FrameLabels(labelled_views(manifest, "train")).classes
    if len(classes) < 2:
        named = ", ".join(map(str, classes)) or "none but unknown ones"
        raise ManifestError(
            f"{manifest.root}: the frame labels of the train split are {named}; supervised training needs two classes "
            "or more (0, 1, …; -1 = unknown)"
        )
    asked, found = config.model.num_classes, classes[-1] + 1
    if 0 < asked < found:
        raise ConfigError(
            f"model.num_classes is {asked}, but the frame labels of the train split go up to {found - 1}; set it to "
            f"{found} or more, or to 0 to count them"
        )
    return asked or found
