"""Checkpoints on disk: complete or absent, and nothing in them can run code.

Layout::

    {logdir}/checkpoints/{last,best,epoch_0010}/
        model.safetensors   weights and buffers
        state.pt            optimizer, scaler, random states, place in the data (weights_only=True)
        checkpoint.json     epoch, step, metrics, config, versions, hash of the weights: for people to read
"""

from __future__ import annotations

import json
import pickle
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from videosync.errors import CheckpointError, did_you_mean
from videosync.files import file_hash, finished_folders, new_folder, read_object, write_text
from videosync.foreign import read_safetensors, said
from videosync.models.card import CARD_JSON, WEIGHTS, read_card
from videosync.models.pickled import DAMAGE
from videosync.models.weights import misfits
from videosync.version import __version__

STATE = "state.pt"
SUMMARY = "checkpoint.json"
_COPIES = re.compile(r"best|epoch_\d+")


@dataclass(frozen=True)
class Checkpoint:
    """One complete checkpoint folder and what its ``checkpoint.json`` says."""

    folder: Path
    epoch: int  # whole epochs done
    step: int  # optimizer steps done
    metrics: dict[str, float]
    config: dict[str, Any]
    weights_hash: str  # sha256 of model.safetensors

    state_hash: str  # sha256 of state.pt
    validation: str = ""  # what was found on held-out events, in words; "": not noted
    copies: tuple[str, ...] = ()  # names under which it was to be kept as well

    def weights(self) -> dict[str, Tensor]:
        """Raises CheckpointError when the file is not the one that ``checkpoint.json`` describes."""
        return read_safetensors(self._checked(WEIGHTS, self.weights_hash), load_file)

    def training_state(self) -> dict[str, Any]:
        """Everything but the weights that resuming needs. Raises CheckpointError like :meth:`weights`."""
        path = self._checked(STATE, self.state_hash)
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
        except pickle.UnpicklingError as error:
            raise CheckpointError(f"{path}: holds more than tensors and plain values, and is not read") from error
        except DAMAGE as error:
            raise CheckpointError(f"{path}: damaged ({said(error)}); use another checkpoint of the run") from error
        if not isinstance(state, dict):
            raise CheckpointError(f"{path}: holds no state of a training; use another checkpoint of the run")
        return state

    def _checked(self, name: str, expected: str) -> Path:
        path = self.folder / name
        if not path.is_file():
            raise CheckpointError(f"{path}: missing; the checkpoint is not complete")
        if file_hash(path) != expected:
            raise CheckpointError(
                f"{path}: does not match the hash in {SUMMARY}; the file is damaged or was exchanged. "
                "Use another checkpoint of the run"
            )
        return path


def checkpoints_folder(logdir: str | Path) -> Path:
    return Path(logdir) / "checkpoints"


def save_checkpoint(
    logdir: str | Path,
    name: str,
    *,
    weights: Mapping[str, Tensor],
    state: Mapping[str, Any],
    epoch: int,
    step: int,
    metrics: Mapping[str, float],
    config: Mapping[str, Any],
    validation: str = "",
    copies: Sequence[str] = (),
) -> Checkpoint:
    """Write ``{logdir}/checkpoints/{name}`` under a temporary name, then rename it into place; then its ``copies``.

    It says which these are, so that :func:`make_up_copies` has them where this process does not get to them.
    """
    folder = checkpoints_folder(logdir) / name
    with new_folder(folder) as partial:
        # clones: safetensors refuses tensors that share memory or are not contiguous (channels-last weights)
        save_file({key: t.detach().cpu().contiguous().clone() for key, t in weights.items()}, partial / WEIGHTS)
        with (partial / STATE).open("wb") as file:
            torch.save(dict(state), file)
        summary = {
            "epoch": epoch,
            "step": step,
            "metrics": dict(metrics),
            "validation": validation,
            "copies": list(copies),
            "weights_hash": file_hash(partial / WEIGHTS),
            "state_hash": file_hash(partial / STATE),
            "versions": {"videosync": __version__, "torch": torch.__version__, "python": platform.python_version()},
            "git_commit": git_commit(),
            "config": dict(config),
        }
        write_text(partial / SUMMARY, json.dumps(summary, indent=2, ensure_ascii=False) + "\n")
    checkpoint = read_checkpoint(folder)
    for copy in copies:
        copy_checkpoint(checkpoint, copy)
    return checkpoint


def make_up_copies(logdir: str | Path) -> list[str]:
    """Make the copies of ``last`` that a process did not get to which was killed, or met a full disk; their names.

    Raises CheckpointError: a checkpoint is damaged. VideoWriteError: the disk is still full.
    """
    found = {checkpoint.folder.name: checkpoint for checkpoint in list_checkpoints(logdir)}
    last = found.get("last")
    if last is None:
        return []
    made = [name for name in last.copies if name not in found or found[name].step < last.step]
    for name in made:
        copy_checkpoint(last, name)
    return made


