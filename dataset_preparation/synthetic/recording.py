"""When each camera of an event records: its frame rate, its first frame and how many there are.

Cameras share one clock that starts with the event. A camera of ``fps`` frames/s takes its pictures at whole
multiples of ``1 / fps`` seconds: frame ``i`` of its file shows the time ``(start_frame + i) / fps``, exactly, whatever
the rates of the others. So the first frames of views 0 and 1 are ``start_frame0 / fps0 - start_frame1 / fps1`` seconds
apart, which is no whole number of frames where the rates differ.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from dataset_preparation.synthetic.motion import Array, Rng

NTSC = 1000 / 1001  # 23.976, 29.97 and 59.94 frames/s are 24, 30 and 60 times this
SPREAD = 0.25  # where an overlap is asked for, lengths differ by up to this share, so that offsets differ too


@dataclass(frozen=True)
class Recording:
    """The frames of one view's file."""

    fps: float  # frames/s
    start_frame: int  # of frame 0, in frames of this view since the event began
    num_frames: int

    @property
    def start(self) -> float:
        """When frame 0 is taken (s)."""
        return self.start_frame / self.fps

    @property
    def duration(self) -> float:
        """Seconds, the last frame's own included."""
        return self.num_frames / self.fps


def exact_rate(fps: float) -> float:
    """A rate as people write it (29.97) as the one that is meant (30000/1001)."""
    for whole in (24, 30, 48, 60, 120):
        if abs(fps - whole * NTSC) < 0.005:
            return whole * NTSC
    return fps


def draw_recordings(
    stream: Callable[..., Rng],
    *,
    views: int,
    frames: int,
    fps: float,
    offset_range: int,
    rates: Sequence[float],
    overlap: float,
) -> list[Recording]:
    """The recordings of one event.

    Args:
        stream: key → a generator of its own.
        frames: of a file of ``fps`` frames/s; others last as long.
        offset_range: files start 0 … this many frames (of ``fps``) into the event.
        rates: frames/s that every view draws from; two views have different ones while there are enough. Empty: all
            have ``fps``.
        overlap: above 0, the file that starts last shares this part of the shorter one with the one that starts
            first (others start in between), and ``offset_range`` does not count.
    """
    if overlap:
        starts, durations = _barely_overlapping(stream(10), views, frames / fps, overlap)
    else:
        drawn = stream(1).choice(offset_range + 1, size=views, replace=False)
        starts, durations = drawn / fps, np.full(views, frames / fps)
    own = _rates(stream(11), views, rates) if rates else [fps] * views
    return [
        Recording(rate, max(0, round(start * rate)), max(2, round(duration * rate)))
        for rate, start, duration in zip(own, starts, durations)
    ]


def _rates(rng: Rng, views: int, rates: Sequence[float]) -> list[float]:
    rounds = -(-views // len(rates))
    order = np.concatenate([rng.permutation(len(rates)) for _ in range(rounds)])[:views]
    return [exact_rate(rates[index]) for index in order]


def _barely_overlapping(rng: Rng, views: int, seconds: float, overlap: float) -> tuple[Array, Array]:
    durations = seconds * rng.uniform(1 - SPREAD, 1 + SPREAD, size=views)
    order = rng.permutation(views)
    first, last = order[0], order[-1]
    apart = durations[first] - overlap * min(durations[first], durations[last])
    starts = np.zeros(views)
    starts[order[1:-1]] = rng.uniform(0, apart, size=views - 2)
    starts[last] = apart
    return starts, durations
