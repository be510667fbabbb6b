"""Signals of frames, shown at times of their own, on an even grid."""

from __future__ import annotations

import numpy as np

from videosync.signals.keyframes import MOST

ODD = 1.75  # times the usual interval around it: over a longer one, what changes is no motion of one frame
GAP = 5.0  # times that: a longer one is no evidence of anything
AROUND = 9  # intervals that tell what is usual around one


def usual_intervals(times: np.ndarray) -> np.ndarray:
    """Seconds between frames around each of them: [T]."""
    if len(times) < 2:
        return np.ones(len(times))
    beside = np.pad(np.diff(times), AROUND // 2, mode="edge")
    steps = np.median(np.lib.stride_tricks.sliding_window_view(beside, AROUND), axis=1)
    return np.asarray(np.append(steps[:1], steps))


def resampled_to(
    grid: np.ndarray, times: np.ndarray, signal: np.ndarray, reach: np.ndarray, usual: np.ndarray | None = None
) -> np.ndarray:
    """A signal [T,F] at the times of a grid [G], averaged over one step of it.

    What is measured between a frame and one before belongs to the time halfway between them. What is measured over a
    gap between frames (``usual``: as of ``usual_intervals``) is left out, and a straight line stands there.
    """
    if len(times) < 2:
        return np.repeat(signal[:1], len(grid), axis=0)
    step = 1 / len(grid) if len(grid) < 2 else grid[1] - grid[0]
    edges = np.append(grid, grid[-1] + step) - step / 2
    own = float(np.median(np.diff(times)))
    columns = []
    for values, frames in zip(signal.T, reach):
        kept = np.ones(len(times), bool) if usual is None else ~_over_gaps(times, int(frames), usual)
        middle, there = times[kept] - own * frames / 2, values[kept]
        areas = np.concatenate([[0.0], np.cumsum(np.diff(middle) * (there[1:] + there[:-1]) / 2)])
        columns.append(np.diff(_integral(edges - step * frames / 2, middle, areas, there)) / step)
    return np.stack(columns, axis=1).astype(np.float32)


def _over_gaps(times: np.ndarray, reach: int, usual: np.ndarray) -> np.ndarray:
    """Frames that lie longer after the one ``reach`` before them than so many usual intervals: bool [T]."""
    found = np.zeros(len(times), bool)
    if 0 < reach < len(times):
        found[reach:] = times[reach:] - times[:-reach] > ODD * reach * usual[reach:]
    return found if found.mean() <= MOST else np.zeros(len(times), bool)


def _integral(at: np.ndarray, times: np.ndarray, areas: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The integral, up to the times ``at``, of the piecewise linear signal that stays as it is beyond its ends."""
    place = np.clip(np.searchsorted(times, at) - 1, 0, len(times) - 2)
    gone = at - times[place]
    slope = (values[place + 1] - values[place]) / (times[place + 1] - times[place])
    inside = areas[place] + gone * (values[place] + slope * gone / 2)
    before, after = at < times[0], at > times[-1]
    inside = np.where(before, (at - times[0]) * values[0], inside)
    return np.where(after, areas[-1] + (at - times[-1]) * values[-1], inside)
