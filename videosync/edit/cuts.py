"""Which frames of each recording are cut, so that all begin and end together."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from videosync.edit.frames import nearest
from videosync.edit.sequence import pace, placed_files, recordings
from videosync.errors import VideoError, VideoWriteError
from videosync.video.index import video_index

KEPT = (".mp4", ".mov", ".mkv", ".m4v")  # containers that a cut video keeps; others become the first
KEPT_SOUND = (".wav", ".flac")  # of sound only; others become .m4a
ADDED = "_synced"  # to the names of cut files


@dataclass(frozen=True, eq=False)
class Cut:
    """What is kept of one recording."""

    path: str
    target: Path
    first: int  # number of its first frame; of sound only 0
    stop: int  # number after its last frame; 0: it has no pictures
    begin: float  # seconds from its first picture (or sample) to that frame
    seconds: float  # that all cuts last, half a frame more or less
    times: np.ndarray  # float64 [stop - first] seconds at which these frames are shown, after the first of them


def plan_cuts(answer: Mapping[str, Any], folder: Path, *, keep_names: bool = False) -> list[Cut]:
    """The stretch that all placed files have in common, as whole frames of each, and of each chapter.

    Args:
        folder: where the cut files go. keep_names: give them their own names, without "_synced".

    Raises:
        VideoError: fewer than two files are placed, they are never on at once, or one cannot be read.
        VideoWriteError: two cut files would have one name, or one would replace its source.
    """
    placed = placed_files(answer)
    whole = recordings(placed)
    if len(whole) < 2:
        raise VideoError("fewer than two files are placed, so there is nothing to cut")
    shown = {file["path"]: _shown(file) for file in placed}
    ends = {file["path"]: file["start_seconds"] + shown[file["path"]][1] * pace(file) for file in placed}
    begin = max(min(file["start_seconds"] for file in group) for group in whole)
    end = min(max(ends[file["path"]] for file in group) for group in whole)
    if end <= begin:
        raise VideoError("there is no time that all placed files show, so there is nothing to cut")
    groups = {file["path"]: group for group in whole for file in group}
    cuts = []
    for file in placed:
        times, _ = shown[file["path"]]
        target = _target(file["path"], folder, sound_only=not file["fps"], keep_names=keep_names)
        if len(groups[file["path"]]) > 1 and not (file["start_seconds"] < end and ends[file["path"]] > begin):
            continue  # a chapter from before or after the time that all have in common
        limits = max(begin, file["start_seconds"]), min(end, ends[file["path"]])
        from_own, to_own = ((time - file["start_seconds"]) / pace(file) for time in limits)
        if not file["fps"]:
            cuts.append(Cut(file["path"], target, 0, 0, from_own, to_own - from_own, times))
            continue
        first = int(nearest(times, np.array([from_own]))[0])
        # the frame after the last one kept is that nearest to the common end
        edges = np.append(times, times[-1] + 1 / file["fps"])
        stop = max(first + 1, int(nearest(edges, np.array([to_own]))[0]))
        kept, lasts = times[first:stop] - times[first], float(edges[stop] - times[first])
        cuts.append(Cut(file["path"], target, first, stop, float(times[first]), lasts, kept))
    _check_targets(cuts)
    return cuts


def _shown(file: Mapping[str, Any]) -> tuple[np.ndarray, float]:
    """When its frames are shown, seconds from the first, and how long it lasts."""
    if not file["fps"]:
        return np.zeros(0), float(file["duration_seconds"] or 0.0)
    times = video_index(file["path"]).times
    kept = times - times[0]
    kept = kept[kept < (file["duration_seconds"] or np.inf)]  # stray frames at the end were left out
    return kept, float(kept[-1]) + 1 / file["fps"]


def _target(path: str, folder: Path, *, sound_only: bool, keep_names: bool) -> Path:
    stem, ending = os.path.splitext(os.path.basename(path))
    if sound_only:
        ending = ending if ending.lower() in KEPT_SOUND else ".m4a"
    elif ending.lower() not in KEPT:
        ending = KEPT[0]
    return folder / f"{stem}{'' if keep_names else ADDED}{ending}"


def _check_targets(cuts: list[Cut]) -> None:
    sources = {os.path.realpath(cut.path) for cut in cuts}
    known: dict[str, str] = {}
    for cut in cuts:
        if os.path.realpath(cut.target) in sources:
            raise VideoWriteError(f"{cut.target}: is one of the files, and would be overwritten; name another folder.")
        name = str(cut.target).lower()
        if name in known:
            raise VideoWriteError(
                f"{cut.target}: {cut.path} and {known[name]} have one name; rename one, or cut them one at a time."
            )
        known[name] = cut.path
