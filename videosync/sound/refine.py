"""From an offset of 10 ms to a fraction of a sample, and how fast the clocks part.

All segments of the overlap vote together for a pair (lag, tilt): the energy along each line of lags near the offset.
Lines through the peak of each segment by itself fail, as many of these peaks are wrong. A reflection may be as strong
as the direct sound; envelopes, which are not as fine but see all of it, say which peak is likelier.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from videosync.sound.search import CHANCE, POOL, STEEPEST
from videosync.sound.segments import Power, Range, pieces_of, segment_correlation
from videosync.sound.whiten import RATE

NEAR = 0.05  # seconds from the coarse offset in which the peak is looked for
AROUND = 0.08  # seconds from the peak in which others are compared with it
APART = 0.002  # seconds from the peak at which another one begins
SHORT, LONG = 2.0, 8.0  # seconds of a segment; four of them, if the overlap is long enough
MOST = 150  # segments of a long overlap
MANY = 16  # segments, for which the tilt of the coarse search is known well
TELLS_DRIFT = 20.0  # seconds of overlap
SAME = RATE // 50  # samples (20 ms): a segment whose own peak is this near agrees


@dataclass(frozen=True)
class Refined:
    """The offset to a fraction of a sample."""

    lag: float  # samples, at the middle of the overlap
    tilt: float | None  # by which it grows with each sample; None: too short to tell
    sharpness: float  # √ of the energy of the peak over that of the next one within 80 ms
    share: float  # of the segments: their own peak is where that of all is
    before: float  # samples from the start of the overlap to its middle


@dataclass(frozen=True, eq=False)
class _Lines:
    """Energy of segments around one lag."""

    rows: np.ndarray  # float32 [S, 2 (reach + margin) + 1]: squared correlations
    times: np.ndarray  # float64 [S]: samples from the middle of the overlap to that of the segment
    reach: int  # lags to either side
    margin: int  # more of them, for lines that are not level

    def shifts(self, tilt: float) -> np.ndarray:
        return self.margin + np.round(tilt * self.times).astype(int)

    def along(self, tilt: float) -> np.ndarray:
        """Sum over segments along each line: float64 [2 reach + 1]."""
        width = 2 * self.reach + 1
        total = np.zeros(width)
        for row, shift in zip(self.rows, self.shifts(tilt)):
            total += row[shift : shift + width]
        return total


def refine(
    x: np.ndarray, y: np.ndarray, lag: int, tilt: float, power0: Power, power1: Power, centre: float, spread: float
) -> Refined:
    """The highest line of lags within 50 ms of ``lag``.

    Args:
        x, y: float32 [n0], [n1], whitened. lag: samples, at the middle of the overlap. tilt: to start from.
        centre, spread: samples: where envelopes have the lag, as the mean and deviation of a normal distribution.
    """
    first, stop = max(0, -lag), min(len(x), len(y) - lag)
    pieces = pieces_of(first, stop, min(max((stop - first) / 4, SHORT * RATE), LONG * RATE))
    if len(pieces) > MOST:
        pieces = [pieces[i] for i in np.linspace(0, len(pieces) - 1, MOST).round().astype(int)]
    lines = _lines(x, y, pieces, (first + stop) / 2, lag, power0, power1)
    lags = np.arange(-lines.reach, lines.reach + 1)
    likely = np.exp(-0.5 * np.square((lags + (lag - centre)) / spread))
    near = np.abs(lags) <= NEAR * RATE
    best = _best_tilt(lines, np.where(near, likely, 0.0), tilt)
    total = lines.along(best)
    weighed = total * likely
    peak = int(np.where(near, weighed, -1.0).argmax())
    place = lags[peak] + (vertex(total[peak - 1 : peak + 2]) if 0 < peak < len(lags) - 1 else 0.0)
    distance = np.abs(lags - lags[peak])
    others = weighed[(distance > APART * RATE) & (distance <= AROUND * RATE)]
    sharpness = float(np.sqrt(weighed[peak] / max(float(others.max(initial=0.0)), 1e-9)))
    share = np.mean([_agrees(row, peak + int(shift)) for row, shift in zip(lines.rows, lines.shifts(best))])
    told = stop - first >= TELLS_DRIFT * RATE
    return Refined(float(lag + place), best if told else None, sharpness, float(share), (stop - first) / 2)


def _lines(
    x: np.ndarray, y: np.ndarray, pieces: Sequence[Range], middle: float, lag: int, power0: Power, power1: Power
) -> _Lines:
    times = np.array([(first + stop) / 2 - middle for first, stop in pieces])
    reach, margin = int((NEAR + AROUND) * RATE), int(STEEPEST * np.abs(times).max()) + 2
    ranges = [(lag - reach - margin, lag + reach + margin + 1)]
    found = [segment_correlation(x, y, piece, ranges, power0, power1)[0] for piece in pieces]
    return _Lines(np.square(np.stack(found)), times, reach, margin)


def _best_tilt(lines: _Lines, weights: np.ndarray, start: float) -> float:
    """The tilt of the highest line, 0 where it would be a fraction of a sample. ``weights``: of lags."""
    far = float(np.abs(lines.times).max())
    if far * STEEPEST <= 0.5:
        return 0.0
    step, width = 0.5 / far, STEEPEST
    if len(lines.rows) > MANY:
        width = min(width, POOL / far)
    else:
        start = 0.0
    count = int(width / step)
    tilts = start + step * np.arange(-count, count + 1)
    tilts = tilts[np.abs(tilts) <= STEEPEST]
    heights = np.array([(lines.along(float(tilt)) * weights).max() for tilt in tilts])
    top = int(heights.argmax())
    inside = 0 < top < len(tilts) - 1
    return float(tilts[top]) + (step * vertex(heights[top - 1 : top + 2]) if inside else 0.0)


def _agrees(row: np.ndarray, place: int) -> bool:
    """Whether a segment has its own peak around ``place``: reflections, of one place or another, are near it."""
    first, stop = max(place - SAME, 0), place + SAME + 1
    own = row[first:stop].max(initial=0.0)
    return bool(own > CHANCE**2 and own >= max(row[:first].max(initial=0.0), row[stop:].max(initial=0.0)))


def vertex(three: np.ndarray) -> float:
    """Where the parabola through three values has its top, from the middle one, in steps: at most half of one."""
    before, here, after = (float(value) for value in three)
    bend = before + after - 2 * here
    return min(max(0.5 * (before - after) / bend, -0.5), 0.5) if bend < 0 else 0.0
