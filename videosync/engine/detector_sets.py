"""Where similarity sets and detectors are, and whether what was made apart may be used together."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from videosync.config.schema import Config
from videosync.data.identity import what_changed
from videosync.errors import CheckpointError, ConfigError, TrainingError
from videosync.offset.clip_detector import ClipDetector
from videosync.offset.methods import DETECTORS, PREDICTORS, load_detector
from videosync.offset.saving import FACTS_FILE, trained_detectors
from videosync.similarity.store import load_similarity_set, similarity_set_exists
from videosync.types import MatrixPairs

MOST_SHOWN = 8  # offsets named one by one


def places(path: str, workdir: Path) -> list[Path]:
    """Where a folder of the config may be: as it stands and, if relative, in workdir."""
    here = Path(path)
    return [here] if here.is_absolute() else [here, workdir / here]


def find_set(path: str, workdir: Path, prefix: str, split: str) -> tuple[MatrixPairs, dict[str, Any]]:
    """The similarity set in the first of the ``places`` that has it.

    Raises CheckpointError: none has it, or it is incomplete.
    """
    folders = places(path, workdir)
    with_set = [folder for folder in folders if similarity_set_exists(folder, prefix, split)]
    with_any = [folder for folder in folders if folder.is_dir()]
    return load_similarity_set((with_set or with_any or folders)[0], prefix, split, whole=True)


def find_detectors(path: str, workdir: Path, prefix: str) -> Path:
    """The folder of detectors trained on ``prefix``, in the first of the ``places`` that has one."""
    folders = [place / prefix for place in places(path, workdir)]
    present = [folder for folder in folders if folder.is_dir()]
    return (present or folders)[0]


def load_clip_detector(source: str | PathLike[str], *, workdir: Path) -> ClipDetector:
    """A trained detector, as ``videosync.sync`` takes it.

    Args:
        source: a detector's folder, or ``prefix/name``, which lies where ``paths.detectors`` is by default.

    Raises:
        ConfigError: one that reads matrices of one size only, or a method that needs no training.
        CheckpointError: there is none, or it is damaged.
    """
    folder = Path(source).expanduser()
    prefix, _, name = str(source).partition("/")
    if not folder.is_dir() and not name and source not in DETECTORS:
        raise ConfigError(
            f"detector {source}: "
            + (
                "needs no training, and none is needed to read an encoder's similarity as diagonal does; leave it out"
                if source in PREDICTORS
                else "there is no such folder; expected that of a trained detector, or prefix/name of one"
            )
        )
    if not folder.is_dir() and not name:
        raise ConfigError(f"detector {source}: is the name of a method; give prefix/{source}, or its folder")
    if not folder.is_dir() and "/" not in name:
        if not workdir.is_dir():
            raise ConfigError(f"--workdir {workdir}: no such folder")
        folder = find_detectors(Config().paths.detectors, workdir, prefix) / name
        if not folder.is_dir():
            raise CheckpointError(
                f"detector {source}: neither a folder nor in {folder.parent.parent}; --workdir says where detectors/ is"
            )
    if not (folder / FACTS_FILE).is_file():
        inside = ", ".join(trained_detectors(folder)) or "none"
        raise CheckpointError(f"detector {source}: {folder} holds no trained detector itself (in it: {inside})")
    return ClipDetector(*load_detector(folder))


def matrix_notes(name: str, facts: Mapping[str, Any], header: Mapping[str, Any]) -> list[str]:
    """Sentences on how the matrices that a detector was trained on differ from those it is asked about.

    Args:
        facts: the detector's JSON. header: ``metric``, ``temperature`` and perhaps ``encoder_hash`` of the matrices.
    """
    notes = [
        f"{name} was trained on matrices with {key} {facts.get(key)}, the data has {header[key]}; build both with "
        f"similarity.{key} alike for a fair comparison"
        for key in ("metric", "temperature")
        if facts.get(key) != header[key]
    ]
    if "encoder_hash" in header and facts.get("encoder_hash") != header["encoder_hash"]:
        notes.append(
            f"{name} was trained on matrices of another encoder ({facts.get('encoder', 'not recorded')}); make a set "
            "with this one and train it on that"
        )
    return notes


def check_made_alike(train: Mapping[str, Any], reported: Mapping[str, Any], prefix: str) -> None:
    """Raises CheckpointError if the headers of two splits of a set tell of other options or weights."""
    made = [
        {key: header.get("made_from", {}).get(key) for key in ("options", "weights")} for header in (train, reported)
    ]
    if all(made[0].values()) and all(made[1].values()) and (changed := what_changed(*made)):
        raise CheckpointError(
            f"similarity set '{prefix}': {prefix}_{reported['split']}.json was made otherwise than {prefix}_train.json "
            f"({'; '.join(changed)}); rebuild both in one go"
        )


def classes_note(name: str, facts: Mapping[str, Any]) -> list[str]:
    """Which offsets a detector has learned from, if not all of its range; ``facts`` are those saved with it."""
    seen, max_offset = facts.get("train", {}).get("offsets_seen"), facts["max_offset"]
    if seen is None or len(seen) == 2 * max_offset + 1:
        return []
    shown = [*map(str, seen)] if len(seen) <= MOST_SHOWN else [*map(str, seen[:3]), "…", *map(str, seen[-3:])]
    return [f"{name} was trained on offsets of {len(seen)} of {2 * max_offset + 1} classes ({', '.join(shown)})"]


def check_apart(train: MatrixPairs, reported: MatrixPairs, split: str) -> None:
    """Raises TrainingError if an event is in both, CheckpointError if sizes or maximum offsets differ."""
    if shared := sorted(set(train.events) & set(reported.events)):
        raise TrainingError(
            f"{len(shared)} events are in both the train and the {split} split (for example {shared[0]!r}), so numbers "
            f"on {split} would be of events seen in training; split the dataset by event and rebuild the set"
        )
    here, there = (train.forward.shape[1], train.max_offset), (reported.forward.shape[1], reported.max_offset)
    if here != there:
        raise CheckpointError(
            f"the train split holds {here[0]} x {here[0]} matrices with offsets up to ±{here[1]}, the "
            f"{split} split {there[0]} x {there[0]} with up to ±{there[1]}; rebuild both in one go"
        )
