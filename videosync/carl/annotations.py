"""Annotations of CARL and of the VideoSync research code (``train.pkl``, ``val.pkl``) → a manifest beside the videos.

Each file is a pickled list of dicts. The research code has one dict a pair: ``name``, ``video_file_0/1``,
``seq_len_0/1`` and ``label_0/1``, the frame of the event's timeline at which each clip begins, so
``k = label_0 - label_1``. CARL has one dict a video: ``name``, ``video_file``, ``seq_len`` and ``frame_label``, a
tensor with the phase of each frame; for PennAction the file is a tuple of that list and the entries of each action.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from videosync.carl.foreign_pickle import read_plain_pickle
from videosync.data.frame_labels import save_labels
from videosync.data.samples import Sample, View
from videosync.errors import ManifestError, VideoError
from videosync.video.read import probe

SPLITS = ("train", "val")
PAIR = {"name": str, "video_file_0": str, "video_file_1": str, "label_0": int, "label_1": int}
SINGLE = {"name": str, "video_file": str}
LABELS = "frame_labels"  # folder beside the manifest
_NTU = re.compile(r"(S\d{3})C\d{3}(P\d{3}R\d{3}A\d{3})")
_WINDOW = re.compile(r"_(\d{6})_(\d{6})$")  # source frames that a clip's name ends in


@dataclass(frozen=True, eq=False)
class Entry:
    """One entry, its videos found."""

    place: str  # which one, for messages
    split: str
    event: str
    videos: tuple[Path, ...]  # two of a pair, or one
    starts: tuple[int, ...]  # on the event's timeline
    labels: np.ndarray | None  # int64 [T] of one video's frames
    labels_file: str  # where they go, relative to the manifest


def read_annotations(folder: Path, *, video_root: Path | None = None) -> tuple[list[Entry], list[str]]:
    """The entries of ``folder/train.pkl`` and ``folder/val.pkl``, and what is wrong with others (one sentence each).

    Videos are looked for under their own path, in ``video_root`` and in ``folder``.

    Raises:
        ManifestError: neither file is there, or one is no such list (see also :func:`read_plain_pickle`).
    """
    files = {split: folder / f"{split}.pkl" for split in SPLITS if (folder / f"{split}.pkl").is_file()}
    if not files:
        raise ManifestError(f"{folder}: has neither train.pkl nor val.pkl; give the folder that holds them")
    entries: list[Entry] = []
    problems: list[str] = []
    for split, path in files.items():
        content = read_plain_pickle(path)
        # PennAction: and the numbers of each action's entries
        if isinstance(content, tuple) and len(content) == 2:
            content = content[0]
        if not isinstance(content, list) or not all(isinstance(entry, Mapping) for entry in content):
            raise ManifestError(
                f"{path}: expected a list with a dict for each pair or video, got {type(content).__name__}"
            )
        for number, entry in enumerate(content):
            place = f"{path.name} entry {number}"
            single = "video_file" in entry
            if wrong := _wrong_entry(entry, SINGLE if single else PAIR):
                problems.append(f"{place}: {wrong}")
                continue
            names = [entry[key] for key in (("video_file",) if single else ("video_file_0", "video_file_1"))]
            found = [_find(name, folder, video_root) for name in names]
            videos = tuple(path for path in found if path is not None)
            if len(videos) < len(found):
                missing = [f"{name} is not there" for name, path in zip(names, found) if path is None]
                problems.append(f"{place}: {'; '.join(missing)}")
                continue
            labels = _labels(entry) if single else None
            labels_file = f"{LABELS}/{split}/{number:05d}_{videos[0].stem}.json"
            starts = (0,) if single else _starts(entry)
            entries.append(Entry(place, split, event_of(entry["name"]), videos, starts, labels, labels_file))
    return entries, problems


def event_of(name: str) -> str:
    """What an entry's name says about the event: without the camera of NTU, without ``_view_`` of Pouring."""
    if match := _NTU.search(name):
        return match[1] + match[2]
    return re.sub(r"_view_?\d*$", "", name)


def shared_events(entries: Sequence[Entry]) -> list[str]:
    """Events that are in more than one split, in order."""
    splits: dict[str, set[str]] = defaultdict(set)
    for entry in entries:
        splits[entry.event].add(entry.split)
    return sorted(event for event, found in splits.items() if len(found) > 1)


def to_samples(
    entries: Sequence[Entry], manifest_folder: Path, *, splits: Mapping[str, str] | None = None
) -> tuple[list[Sample], list[str]]:
    """Manifest lines, with lengths and rates as the files have them, and what cannot be used and why.

    ``splits``: event → split, instead of what the annotations say. An entry that repeats another's videos is
    passed over. Frame labels are written beside the manifest.

    Raises:
        VideoWriteError: they cannot be written.
    """
    paths = sorted({video for entry in entries for video in entry.videos})
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        looked = dict(zip(paths, pool.map(_look, paths)))
    samples: dict[frozenset[Path], Sample] = {}
    problems = [str(info) for info in looked.values() if isinstance(info, VideoError)]
    for entry in entries:
        infos = [info for video in entry.videos if not isinstance(info := looked[video], VideoError)]
        if len(infos) < len(entry.videos) or frozenset(entry.videos) in samples:
            continue
        labels_file = None
        if entry.labels is not None:
            if len(entry.labels) != infos[0][0]:
                problems.append(
                    f"{entry.place}: has {len(entry.labels)} frame labels, but {entry.videos[0]} has {infos[0][0]} "
                    "frames"
                )
                continue
            labels_file = entry.labels_file
            save_labels(manifest_folder / labels_file, entry.labels)
        views = tuple(
            View(Path(os.path.relpath(video, manifest_folder)).as_posix(), start, *info, labels_file)
            for video, start, info in zip(entry.videos, entry.starts, infos)
        )
        split = splits[entry.event] if splits else entry.split
        samples[frozenset(entry.videos)] = Sample(entry.event, split, views)
    ordered = sorted(samples.values(), key=lambda s: (s.split, s.event, [view.video for view in s.views]))
    return ordered, problems


def _wrong_entry(entry: Mapping[str, Any], keys: Mapping[str, type]) -> str:
    for key, kind in keys.items():
        value = entry.get(key)
        if not (_is_whole(value) if kind is int else value and isinstance(value, str)):
            return f"'{key}' is {value!r}, but must be {'text' if kind is str else 'a whole number'}"
    if keys is SINGLE and "frame_label" in entry and _labels(entry) is None:
        return f"'frame_label' is {entry['frame_label']!r:.80}, but must be a tensor with a whole number for each frame"
    return ""


def _is_whole(value: Any) -> bool:
    try:
        return not isinstance(value, str) and bool(value == int(value))
    except (TypeError, ValueError, OverflowError):
        return False


def _labels(entry: Mapping[str, Any]) -> np.ndarray | None:
    """``frame_label`` as int64 [T]; None where there is none, or it is something else."""
    try:
        labels = np.asarray(entry["frame_label"])
        whole = labels.astype(np.int64)
    except (KeyError, ValueError, TypeError):
        return None
    return whole if labels.ndim == 1 and np.array_equal(whole, labels) else None


def _find(name: str, folder: Path, video_root: Path | None) -> Path | None:
    path = Path(name)
    names = (path, path.name, f"processed_videos/{path.name}")
    candidates = [root / name for root in (video_root, folder) if root is not None for name in names]
    return next((place.absolute() for place in (path, *candidates) if os.path.isfile(place)), None)


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
