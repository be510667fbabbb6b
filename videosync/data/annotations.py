"""Annotations of the VideoSync research code (``train.pkl``, ``val.pkl``) → a manifest beside the same videos.

Each file is a pickled list with one dict a pair: ``name``, ``video_file_0/1``, ``seq_len_0/1`` and ``label_0/1``, the
frame of the event's timeline at which each clip begins, so ``k = label_0 - label_1``.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from videosync.data.foreign_pickle import read_plain_pickle
from videosync.data.samples import Sample, View
from videosync.errors import ManifestError, VideoError
from videosync.video.read import probe

SPLITS = ("train", "val")
KEYS = {"name": str, "video_file_0": str, "video_file_1": str, "label_0": int, "label_1": int}
_NTU = re.compile(r"(S\d{3})C\d{3}(P\d{3}R\d{3}A\d{3})")
_WINDOW = re.compile(r"_(\d{6})_(\d{6})$")  # source frames that a clip's name ends in


@dataclass(frozen=True)
class Pair:
    """One entry, its videos found."""

    split: str
    event: str
    videos: tuple[Path, Path]
    starts: tuple[int, int]  # on the event's timeline


def read_annotations(folder: Path, *, video_root: Path | None = None) -> tuple[list[Pair], list[str]]:
    """The pairs of ``folder/train.pkl`` and ``folder/val.pkl``, and what is wrong with others (one sentence each).

    Videos are looked for under their own path, in ``video_root`` and in ``folder``.

    Raises:
        ManifestError: neither file is there, or one is no such list (see also :func:`read_plain_pickle`).
    """
    files = {split: folder / f"{split}.pkl" for split in SPLITS if (folder / f"{split}.pkl").is_file()}
    if not files:
        raise ManifestError(f"{folder}: has neither train.pkl nor val.pkl; give the folder that holds them")
    pairs: list[Pair] = []
    problems: list[str] = []
    for split, path in files.items():
        content = read_plain_pickle(path)
        if not isinstance(content, list) or not all(isinstance(entry, Mapping) for entry in content):
            raise ManifestError(
                f"{path}: expected a list with a dict for each pair, got {type(content).__name__}"
            )
        for number, entry in enumerate(content):
            wrong = _wrong_entry(entry)
            found = [None] if wrong else [_find(entry[f"video_file_{i}"], folder, video_root) for i in (0, 1)]
            missing = (
                ""
                if wrong
                else "".join(f"{entry[f'video_file_{i}']} is not there; " for i in (0, 1) if found[i] is None)
            )
            if wrong or missing:
                problems.append(f"{path.name} entry {number}: {wrong or missing.removesuffix('; ')}")
                continue
            videos = (Path(str(found[0])), Path(str(found[1])))
            pairs.append(Pair(split, event_of(entry["name"]), videos, _starts(entry)))
    return pairs, problems


def event_of(name: str) -> str:
    """What an entry's name says about the event: without the camera of NTU, without ``_view_`` of Pouring."""
    if match := _NTU.search(name):
        return match[1] + match[2]
    return re.sub(r"_view_?\d*$", "", name)


def shared_events(pairs: Sequence[Pair]) -> list[str]:
    """Events that are in more than one split, in order."""
    splits: dict[str, set[str]] = defaultdict(set)
    for pair in pairs:
        splits[pair.event].add(pair.split)
    return sorted(event for event, found in splits.items() if len(found) > 1)


def to_samples(
    pairs: Sequence[Pair], manifest_folder: Path, *, splits: Mapping[str, str] | None = None
) -> tuple[list[Sample], list[str]]:
    """Manifest lines, with lengths and rates as the files have them, and what cannot be used and why.

    ``splits``: event → split, instead of what the annotations say. An entry that repeats another's videos is
    passed over.
    """
    paths = sorted({video for pair in pairs for video in pair.videos})
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        looked = dict(zip(paths, pool.map(_look, paths)))
    samples: dict[frozenset[Path], Sample] = {}
    problems = [str(info) for info in looked.values() if isinstance(info, VideoError)]
    for pair in pairs:
        views = []
        for video, start in zip(pair.videos, pair.starts):
            info = looked[video]
            if not isinstance(info, VideoError):
                name = os.path.relpath(video, manifest_folder)
                views.append(View(Path(name).as_posix(), start, info[0], info[1]))
        if len(views) == 2 and frozenset(pair.videos) not in samples:
            split = splits[pair.event] if splits else pair.split
            samples[frozenset(pair.videos)] = Sample(pair.event, split, tuple(views))
    ordered = sorted(samples.values(), key=lambda s: (s.split, s.event, [view.video for view in s.views]))
    return ordered, problems


def _wrong_entry(entry: Mapping[str, Any]) -> str:
    for key, kind in KEYS.items():
        value = entry.get(key)
        if kind is int and value is not None and not isinstance(value, str) and value == int(value):
            continue
        if kind is str and isinstance(value, str) and value:
            continue
        return f"'{key}' is {value!r}, but must be {'text' if kind is str else 'a whole number'}"
    return ""


def _find(name: str, folder: Path, video_root: Path | None) -> Path | None:
    path = Path(name)
    candidates: Iterator[Path] = (
        place
        for root in (video_root, folder)
        if root is not None
        for place in (root / path, root / path.name, root / "processed_videos" / path.name)
    )
    return next((place.absolute() for place in (path, *candidates) if place.is_file()), None)


def _starts(entry: Mapping[str, Any]) -> tuple[int, int]:
    """Source frames where the clips' names tell them and the labels agree (a file has one place); else the labels."""
    labels = int(entry["label_0"]), int(entry["label_1"])
    windows = [_WINDOW.search(Path(entry[f"video_file_{i}"]).stem) for i in (0, 1)]
    if windows[0] and windows[1]:
        named = int(windows[0][1]), int(windows[1][1])
        if named[0] - named[1] == labels[0] - labels[1]:
            return named
    lowest = min(*labels, 0)
    return labels[0] - lowest, labels[1] - lowest


def _look(path: Path) -> tuple[int, float] | VideoError:
    try:
        info = probe(path)
    except VideoError as error:
        return error
    return info.num_frames, info.fps
