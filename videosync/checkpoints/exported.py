"""Folders that ``videosync export`` wrote, read as if they were runs: for evaluation, sets and new training."""

from __future__ import annotations

from pathlib import Path

from videosync.checkpoints.checkpoint import WEIGHTS, Checkpoint
from videosync.errors import CheckpointError
from videosync.models.exported import CARD_JSON, read_card


def read_exported_checkpoint(folder: Path) -> Checkpoint:
    """The encoder in an exported folder, without its weights; there is nothing in it to go on training with.

    Raises:
        CheckpointError: the folder holds something else, is damaged, or was exported without safetensors.
    """
    facts = read_card(folder, kind="encoder")
    if not (folder / WEIGHTS).is_file():
        raise CheckpointError(f"{folder}: holds no {WEIGHTS}; export the run again with --format safetensors")
    checkpoint = facts.get("checkpoint", {})
    try:
        return Checkpoint(
            folder=folder,
            epoch=int(checkpoint["epoch"]),
            step=int(checkpoint["step"]),
            metrics=dict(checkpoint["metrics"]),
            config=dict(facts["config"]),
            weights_hash=str(checkpoint["weights_hash"]),
            state_hash="",
        )
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"{folder / CARD_JSON}: damaged ({type(error).__name__}: {error}); export again"
        ) from error
