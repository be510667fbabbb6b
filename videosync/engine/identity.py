"""What sets and reports are made from, and how that differs from what the encoder was trained with."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from videosync.checkpoints.carl import find_any_checkpoint
from videosync.config.load import config_to_dict
from videosync.config.options import options
from videosync.config.schema import Config
from videosync.data.identity import code_hash, content_hash, files_hash, inside
from videosync.engine.encoders import FREE_OPTIONS, HEAD_OPTIONS
from videosync.engine.run_record import trained_rates
from videosync.errors import CheckpointError
from videosync.types import SyncPair

RATE_TOLERANCE = 0.01  # relative; encoders do not see a smaller difference
# what an encoder sees, unlike the options in FREE_OPTIONS and HEAD_OPTIONS
_FREE = {f"model.{name}" for name in (*FREE_OPTIONS, *HEAD_OPTIONS)}


def options_of(config: Config, *wanted: str) -> dict[str, Any]:
    """The options that decide what the encoder makes of a dataset, and those ``wanted``: groups or single ones."""
    wanted = ("data.dataset", "data.image_size", "model", "eval.precision", "eval.engine", *wanted)
    if config.model.positions == "stretched":
        wanted = (*wanted, "data.num_frames")
    values = config_to_dict(config)
    found = {}
    for key in options():
        section, _, name = key.partition(".")
        if (key in wanted or section in wanted) and key not in _FREE:
            found[key] = values[section][name]
    return found


def pairs_made_from(config: Config, workdir: Path, pairs: Sequence[SyncPair]) -> dict[str, str]:
    """Windows, labels and files of ``pairs``."""
    root = workdir / config.data.dataset
    named = [asdict(pair) for pair in pairs]
    for pair in named:
        for window in (pair["window0"], pair["window1"]):
            window["video"] = inside(root, window["video"])
    windows = [window for pair in pairs for window in (pair.window0, pair.window1)]
    return {"pairs": content_hash(named), "videos": files_hash(root, {window.video for window in windows})}


def result_code() -> str:
    """Identity of the code between a trained encoder and a number about it."""
    parts = ("checkpoints", "evaluation", "lags", "models", "offset", "phases", "similarity", "video")
    return code_hash("engine/encoders.py", "engine/runtimes.py", *parts)


def run_differences(
    config: Config, logdir: Path, *, rates: Collection[float], lengths: Collection[int] = ()
) -> tuple[dict[str, Any], list[str]]:
    """What the encoder of ``logdir`` is shown now otherwise than in its training.

    Args:
        config: its model is the trained one (:func:`videosync.engine.encoders.check_same_model`).
        rates: frames/s of the videos. lengths: frames of the windows that are embedded.

    Returns:
        The options that differ, with their values now, and a sentence about each difference.

    Raises:
        CheckpointError: no such checkpoint.
    """
    if config.model.name == "noise":
        return {}, []
    checkpoint = find_any_checkpoint(logdir, config.eval.checkpoint)
    trained = checkpoint.config["data"]
    if not isinstance(trained, dict):
        raise CheckpointError(f"{checkpoint.folder}: its description is damaged (data is no group); copy it again")
    changed: dict[str, Any] = {}
    said = []
    size, frames = config.data.image_size, config.data.num_frames
    if (before := trained.get("image_size", size)) != size:
        changed["data.image_size"] = size
        said.append(f"data.image_size is {size} but was {before} in training: the encoder sees frames of another size")
    if config.model.positions == "stretched":
        if (before := trained.get("num_frames", frames)) != frames:
            changed["data.num_frames"] = frames
            said.append(
                f"data.num_frames is {frames} but was {before} in training: positions run over 0 … {frames - 1}, the "
                f"length that the options give, as in the reference code; data.num_frames={before} gives those of "
                "its training"
            )
        if others := sorted(set(lengths) - {frames}):
            span = str(others[0]) if len(others) == 1 else f"{others[0]} … {others[-1]}"
            said.append(f"windows have {span} frames: positions are stretched over the {frames} of data.num_frames")
    known = trained_rates(logdir)
    strange = sorted(r for r in rates if known and all(abs(r / rate - 1) > RATE_TOLERANCE for rate in known))
    if strange:
        said.append(f"videos have {_span(strange)} frames/s, those it was trained on {_span(known)}")
    return changed, said


def _span(rates: Sequence[float]) -> str:
    low, high = f"{min(rates):.5g}", f"{max(rates):.5g}"
    return low if low == high else f"{low} … {high}"