def copy_checkpoint(source: Checkpoint, name: str) -> None:
    """Make ``name`` a copy of ``source`` in the same run (``best``, ``epoch_0010``)."""
    with new_folder(source.folder.parent / name) as partial:
        for file in source.folder.iterdir():
            shutil.copyfile(file, partial / file.name)


def read_checkpoint(folder: str | Path) -> Checkpoint:
    """What ``folder`` holds, without its weights.

    Raises:
        CheckpointError: the folder or its ``checkpoint.json`` is missing or malformed.
    """
    folder = Path(folder)
    path = folder / SUMMARY
    if not path.is_file():
        raise CheckpointError(f"{folder}: not a checkpoint (it has no {SUMMARY})")
    try:
        return _described(folder, read_object(path))
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise CheckpointError(
            f"{path}: damaged, or no description of a checkpoint ({type(error).__name__}: {error}); "
            f"delete {folder} to go on without it"
        ) from error


def _described(folder: Path, facts: Mapping[str, Any]) -> Checkpoint:
    return Checkpoint(
        folder=folder,
        epoch=int(facts["epoch"]),
        step=int(facts["step"]),
        metrics=dict(facts["metrics"]),
        config=dict(facts["config"]),
        weights_hash=str(facts["weights_hash"]),
        state_hash=str(facts["state_hash"]),
        validation=str(facts.get("validation", "")),
        copies=tuple(name for name in map(str, facts.get("copies", ())) if _COPIES.fullmatch(name)),
    )


def read_exported_checkpoint(folder: Path) -> Checkpoint:
    """The encoder in a folder that ``videosync export`` wrote, as if it were one of a run, without its weights.

    There is nothing in it to go on training with.

    Raises:
        CheckpointError: the folder holds something else, is damaged, or was exported without safetensors.
    """
    facts = read_card(folder, kind="encoder")
    if not (folder / WEIGHTS).is_file():
        raise CheckpointError(f"{folder}: holds no {WEIGHTS}; export the run again with --format safetensors")
    try:
        return _described(folder, {**facts["checkpoint"], "config": facts["config"], "state_hash": ""})
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"{folder / CARD_JSON}: damaged ({type(error).__name__}: {error}); export again"
        ) from error


def list_checkpoints(logdir: str | Path) -> list[Checkpoint]:
    """Every complete checkpoint of a run. Raises CheckpointError when one of them is damaged."""
    return [read_checkpoint(folder) for folder in finished_folders(checkpoints_folder(logdir))]


def latest_checkpoint(logdir: str | Path) -> Checkpoint | None:
    """The checkpoint with the most steps (``last`` among equals), or None when the run has none."""
    found = list_checkpoints(logdir)
    return max(found, key=lambda c: (c.step, c.folder.name == "last"), default=None)


def find_checkpoint(logdir: str | Path, name: str) -> Checkpoint:
    """The checkpoint called ``name`` ("best", "last", "epoch_0010") of a run.

    Raises:
        CheckpointError: there is none (the message names those there are and the nearest), or it is damaged.
    """
    root = checkpoints_folder(logdir)
    found = {folder.name: folder for folder in finished_folders(root)}
    if name in found:
        return read_checkpoint(found[name])
    if not found:
        raise CheckpointError(
            f"{root}: no checkpoint '{name}' there, nor any other; train first "
            f"(train.py --logdir {logdir}) or give the --logdir of a finished training run"
        )
    hint = did_you_mean(name, found)
    raise CheckpointError(f"{root}: no checkpoint '{name}'; there are {', '.join(sorted(found))}.{hint}")


def choice(checkpoint: Checkpoint) -> str:
    """Which one it is and why, such as "best: epoch 12 of 30, expected error 1.31 frames on …; last: epoch 30"."""
    name, ours = checkpoint.folder.name, checkpoint.step > 0  # not converted from other code
    planned = checkpoint.config.get("train", {}).get("epochs") if ours else None
    found = checkpoint.validation or ("why was not noted" if ours and name == "best" else "")
    said = f"{name}: epoch {checkpoint.epoch}" + (f" of {planned}" if planned else "")
    last = checkpoint.folder.with_name("last")
    latest = f"; last: epoch {read_checkpoint(last).epoch}" if name == "best" and last.is_dir() else ""
    return said + (f", {found}" if found else "") + latest


def load_weights(model: nn.Module, checkpoint: Checkpoint) -> None:
    """Copy a checkpoint's weights into ``model``.

    Raises:
        CheckpointError: names or shapes differ; the message lists the first of each kind.
    """
    weights = checkpoint.weights()
    if problems := misfits(model.state_dict(), weights):
        raise CheckpointError(
            f"{checkpoint.folder / WEIGHTS} does not fit the model ({problems}). "
            "Use the config the checkpoint was trained with (its model section is in checkpoint.json)"
        )
    model.load_state_dict(weights)


def git_commit() -> str | None:
    """Commit of the checkout this code runs from; None outside a checkout or without git."""
    root = Path(__file__).resolve().parents[2]
    git = shutil.which("git")
    if git is None or not (root / ".git").exists():
        return None
    answer = subprocess.run([git, "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=False)
    return answer.stdout.strip() or None
