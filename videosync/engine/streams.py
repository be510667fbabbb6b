"""The two streams that recognition evaluates: out of a run, out of published weights, or as initialised."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from videosync.checkpoints.carl import find_any_checkpoint
from videosync.checkpoints.checkpoint import Checkpoint, choice, load_weights
from videosync.checkpoints.crisscross import BACKBONES, STEM, Kind, find_published, held_kinds, load_published
from videosync.config.load import config_from_dict
from videosync.config.schema import Config
from videosync.data.identity import content_hash
from videosync.engine.feature_cache import weights_hash
from videosync.errors import CheckpointError
from videosync.models.card import CARD_JSON, is_export, read_card
from videosync.models.crisscross import CrissCrossModel
from videosync.recognition.handmade import HANDMADE, Handmade
from videosync.recognition.tasks import Streams

RANDOM = "random"


def load_streams(
    config: Config, *, workdir: Path, logdir: Path, wanted: tuple[Kind, ...], every: bool
) -> tuple[Streams, dict[str, Any]]:
    """The backbones that ``config`` and ``logdir`` name, float32 on the CPU and in evaluation mode.

    In this order: with ``eval.checkpoint`` random a network that was not trained, with means or statistics none at
    all (:mod:`videosync.recognition.handmade`); the published weights that ``crisscross.video_weights`` and
    ``audio_weights`` name; those in ``logdir``, where it is a file or an export; its run.

    Args:
        wanted: the streams that tasks are about. every: all of them are needed, not just one.

    Returns:
        What was found, and ``{"name", "hash", "checkpoint"}`` as of an encoder.

    Raises:
        CheckpointError: there is none, it cannot be read, or it is of the other stream.
    """
    named: dict[Kind, str] = {"video": config.crisscross.video_weights, "audio": config.crisscross.audio_weights}
    if config.eval.checkpoint == RANDOM:
        found = _fresh(config)
    elif config.eval.checkpoint in HANDMADE:
        found = _handmade(config.eval.checkpoint)
    elif any(named.values()):
        paths = {kind: find_published(name, kind, workdir) for kind, name in named.items() if name and kind in wanted}
        found = _published(config, paths)
    elif logdir.is_file() or is_export(logdir):
        if is_export(logdir):
            card = read_card(logdir, kind="two_streams")
            config = config_from_dict(card["config"], source=str(logdir / CARD_JSON))
        kinds = held_kinds(logdir)
        found = _published(config, {kind: logdir for kind in wanted if kind in kinds} or {wanted[0]: logdir})
    elif not logdir.exists():
        raise CheckpointError(
            f"--logdir {logdir}: there is no such file or folder; give a file of published weights, or the folder of a "
            "run or of its export"
        )
    else:
        found = _run(config, logdir)
    streams, _ = found
    absent = [kind for kind in wanted if getattr(streams, kind) is None]
    if absent and (every or len(absent) == len(wanted)):
        raise CheckpointError(
            f"there are no {absent[0]} weights, which eval.tasks needs; name some in crisscross.{absent[0]}_weights, "
            "give a --logdir that holds them, or set eval.checkpoint to random for a network that was not trained"
        )
    return found


def checkpoint_streams(config: Config, checkpoint: Checkpoint) -> CrissCrossModel:
    """The network that ``config.crisscross`` describes with a checkpoint's weights: float32, on the CPU, in eval mode.

    Raises CheckpointError: the weights do not fit it.
    """
    model = CrissCrossModel(config.crisscross)
    load_weights(model, checkpoint)
    return model.eval()


def _fresh(config: Config) -> tuple[Streams, dict[str, Any]]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.train.seed)
        model = CrissCrossModel(config.crisscross).eval()
    about = [config.train.seed, vars(config.crisscross), torch.__version__]
    taken = {"name": RANDOM, "epoch": 0, "step": 0, "why": f"none: initialised with seed {config.train.seed}"}
    return Streams(model.video, model.audio, model), {
        "name": f"random (seed {config.train.seed})",
        "hash": f"random {content_hash(about)}",
        "checkpoint": taken,
    }


def _handmade(name: str) -> tuple[Streams, dict[str, Any]]:
    parts: Any = [Handmade(statistic) for statistic in HANDMADE[name]]  # in place of backbones
    taken = {"name": name, "epoch": 0, "step": 0, "why": f"none: {name} that are made by hand"}
    return Streams(*parts), {"name": name, "hash": name, "checkpoint": taken}


def _published(config: Config, paths: dict[Kind, Path]) -> tuple[Streams, dict[str, Any]]:
    parts: dict[str, Any] = {}
    for kind, path in paths.items():
        _, weights = load_published(path, kind)
        own = {"normalise_clip": config.crisscross.normalise_clip} if kind == "video" else {}
        parts[kind] = BACKBONES[kind](width=len(weights[STEM]), **own)
        parts[kind].load_state_dict(weights)
        parts[kind].eval()
    hashes = {kind: weights_hash(backbone) for kind, backbone in parts.items()}
    said = " and ".join(f"{path.name} ({kind})" for kind, path in paths.items())
    taken = {"name": said, "epoch": 0, "step": 0, "why": f"weights: {said}"}
    return Streams(**parts), {"name": said, "hash": content_hash(hashes), "checkpoint": taken}


def _run(config: Config, logdir: Path) -> tuple[Streams, dict[str, Any]]:
    checkpoint = find_any_checkpoint(logdir, config.eval.checkpoint)
    trained = config_from_dict(checkpoint.config, source=str(checkpoint.folder))
    if trained.model.name != "crisscross":
        raise CheckpointError(
            f"{checkpoint.folder}: model.name was '{trained.model.name}' in training, an encoder of frames; "
            "recognition takes the two streams of 'crisscross'"
        )
    model = checkpoint_streams(trained, checkpoint)
    taken = {
        "name": checkpoint.folder.name,
        "epoch": checkpoint.epoch,
        "step": checkpoint.step,
        "why": choice(checkpoint),
    }
    place = f"{logdir.name} (epoch {checkpoint.epoch})"
    return Streams(model.video, model.audio, model), {
        "name": place,
        "hash": checkpoint.weights_hash,
        "checkpoint": taken,
    }
