"""For each tick of a common clock the frame of every camera, and by how much it is shown later or earlier.

Two tables: one row for a tick and a camera, with the columns of Caliscope's ``timestamps.csv`` first, and one row a
tick. The clock ticks from when all cameras run to when the first one stops.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from videosync.edit.addresses import printable
from videosync.edit.sequence import pace, placed_files, recordings, unique_names
from videosync.errors import VideoError
from videosync.video.index import video_index

COLUMNS = ("sync_index", "cam_id", "frame_index", "frame_time", "camera", "residual_ms")
EXACT = 1e-6  # seconds: what answers are rounded to


@dataclass(frozen=True, eq=False)
class FrameTable:
    """The frames of C cameras at K ticks."""

    names: tuple[str, ...]
    ticks: np.ndarray  # float64 [K] seconds on the timeline
    frames: np.ndarray  # int64 [K, C]
    times: np.ndarray  # float64 [K, C] seconds on the timeline at which these are shown

    @property
    def residuals(self) -> np.ndarray:
        """float64 [K, C]: seconds by which a frame is shown later than its tick."""
        return self.times - self.ticks[:, None]


def frame_table(answer: Mapping[str, Any], rate: float | None = None) -> FrameTable:
    """The nearest frame of each camera at each tick; frames of chapters are counted on, under the first one's name.

    Args:
        answer: what ``Timeline.to_json`` returns. rate: ticks a second (default: the frame rate of the slowest camera).

    Raises:
        VideoError: fewer than two cameras are placed, they are never on at once, or a file cannot be read.
    """
    cameras = recordings(file for file in placed_files(answer) if file["fps"])
    if len(cameras) < 2:
        raise VideoError("fewer than two videos are placed, so there are no frames to compare")
    shown = []
    for chapters in cameras:
        own_times = [(file, video_index(file["path"]).times) for file in chapters]
        shown.append(np.concatenate([file["start_seconds"] + (own - own[0]) * pace(file) for file, own in own_times]))
    begin, end = max(times[0] for times in shown), min(times[-1] for times in shown)
    if begin > end:
        raise VideoError("there is no time at which all videos that are placed run, so there are no frames to compare")
    ticks_per_second = min(file["fps"] for file, *_ in cameras) if rate is None else rate
    count = math.floor((end - begin + EXACT) * ticks_per_second) + 1
    ticks = begin + np.arange(count) / ticks_per_second
    frames = np.stack([nearest(times, ticks) for times in shown], axis=1)
    times = np.stack([one[column] for one, column in zip(shown, frames.T)], axis=1)
    return FrameTable(unique_names([file["path"] for file, *_ in cameras]), ticks, frames, times)


def nearest(times: np.ndarray, ticks: np.ndarray) -> np.ndarray:
    """For each tick the number of the nearest of ``times``, which rise: int64 [K]."""
    after = np.clip(np.searchsorted(times, ticks), 1, max(1, len(times) - 1))
    before = after - 1
    after = np.minimum(after, len(times) - 1)
    return np.where(ticks - times[before] <= times[after] - ticks, before, after)


def long_csv(table: FrameTable) -> str:
    """One row for each tick and camera."""
    rows = (
        (tick, camera, int(table.frames[tick, camera]), f"{table.times[tick, camera]:.6f}", name,
         f"{1000 * table.residuals[tick, camera]:.3f}")
        for tick in range(len(table.ticks))
        for camera, name in enumerate(table.names)
    )  # fmt: skip
    return _csv(COLUMNS, rows)


def wide_csv(table: FrameTable) -> str:
    """One row a tick: its time, then frame and residual of each camera."""
    head = ["sync_index", "time_seconds"]
    for name in table.names:
        head += [f"{name} frame", f"{name} residual_ms"]
    rows = (
        [tick, f"{time:.6f}", *(cell for n in range(len(table.names))
                                for cell in (int(table.frames[tick, n]), f"{1000 * table.residuals[tick, n]:.3f}"))]
        for tick, time in enumerate(table.ticks)
    )  # fmt: skip
    return _csv(head, rows)


def _csv(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return printable(text.getvalue())
