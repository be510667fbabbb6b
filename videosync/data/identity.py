"""What a result was made from, as short hashes: a finished one is known again by them, or known to be out of date.

A file counts as unchanged while its size and its time of change (in ns) are: reading every video would take about as
long as embedding it. A dataset may move as a whole, since names count from its folder on. A copy whose files got new
times counts as other files; one exchanged for a file of the same size and the same time is not noticed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from videosync.version import __version__

PACKAGE = Path(__file__).resolve().parents[1]
WORDS = {  # parts of what a result was made from, as a sentence names them
    "weights": "the encoder's weights",
    "pairs": "the pairs or their labels",
    "videos": "video files (size or time of change)",
    "labelled_videos": "frame labels or the videos of the phase tasks",
    "labelled_files": "the labelled files, or their classes and folds",
    "detectors": "trained detectors",
    "room": "the longest window of all splits",
    "set": "the similarity set",
    "code": "the code",
}


def content_hash(content: Any) -> str:
    """Identity of content that JSON can hold (anything else counts by its text)."""
    text = json.dumps(content, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def file_stamp(path: str | Path) -> list[int] | None:
    """[bytes, time of change in ns] of a file; None where there is none."""
    try:
        found = Path(path).stat()
    except FileNotFoundError:
        return None
    return [found.st_size, found.st_mtime_ns]


def files_hash(root: Path, paths: Iterable[str | Path]) -> str:
    """Identity of files, by their names inside ``root`` and their stamps."""
    return content_hash({inside(root, path): file_stamp(path) for path in paths})


def inside(root: Path, path: str | Path) -> str:
    """``path`` as it reads from ``root`` on; absolute where it lies elsewhere."""
    return str(Path(path).absolute()).removeprefix(f"{root.absolute()}/")


def code_hash(*parts: str) -> str:
    """Identity of the release and of the files in ``parts`` of the package ("models", "data/backbone_cache.py").

    Between releases the version does not change, but what the code computes may.
    """
    digest = hashlib.sha256(__version__.encode())
    for part in parts:
        path = PACKAGE / part
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(f"{file.relative_to(PACKAGE)}\n".encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def what_changed(before: Mapping[str, Any] | None, now: Mapping[str, Any]) -> list[str]:
    """In what ``now`` differs from what an earlier result was made from; empty where in nothing.

    Options (part "options") are named with both values, all else by its kind.
    """
    if not before:
        return ["what it was made from was not recorded"]
    changed = option_changes(before.get("options", {}), now.get("options", {}))
    parts = [part for part in {**before, **now} if part != "options"]
    return changed + [WORDS.get(part, part) for part in parts if before.get(part) != now.get(part)]


def option_changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """``"similarity.temperature is 0.2 but was 0.1"`` for each option that differs."""
    keys = [key for key in {**before, **now} if before.get(key) != now.get(key)]
    return [f"{key} is {now.get(key)} but was {before.get(key)}" for key in keys]
