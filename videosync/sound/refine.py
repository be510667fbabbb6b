"""From an offset of 10 ms to a fraction of a sample, and how fast the clocks part.

All segments of the overlap vote together for a pair (lag, tilt): the energy along each line of lags near the offset.
Lines through the peak of each segment by itself fail, as many of these peaks are wrong. A reflection may be as strong
as the direct sound; envelopes, which are not as fine but see all of it, say which peak is likelier.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from videosync.sound.search import CHANCE, POOL, STEEPEST
from videosync.sound.segments import Power, Range, pieces_of, segment_correlation
from videosync.sound.whiten import RATE

NEAR = 0.05  # seconds from the coarse offset in which the peak is looked for
AROUND = 0.08  # seconds from the peak in which others are compared with it
REACH = int((NEAR + AROUND) * RATE)  # lags
APART = 0.002  # seconds from the peak at which another one begins
SHORT, LONG = 2.0, 8.0  # seconds of a segment; four of them, if the overlap is long enough
MOST = 150  # segments of a long overlap
MANY = 16  # segments, for which the tilt of the coarse search is known well
TELLS_DRIFT, TELL_DRIFT = 20.0, 3  # seconds of overlap, and segments that agree by themselves
OWN = 3  # samples from the line to the peak of a segment
SAME = RATE // 50  # samples (20 ms): a segment whose own peak is this near agrees


@dataclass(frozen=True)
class Refined:
    """The offset to a fraction of a sample."""

    lag: float  # samples, at the middle of the overlap
    tilt: float | None  # by which it grows with each sample; None: too short, or too faint, to tell
    sharpness: float  # √ of the energy of the peak over that of the next one within 80 ms
    before: float  # samples from the start of the overlap to its middle
    pieces: Sequence[Range]  # segments [S] of the overlap
    correlation: np.ndarray  # float64 [S], 0 … 1: of each, where that of all is
    agreeing: np.ndarray  # bool [S]: its own peak is where that of all is


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


@dataclass(frozen=True, eq=False)
class _Parts:
    """Segments in parts of a second, in which two clocks hardly part."""

    lag: int
    middle: float  # samples: of the overlap
    pieces: Sequence[Range]
    correlate: Callable[[Range, Range], np.ndarray]  # (samples, lags) → float32 [L]

    @property
    def times(self) -> np.ndarray:
        return np.array([(first + stop) / 2 for first, stop in self.pieces]) - self.middle

    @cached_property
    def _rows(self) -> list[list[tuple[float, np.ndarray]]]:
        return [list(self._parts(*piece)) for piece in self.pieces]

    def _parts(self, first: int, stop: int) -> Iterator[tuple[float, np.ndarray]]:
        """Of a segment: samples from its middle to that of a part, and the correlations of that part."""
        inner = self._inner(first, stop)
        reach = REACH + self.margin + inner
        for begin, end in pieces_of(first, stop, RATE):
            yield (
                (begin + end - first - stop) / 2,
                self.correlate((begin, end), (self.lag - reach, self.lag + reach + 1)),
            )

    @property
    def margin(self) -> int:
        return int(STEEPEST * np.abs(self.times).max()) + 2

    def _inner(self, first: int, stop: int) -> int:
        return int(STEEPEST * (stop - first) / 2) + 2

    def lines(self, tilt: float, *, keep: bool) -> _Lines:
        """What segments add up to if the lag changes by ``tilt`` within each. ``keep``: the parts, for another call."""
        margin, rows = self.margin, []
        width = 2 * (REACH + margin) + 1
        for number, (first, stop) in enumerate(self.pieces):
            total, count, inner = np.zeros(width, np.float32), 0, self._inner(first, stop)
            for away, row in self._rows[number] if keep else self._parts(first, stop):
                shift = inner + round(tilt * away)
                total += row[shift : shift + width]
                count += 1
            rows.append(np.square(total) / count)
        return _Lines(np.stack(rows), self.times, REACH, margin)


def refine(
    x: np.ndarray, y: np.ndarray, lag: int, tilt: float, power0: Power, power1: Power, centre: float, spread: float
) -> Refined:
    """The highest line of lags within 50 ms of ``lag``.

    Args:
        x, y: float16 [n0], [n1], whitened. lag: samples, at the middle of the overlap. tilt: to start from.
        centre, spread: samples: where envelopes have the lag, as the mean and deviation of a normal distribution.
    """
    first, stop = max(0, -lag), min(len(x), len(y) - lag)
    pieces = pieces_of(first, stop, min(max((stop - first) / 4, SHORT * RATE), LONG * RATE))
    if len(pieces) > MOST:
        pieces = [pieces[i] for i in np.linspace(0, len(pieces) - 1, MOST).round().astype(int)]
    parts = _Parts(
        lag, (first + stop) / 2, pieces,
        lambda part, lags: segment_correlation(x, y, part, [lags], power0, power1)[0],
    )  # fmt: skip
    lags = np.arange(-REACH, REACH + 1)
    likely = np.exp(-0.5 * np.square((lags + (lag - centre)) / spread))
    near = np.abs(lags) <= NEAR * RATE
    lines, best = _best_lines(parts, np.where(near, likely, 0.0), tilt)
    total = lines.along(best)
    weighed = total * likely
    peak = int(np.where(near, weighed, -1.0).argmax())
    place = lags[peak] + (vertex(total[peak - 1 : peak + 2]) if 0 < peak < len(lags) - 1 else 0.0)
    distance = np.abs(lags - lags[peak])
    others = weighed[(distance > APART * RATE) & (distance <= AROUND * RATE)]
    sharpness = float(np.sqrt(weighed[peak] / max(float(others.max(initial=0.0)), 1e-9)))
    places = [peak + int(shift) for shift in lines.shifts(best)]
    agreeing = np.array([_agrees(row, own) for row, own in zip(lines.rows, places)])
    heights = [row[max(own - 1, 0) : own + 2].max() for row, own in zip(lines.rows, places)]
    told = stop - first >= TELLS_DRIFT * RATE and agreeing.sum() >= TELL_DRIFT
    if told:
        away, steeper = _fitted(lines, places, lines.margin + peak + best * lines.times)
        place, best = lags[peak] + away, best + steeper
    return Refined(
        float(lag + place), best if told else None, sharpness, (stop - first) / 2, pieces,
        np.sqrt(np.array(heights) / [end - begin for begin, end in pieces]), agreeing,
    )  # fmt: skip


def _best_lines(parts: _Parts, weights: np.ndarray, start: float) -> tuple[_Lines, float]:
    """The highest line and its tilt, 0 where it would be a fraction of a sample. ``weights``: of lags."""
    far = float(np.abs(parts.times).max())
    if far * STEEPEST <= 0.5:
        return parts.lines(0.0, keep=False), 0.0
    step = 0.5 / far
    many = len(parts.pieces) > MANY
    if many:
        within, count = np.array([start]), int(min(STEEPEST, POOL / far) / step)
    else:
        apart = 1 / max(stop - first for first, stop in parts.pieces)  # a sample in a segment
        within = apart * np.arange(-int(STEEPEST / apart), int(STEEPEST / apart) + 1)
        count = int(apart / step / 2) + 1

    def height(lines: _Lines, tilt: float) -> float:
        return float((lines.along(tilt) * weights).max())

    highest, best, found = -1.0, 0.0, None
    for inside in within:
        lines = parts.lines(float(inside), keep=not many)
        for tilt in inside + step * np.arange(-count, count + 1):
            if abs(tilt) <= STEEPEST and (here := height(lines, tilt)) > highest:
                highest, best, found = here, float(tilt), lines
    assert found is not None
    beside = np.array([height(found, best - step), highest, height(found, best + step)])
    return found, best + step * vertex(beside) if abs(best) + step <= STEEPEST else best


def _fitted(lines: _Lines, places: Sequence[int], line: np.ndarray) -> tuple[float, float]:
    """The line through the segments' own peaks within 3 samples of ``places``: how far it is off, and how much steeper.

    ``line``: the places [S], not rounded.

    Weighed by their energy, the inverse of the variance of such a peak.
    """
    found, energy = np.zeros(len(places)), np.zeros(len(places))
    for number, (row, place) in enumerate(zip(lines.rows, places)):
        top = place - OWN + int(row[place - OWN : place + OWN + 1].argmax())
        found[number], energy[number] = top + vertex(row[top - 1 : top + 2]) - line[number], row[top]
    steeper, away = np.polyfit(lines.times, found, 1, w=np.sqrt(energy))
    return float(away), float(steeper)


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
