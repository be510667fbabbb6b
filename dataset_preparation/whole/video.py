"""Files that become clips whole: how they are found, and what is known of one before it is opened."""

from __future__ import annotations

import csv
import hashlib
import io
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Protocol

from dataset_preparation.clips.dataset import Dropped
from videosync.files import write_text

VIDEO_SUFFIXES = (".mp4", ".mkv", ".webm", ".avi", ".mov", ".m4v")
LABELS_NAME = "labels.csv"


class WholeVideo(Protocol):
    """A file that may become a clip."""

    @property
    def path(self) -> str: ...  # relative to the archive's folder, with /

    @property
    def event(self) -> str: ...

    @property
    def clip(self) -> str: ...  # where its clip goes, relative to the output folder


def clip_path(split: str, name: str) -> str:
    """Where a clip goes: 256 folders a split, since many file systems are slow with 200,000 files in one."""
    return f"{split}/{hashlib.sha256(name.encode()).hexdigest()[:2]}/{name}.mp4"


def video_files(
    root: Path, top: str, dropped: list[Dropped], others: Counter[str], *, depth: int | None = 1
) -> Iterator[str]:
    """Video files in the folder ``top`` of ``root`` and the folders inside it, relative to ``root``.

    Args:
        dropped: what cannot be used is added.
        others: the endings of other files are counted.
        depth: how many folders inside of each other are entered; None: any number.
    """
    folders = [(top, 0)]
    while folders:
        folder, level = folders.pop()
        if not (root / folder).is_dir():
            continue
        with os.scandir(root / folder) as entries:
            for entry in entries:
                path = f"{folder}/{entry.name}".removeprefix("./")
                if entry.name.startswith("."):  # ._name.mp4: what macOS adds to tar files
                    continue
                if not is_plain(entry.name):
                    shown = ascii(path)[1:-1]
                    why = "its name has control characters or is no UTF-8 text; rename it"
                    dropped.append(Dropped("", shown, "odd name", why))
                    continue
                if entry.name.lower().endswith(VIDEO_SUFFIXES) and not entry.is_dir():
                    yield path
                elif not entry.is_dir():
                    others[PurePosixPath(path).suffix] += 1
                elif depth is None or level < depth:
                    folders.append((path, level + 1))
                else:
                    why = f"is a folder inside a class folder; put its videos into {top}/ or {folder}/"
                    dropped.append(Dropped("", path, "folder too deep", why))


def is_plain(name: str) -> bool:
    """Whether a name can stand in lines of text: manifests, lists, tables."""
    try:
        name.encode()
    except UnicodeEncodeError:  # bytes that are no UTF-8
        return False
    return len(name.splitlines()) == 1 and "\t" not in name


def write_labels(folder: Path, labels: Mapping[str, str]) -> None:
    """Write ``folder/labels.csv`` (clip, label), sorted by clip: complete or not at all."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("clip", "label"))
    writer.writerows(sorted(labels.items()))
    write_text(folder / LABELS_NAME, text.getvalue())
