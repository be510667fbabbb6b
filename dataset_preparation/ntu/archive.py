"""Which files of NTU RGB+D and NTU-SYN are there. Only folders are read here, no file is opened."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from dataset_preparation.clips.dataset import Dropped
from dataset_preparation.ntu.names import ANNOTATION_ENDING, VIDEO_ENDING, Name, parse_name
from videosync.errors import ManifestError

VIDEO_FOLDER = "raw_videos"
UNPACKED = "nturgb+d_rgb"  # what the official zip files unpack to; numbered copies begin with it, too
POSE_FOLDER = Path("NTU-SYN", "pose")
SPLITS = {"train": "train", "test": "val"}  # folder of NTU-SYN → split of the manifest


@dataclass
class Files:
    """The files of one kind."""

    paths: dict[Name, str] = field(default_factory=dict)
    folders: Counter[str] = field(default_factory=Counter)  # folder (relative to data_root) → files
    dropped: list[Dropped] = field(default_factory=list)  # files of the right kind that are not used


def find_videos(data_root: Path) -> Files:
    """The raw videos: in ``raw_videos``, in ``nturgb+d_rgb*``, or in ``data_root`` itself."""
    found = Files()
    if not data_root.is_dir():
        return found
    entries = sorted(os.scandir(data_root), key=lambda entry: entry.name)
    for entry in entries:
        if entry.is_file():
            _add(found, entry, VIDEO_ENDING, data_root)
    for entry in entries:
        if entry.is_dir() and (entry.name == VIDEO_FOLDER or entry.name.lower().startswith(UNPACKED)):
            for file in _files(entry.path):
                _add(found, file, VIDEO_ENDING, data_root)
    return found


def find_annotations(data_root: Path) -> dict[str, Files]:
    """NTU-SYN's annotation files by split of the manifest; a split whose folder is missing has none."""
    found = {}
    for folder, split in SPLITS.items():
        found[split] = Files()
        place = data_root / POSE_FOLDER / folder
        if place.is_dir():
            for file in _files(str(place)):
                _add(found[split], file, ANNOTATION_ENDING, data_root)
    return found


def require_some(data_root: Path, videos: Files, annotations: dict[str, Files] | None) -> None:
    """Raise ManifestError unless there are videos, and annotations where they are asked for (not None)."""
    labelled = sum(len(files.paths) for files in annotations.values()) if annotations else 0
    if annotations is not None and not labelled:
        inside = (data_root / POSE_FOLDER.name).is_dir() or data_root.name in (*POSE_FOLDER.parts, VIDEO_FOLDER)
        remedy = (
            "give the folder above it, which holds NTU-SYN"
            if inside
            else "give the folder that holds NTU-SYN, or --pretrain for videos without labels"
        )
        raise ManifestError(
            f"--data_root {data_root}: no *{ANNOTATION_ENDING} in {POSE_FOLDER}/train or {POSE_FOLDER}/test "
            f"({len(videos.paths)} videos were found); {remedy}"
        )
    if not videos.paths:
        known = f" for {labelled} annotation files" if labelled else ""
        raise ManifestError(
            f"--data_root {data_root}: no S…C…P…R…A…{VIDEO_ENDING} in {VIDEO_FOLDER} or {UNPACKED}*{known}; "
            "unpack the RGB videos there, or link the folder that has them"
        )


def _files(folder: str) -> Iterator[os.DirEntry[str]]:
    """All files below ``folder``, folders in order; links to folders are followed, each folder once."""
    waiting, seen = [folder], set()
    while waiting:
        place = waiting.pop()
        try:
            here = os.stat(place)
            if (here.st_dev, here.st_ino) in seen:
                continue
            seen.add((here.st_dev, here.st_ino))
            with os.scandir(place) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            raise ManifestError(f"{place}: cannot be listed ({error.strerror}); check its permissions") from error
        yield from (entry for entry in entries if not entry.is_dir())
        waiting += [entry.path for entry in reversed(entries) if entry.is_dir()]


def _add(found: Files, file: os.DirEntry[str], ending: str, data_root: Path) -> None:
    if not file.name.lower().endswith(ending) or file.name.startswith("."):
        return
    name = parse_name(file.name, ending)
    place = os.path.relpath(os.path.dirname(file.path), data_root)
    if name is None:
        why = f"{file.path}: its name is not of the form SsssCcccPpppRrrrAaaa{ending}; rename or remove it"
        found.dropped.append(Dropped(file.name.removesuffix(ending), "", "unknown name", why))
    elif name in found.paths:
        why = f"{file.path}: the same name as {found.paths[name]}, which is used; remove one of the two"
        found.dropped.append(Dropped(name.event, name.text, "second copy", why))
    else:
        found.paths[name] = file.path
        found.folders[place] += 1
