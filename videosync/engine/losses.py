"""Losses by name: from the options to an objective, and the heads and labels that it needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from videosync.config.schema import Config, LossConfig
from videosync.data.labelled import FrameLabels, labelled_views
from videosync.data.manifest import read_manifest
from videosync.errors import ConfigError, ManifestError
from videosync.losses.objective import (
    Objective,
    classification,
    cycle_consistency,
    sequence_contrastive,
    time_contrastive,
)

RAW_BY_DEFAULT = (
    "tcc",
    "classification",
)  # as L2_NORMALIZE is set in the configurations of the reference code


def _scl(loss: LossConfig) -> Objective:
    return sequence_contrastive(
        temperature=loss.temperature,
        label_variance=loss.label_variance,
        negative_type=loss.negative_type,
        log_epsilon=loss.log_epsilon,
        lag_weight=loss.lag_weight,
    )


def _tcc(loss: LossConfig) -> Objective:
    return cycle_consistency(
        loss_type=loss.tcc_type,
        similarity=loss.tcc_similarity,
        temperature=loss.temperature,
        label_smoothing=loss.label_smoothing,
        variance_lambda=loss.variance_lambda,
        huber_delta=loss.huber_delta,
        reference_classification=loss.tcc_reference,
        unit=_unit(loss),
    )


def _tcn(loss: LossConfig) -> Objective:
    return time_contrastive(window=loss.tcn_window, reg_lambda=loss.reg_lambda, unit=_unit(loss))


def _classification(loss: LossConfig) -> Objective:
    return classification(unit=_unit(loss))


LOSSES: dict[str, Callable[[LossConfig], Objective]] = {
    "scl": _scl,
    "tcc": _tcc,
    "tcn": _tcn,
    "classification": _classification,
}


def build_loss(config: Config) -> Objective:
    """The objective that ``loss.name`` names."""
    return LOSSES[config.loss.name](config.loss)


def _unit(loss: LossConfig) -> bool:
    return loss.name not in RAW_BY_DEFAULT if loss.embeddings == "auto" else loss.embeddings == "unit"


def settle_heads(config: Config, workdir: Path) -> Config:
    """``config`` with the sizes of the heads that are trained: none that the loss does not look through.

    To be called before an encoder is built for training, so that its weights, and the options kept beside them, are
    those that are trained.

    Raises:
        ConfigError: fewer classes than the labels name. ManifestError: labels are needed and missing, or malformed.
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
