"""Which frames of each recording are cut, so that all begin and end together."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from videosync.edit.frames import nearest
from videosync.edit.sequence import pace, placed_files, recordings, unique_names
from videosync.errors import VideoError, VideoWriteError
from videosync.video.index import video_index
from videosync.video.write import as_rate

KEPT = (".mp4", ".mov", ".mkv", ".m4v")  # containers that a cut video keeps; others become the first
KEPT_SOUND = (".wav", ".flac")  # of sound only
OTHERS = ".m4a"  # what other files of sound only become
ADDED = "_synced"  # to the names of cut files


@dataclass(frozen=True, eq=False)
class Cut:
    """What is kept of one recording."""

    path: str
    target: Path
    numbers: np.ndarray  # int64 [N] its frames, as they are shown; empty: it has no pictures
    times: np.ndarray  # float64 [N] seconds at which they are shown, the first at 0
    begin: float  # seconds from its first picture (or sample) to where its sound begins
    seconds: float  # that all cuts last, half a frame more or less
    pace: float = 1.0  # seconds that one of its own lasts in the cut file


def plan_cuts(
    answer: Mapping[str, Any],
    folder: Path,
    *,
    keep_names: bool = False,
    correct_drift: bool = False,
    endings: Sequence[str] = KEPT,
) -> list[Cut]:
    """The stretch that all placed files have in common, as whole frames of each, and of each chapter.

    Args:
        folder: where the cut files go. keep_names: give them their own names, without "_synced" and the folders that
            tell files of one name apart.
        correct_drift: put files on the reference's clock all along, not at both ends only: of an even rate the frame
            nearest to each of its times is shown, of a varying one each frame at its own time; sound is resampled.
        endings: those that cut videos keep; others become the first of them.

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
    for file, name in zip(placed, unique_names(file["path"] for file in placed)):
        times, _ = shown[file["path"]]
        own = os.path.basename(name) if keep_names else name.replace("/", "_")
        target = _target(own, folder, KEPT_SOUND if not file["fps"] else endings, keep_names=keep_names)
        if len(groups[file["path"]]) > 1 and not (file["start_seconds"] < end and ends[file["path"]] > begin):
            continue  # a chapter from before or after the time that all have in common
        limits = max(begin, file["start_seconds"]), min(end, ends[file["path"]])
        from_own, to_own = ((time - file["start_seconds"]) / pace(file) for time in limits)
        made = _on_one_clock if correct_drift else _own_frames
        cuts.append(made(file, target, times, from_own, to_own))
    _check_targets(cuts, [file["path"] for file in answer["files"]])
    return cuts


def _own_frames(file: Mapping[str, Any], target: Path, times: np.ndarray, from_own: float, to_own: float) -> Cut:
    """All frames from the one nearest to the common start on, with their times."""
    if not file["fps"]:
        return Cut(file["path"], target, np.zeros(0, np.int64), times, from_own, to_own - from_own)
    first = int(nearest(times, np.array([from_own]))[0])
    # the frame after the last one kept is that nearest to the common end
    edges = np.append(times, times[-1] + 1 / file["fps"])
    stop = max(first + 1, int(nearest(edges, np.array([to_own]))[0]))
    kept, lasts = times[first:stop] - times[first], float(edges[stop] - times[first])
    return Cut(file["path"], target, np.arange(first, stop), kept, float(times[first]), lasts)


def _on_one_clock(file: Mapping[str, Any], target: Path, times: np.ndarray, from_own: float, to_own: float) -> Cut:
    """Frames and sound at their times on the reference's clock, from the common start on."""
    paced = pace(file)
    seconds = (to_own - from_own) * paced
    numbers, ticks = np.zeros(0, np.int64), np.zeros(0)
    if file["fps"]:
        rate = float(as_rate(file["fps"]))
        ticks = np.arange(max(1, round(seconds * rate))) / rate
        numbers = nearest(times, from_own + ticks / paced)
        if not even(times, rate):
            numbers = np.arange(numbers[0], numbers[-1] + 1)
            ticks = np.maximum((times[numbers] - from_own) * paced, 0.0)
    return Cut(file["path"], target, numbers, ticks, from_own, seconds, paced)


def even(times: np.ndarray, rate: float) -> bool:
    """Whether frames come at an even rate, frames/s: none is off by a quarter of a frame."""
    return bool(np.abs(times - times[0] - np.arange(len(times)) / rate).max() < 0.25 / rate)


def _shown(file: Mapping[str, Any]) -> tuple[np.ndarray, float]:
    """When its frames are shown, seconds from the first, and how long it lasts."""
    if not file["fps"]:
        return np.zeros(0), float(file["duration_seconds"] or 0.0)
    times = video_index(file["path"]).times
    kept = times - times[0]
    kept = kept[kept < (file["duration_seconds"] or np.inf)]  # stray frames at the end were left out
    return kept, float(kept[-1]) + 1 / file["fps"]


def _target(name: str, folder: Path, endings: Sequence[str], *, keep_names: bool) -> Path:
    stem, ending = os.path.splitext(name)
    if ending.lower() not in endings:
        ending = OTHERS if endings is KEPT_SOUND else endings[0]
    return folder / f"{stem}{'' if keep_names else ADDED}{ending}"


def _check_targets(cuts: list[Cut], given: Sequence[str]) -> None:
    sources = {os.path.realpath(path) for path in given}  # also those that are not placed
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
