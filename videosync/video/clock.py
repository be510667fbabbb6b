"""The clock of a file's frames: time stamps that start over are continued, and the rate is that of the frames."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

import numpy as np

DEFAULT_RATE = 25  # frames/s of files that name no rate and hold no times (raw streams)
AROUND = 8  # packets before and after a place where time stamps start over: all before are larger than all after
ODD = 0.5  # of the usual interval: one that differs by more is of a gap, or of a frame that is late
FEW = 0.05  # share of the intervals that may be odd; with more of them, the rate varies …
USUAL = 0.5  # … unless the others fill so much of the time: frames were dropped


def parts_of(decoded: Sequence[int]) -> list[int]:
    """Where time stamps of decoding, in the order of the file, start over: the first packet of each part, 0 first.

    A single stamp that is wrong, too large or too small, starts nothing.
    """
    stamps = np.asarray(decoded, np.int64)
    found = [0]
    for place in (np.flatnonzero(np.diff(stamps) < 0) + 1).tolist():
        before, after = stamps[max(found[-1], place - AROUND) : place], stamps[place : place + AROUND]
        if after.max() < before.min() and min(len(before), len(after)) > 1:
            found.append(place)
    return found


def shifts_of(parts: Sequence[Sequence[int]]) -> list[int]:
    """Ticks to add to the presentation stamps of each part, so that it begins one usual frame after the one before."""
    usual = _usual_interval([np.diff(np.sort(np.asarray(part, np.int64))) for part in parts])
    shifts = [0]
    for before, part in pairwise(parts):
        shifts.append(max(before) + shifts[-1] + usual - min(part))
    return shifts


def _usual_interval(intervals: Sequence[np.ndarray]) -> int:
    joined = np.concatenate(intervals)
    rising = joined[joined > 0]
    return int(np.median(rising)) if len(rising) else 1


def continued(stamps: np.ndarray, shifts: Sequence[int]) -> np.ndarray | None:
    """Stamps [T] of frames in the order they are shown, counted on through all parts; None: these are not the parts."""
    part = np.concatenate([[0], np.cumsum(np.diff(stamps) < 0)])
    return stamps + np.asarray(shifts)[part] if part[-1] + 1 == len(shifts) else None


def frame_rate(times: np.ndarray, rate: Fraction | None) -> float:
    """Frames/s of rising times [T] in seconds: the stream's own figure, else the usual rate, with which the last frame
    lies within half a frame of its time; else the average. Intervals that are odd, of stray time stamps or where frames
    were dropped, count for nothing. So no figure that was rounded makes a long file drift from its times.
    """
    intervals = np.diff(times)
    intervals = intervals[intervals > 0]  # of repeated stamps nothing is known
    if len(intervals) == 0:
        return float(rate or DEFAULT_RATE)
    median = np.median(intervals)
    even = intervals[np.abs(intervals - median) <= ODD * median]
    odd = len(intervals) - len(even)
    if len(even) and (odd <= max(2, FEW * len(intervals)) or even.sum() >= USUAL * intervals.sum()):
        intervals = even
    span, steps = float(intervals.sum()), len(intervals)
    measured = steps / span
    usual = Fraction(round(measured)), Fraction(1000 * round(measured * 1.001), 1001)
    for known in (rate, *usual):
        if known and abs(span * float(known) - steps) <= 0.5:
            return float(known)
    return measured


def said_of_clock(assumed: bool, fps: float, over: Sequence[float]) -> str | None:
    """A clause on times that are not the file's: its rate is assumed, or stamps start over at ``over`` seconds."""
    if assumed:
        return (
            f"it names no frame rate and holds no time stamps, so {fps:g} frames/s are assumed: if it is another, say "
            "so in a container (ffmpeg -framerate RATE -i IN -c copy OUT.mp4)"
        )
    if not over:
        return None
    where = ", ".join(f"{seconds:.3f} s" for seconds in over[:3]) + ", …" * (len(over) > 3)
    return (
        f"its time stamps start over at {where}, as in a file that was joined of several, and how much is missing "
        "there is not known: split it there"
    )
