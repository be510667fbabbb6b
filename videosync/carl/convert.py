"""A CARL checkpoint as a checkpoint of our own, with the configuration that goes with it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from videosync.checkpoints.carl import read_carl_checkpoint
from videosync.checkpoints.checkpoint import checkpoints_folder, list_checkpoints, save_checkpoint
from videosync.config.load import config_from_dict, config_to_dict, save_config
from videosync.errors import CheckpointError
from videosync.models.encoder import Encoder, build_encoder
from videosync.models.options import ModelOptions
from videosync.models.weights import misfits

NAMES = ("last", "best")


def convert_from_carl(source: Path, logdir: Path, *, num_frames: int | None, heads: int | None) -> list[str]:
    """Write ``source`` as the checkpoints ``last`` and ``best`` of ``logdir``, and a ``config.yaml`` to use them with.

    Returns:
        Sentences that say what was done and assumed.

    Raises:
        CheckpointError: the file cannot be read or does not fit, its training length is not known, or ``logdir``
            already holds checkpoints.
    """
    if list_checkpoints(logdir):
        raise CheckpointError(f"{checkpoints_folder(logdir)}: holds checkpoints already; choose another folder")
    checkpoint = read_carl_checkpoint(source)
    known: dict[str, Any] = dict(checkpoint.config["model"])
    length = num_frames or checkpoint.config["data"].get("num_frames")
    if length is None:
        raise CheckpointError(
            f"{source}: does not tell the training length, to which its stretched positions are tied; give "
            "--num-frames (CARL trains on 80 frames of Kinetics and PennAction, on 240 of FineGym and Pouring)"
        )
    assumed = []
    if heads is not None:
        known["heads"] = heads
    elif "heads" not in known:
        assumed.append(f"model.heads={ModelOptions().heads}: the file does not tell it (--heads)")
    config = config_from_dict(
        {"model": {**known, "random_backbone": True}, "data": {**checkpoint.config["data"], "num_frames": length}},
        source=str(source),
    )
    weights = checkpoint.weights()
    encoder = build_encoder(config.model, num_frames=length)
    assert isinstance(encoder, Encoder)
    if problems := misfits(encoder.state_dict(), weights):
        raise CheckpointError(f"{source}: does not fit the model that its shapes describe ({problems})")
    for name in NAMES:
        save_checkpoint(
            logdir,
            name,
            weights=weights,
            state={},
            epoch=checkpoint.epoch,
            step=0,
            metrics={},
            config=config_to_dict(config),
        )
    save_config(config, logdir / "config.yaml")
    usual = asdict(ModelOptions())
    described = ", ".join(f"model.{key}={known[key]}" for key in usual if known.get(key, usual[key]) != usual[key])
    return [
        f"{source} (epoch {checkpoint.epoch}) → {checkpoints_folder(logdir)}: {len(weights)} tensors",
        f"options that are not the defaults, also in {logdir / 'config.yaml'}: data.num_frames={length}, {described}",
        *(f"assumed: {line}" for line in assumed),
        "its optimizer state is left out: start new training from it with --opts train.start_from " + str(logdir),
    ]
