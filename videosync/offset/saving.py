"""Detectors on disk: arrays and JSON, nothing that could execute code; complete or absent.

``{folder}/detector.json`` says what it is and how it was made, ``{folder}/detector.safetensors`` holds the arrays.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

from videosync.errors import CheckpointError, did_you_mean
from videosync.files import finished_folders, new_folder, read_object, write_json
from videosync.foreign import read_safetensors
from videosync.offset.detector import Detector

FORMAT = 1
FACTS_FILE, ARRAYS_FILE = "detector.json", "detector.safetensors"


def save_detector(detector: Detector, folder: str | Path, facts: Mapping[str, Any]) -> None:
    """Write a fitted detector as ``folder``, replacing one that is there.

    Args:
        facts: JSON-ready; e.g. prefix, set_hash, encoder, encoder_hash, versions, train, metrics.
    """
    description = {
        **facts,
        "format": FORMAT,
        "method": detector.method,
        "size": detector.size,
        "shortest": detector.shortest,
        "max_offset": detector.max_offset,
        "options": asdict(detector.options),
    }
    with new_folder(folder) as building:
        save_file({name: value.copy() for name, value in detector.arrays().items()}, building / ARRAYS_FILE)
        write_json(building / FACTS_FILE, description)


def read_facts(folder: str | Path) -> dict[str, Any]:
    """The JSON of a saved detector.

    Raises:
        CheckpointError: there is none (names what is there), or it cannot be read.
    """
    folder = Path(folder)
    path = folder / FACTS_FILE
    if not path.is_file():
        trained = trained_detectors(folder.parent)
        if trained:
            hint = f" Trained there: {', '.join(trained)}."
        else:
            prefixes = sorted(p.name for p in folder.parent.parent.glob("*") if trained_detectors(p))
            hint = did_you_mean(folder.parent.name, prefixes)
        raise CheckpointError(
            f"{folder} holds no detector.{hint} Train one with train_sync_offset_detector.py "
            f"--prefix {folder.parent.name} --sync_methods {folder.name}"
        )
    try:
        facts = read_object(path)
    except ValueError as error:
        raise CheckpointError(f"{path} is not JSON ({error}); train the detector again") from error
    if facts.get("format") != FORMAT:
        raise CheckpointError(f"{path} is not a detector of this version (format {FORMAT}); train it again")
    return facts


def read_arrays(folder: str | Path) -> dict[str, np.ndarray]:
    """The arrays of a saved detector, by name. Raises CheckpointError if they are missing or damaged."""
    return read_safetensors(Path(folder) / ARRAYS_FILE, load_file, "train the detector again")


def detector_hash(folder: str | Path) -> str:
    """Identity of a saved detector: sha256 of its JSON and its arrays. Raises CheckpointError if there is none."""
    facts = read_facts(folder)
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    digest.update((Path(folder) / ARRAYS_FILE).read_bytes())
    return digest.hexdigest()


def trained_detectors(folder: str | Path) -> list[str]:
    """Names of the finished detectors in ``folder``."""
    return [path.name for path in finished_folders(Path(folder)) if (path / FACTS_FILE).is_file()]
