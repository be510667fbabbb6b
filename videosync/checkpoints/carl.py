"""Checkpoints of CARL and of the VideoSync research code (``checkpoint_epoch_00299.pth``), read as if they were ours.

Such a file holds ``epoch``, ``model_state``, ``optimizer_state`` and ``cfg``. The weights get our names, the model
options are read off their shapes and, where it can be read, ``cfg``; the optimizer's state is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from videosync.checkpoints.carl_names import from_carl, model_options, to_carl
from videosync.checkpoints.checkpoint import Checkpoint, checkpoints_folder, find_checkpoint, read_exported_checkpoint
from videosync.errors import CheckpointError
from videosync.files import file_hash, new_file
from videosync.models.card import is_export
from videosync.models.pickled import read_pickled

PATTERN = "checkpoint_epoch_*.pth"
# what every published model is, beside what its weights' shapes say
MODEL = {"backbone": "resnet50", "input": "rgb", "positions": "stretched", "temporal_kernel": 0}
PICKLES = (".pth", ".pt", ".tar", ".ckpt")


@dataclass(frozen=True)
class CarlCheckpoint(Checkpoint):
    """``folder`` is the file itself; ``config`` holds the options that are known of it."""

    def weights(self) -> dict[str, Tensor]:
        """Under our names. Raises CheckpointError when the file is damaged or holds other names."""
        state = _read(self.folder)["model_state"]
        with _naming(self.folder):
            return from_carl(state)

    def training_state(self) -> dict[str, Any]:
        raise CheckpointError(
            f"{self.folder}: written by other code, so training cannot go on from it as if it had never stopped; start "
            "anew from its weights in another --logdir, with --opts train.start_from FILE"
        )


def read_carl_checkpoint(path: Path) -> CarlCheckpoint:
    """What the file says of itself.

    Raises:
        CheckpointError: no such file, not such a checkpoint, or it holds objects that could run code.
    """
    content = _read(path)
    state, epoch, cfg = content["model_state"], content.get("epoch"), content.get("cfg")
    with _naming(path):
        model = {**MODEL, **model_options(state)}
        from_carl(state)
    told = {
        "heads": _number(cfg, "MODEL", "EMBEDDER_MODEL", "NUM_HEADS"),
        "num_frames": _number(cfg, "TRAIN", "NUM_FRAMES"),
        "image_size": _number(cfg, "IMAGE_SIZE"),
    }
    known = {name: number for name, number in told.items() if number}
    if "heads" in known:
        model["heads"] = known.pop("heads")
    return CarlCheckpoint(
        folder=path,
        epoch=epoch + 1 if isinstance(epoch, int) else 0,
        step=0,
        metrics={},
        config={"model": model, "data": known},
        weights_hash=file_hash(path),
        state_hash="",
    )


def find_any_checkpoint(logdir: Path, name: str) -> Checkpoint:
    """The checkpoint ``name`` of a run of ours; in a folder with none of ours, the newest of CARL's.

    ``logdir`` may also be a CARL checkpoint file, or a folder that ``videosync export`` wrote, which has one.

    Raises:
        CheckpointError: there is none, or it cannot be read.
    """
    if logdir.is_file() and logdir.suffix in PICKLES:
        return read_carl_checkpoint(logdir)
    if is_export(logdir):
        return read_exported_checkpoint(logdir)
    root = checkpoints_folder(logdir)
    ours = any(path.is_dir() for path in root.iterdir()) if root.is_dir() else False
    theirs = sorted([*root.glob(PATTERN), *logdir.glob(PATTERN)], key=lambda path: path.name)
    if theirs and not ours:
        return read_carl_checkpoint(theirs[-1])
    return find_checkpoint(logdir, name)


def write_carl_checkpoint(checkpoint: Checkpoint, path: Path) -> None:
    """Write the weights of ``checkpoint`` as CARL's code loads them: inverse of :func:`read_carl_checkpoint`.

    Its optimizer state is empty, as ours belongs to other parameters' order; ``cfg`` is left out, which CARL's loader
    does not read.

    Raises:
        CheckpointError: the model has parts that CARL's does not have.
    """
    if checkpoint.config["model"].get("clip_norm"):
        raise CheckpointError(
            f"{checkpoint.folder}: model.clip_norm is on, which CARL's model does not know; it cannot be written "
            "in its format"
        )
    state = to_carl(checkpoint.weights(), layer=int(checkpoint.config["model"]["layer"]))
    content = {
        "epoch": checkpoint.epoch - 1,
        "model_state": {name: tensor.contiguous() for name, tensor in state.items()},
        "optimizer_state": {},
    }
    with new_file(path) as temporary, temporary.open("wb") as file:
        torch.save(content, file)


def _read(path: Path) -> dict[str, Any]:
    content = read_pickled(path)
    if not isinstance(content, dict) or not isinstance(content.get("model_state"), Mapping):
        keys = ", ".join(map(str, list(content)[:5])) if isinstance(content, Mapping) else type(content).__name__
        raise CheckpointError(
            f"{path}: no CARL or VideoSync checkpoint (it holds {keys}); expected epoch, model_state, "
            "optimizer_state and cfg. Weights of a backbone alone are given as model.weights"
        )
    return content


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    try:
        yield
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from error


def _number(value: Any, *keys: str) -> int | None:
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
