"""Lag scores of two clips with the evidence for each lag: the parts of the cue, both halves of the overlap.

Evidence is in standard errors of a surrogate null distribution: a time-reversed signal has the same distribution and
the same autocorrelation, but matches the other one nowhere (Theiler et al., "Testing for nonlinearity in time series",
1992). Periodic or slow signals give higher peaks by chance than noise would.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property

import numpy as np

from videosync.cues.cue import Cue, Signals
from videosync.lags.overlap import overlaps
from videosync.lags.scores import LagEvidence, LagScores
from videosync.signals.keyframes import bridged

LONGEST = 1200  # frames that the surrogate null and each half look at: enough, and the cost of long clips stays bounded
NULL_SHARE = 0.3  # of the shorter clip that overlaps at least
LEAST_OVERLAP = 10  # frames
HALF_REACH = 15  # frames to either side of the answer that the halves try
LEAST_REACH = 3


class Side:
    """A clip, and what is worked out of it once for all that it is compared with by one cue."""

    def __init__(self, cue: Cue, clip: Signals) -> None:
        """``cue``: one whose parts all take part, as of ``for_clips``."""
        self.cue, self.clip, self.frames = cue, clip, _length(clip)

    @cached_property
    def whole(self) -> Signals:
        return self.cue.once(self.clip)

    @cached_property
    def forwards(self) -> Signals:
        """The middle of it, of which the surrogate null is made."""
        return self.whole if self.frames <= LONGEST else self.cue.once(_cut(self.clip, *_middle(self.frames)))

    @cached_property
    def backwards(self) -> Signals:
        return self.cue.once(_backwards(_cut(self.clip, *_middle(self.frames))))


class Scored:
    """Lag scores of two clips, and the evidence for them, which takes most of the time, once it is asked for."""

    def __init__(self, cue: Cue, one: Side, other: Side, lags: range, name: str | None = None) -> None:
        """``cue``: that of both sides. ``lags``, ``name``: as of ``scores_with_evidence``."""
        self.cue, self.sides, self.name = cue, (one, other), name
        every_lag = np.arange(lags.start, lags.stop)
        scores, self.raw = cue.evidence(one.whole, other.whole, every_lag)
        first, stop = overlaps(one.frames, other.frames, every_lag)
        self.alone = LagScores(lags.start, scores, None, stop - first, name)

    @cached_property
    def without_halves(self) -> LagScores:
        """With all evidence but that of the halves, which is 0."""
        middle, spread = _surrogate_null(self.cue, *self.sides)
        parts = (self.raw - middle[:, None]) / spread[:, None]
        level = parts.sum(axis=0) / math.sqrt(len(parts))
        return replace(self.alone, evidence=LagEvidence(level, parts, np.zeros(len(level))))

    @property
    def curve(self) -> LagScores:
        """With all evidence."""
        found = self.without_halves
        halves = _halves(self.cue, self.sides[0].clip, self.sides[1].clip, self.alone)
        return replace(found, evidence=replace(found.support(), halves=halves))


def scores_with_evidence(cue: Cue, clip0: Signals, clip1: Signals, lags: range, name: str | None = None) -> LagScores:
    """Lag scores of two clips, and the evidence for them: exactly reversed when the clips are swapped.

    Evidence has a row for each part of the cue, all 0 for one that abstains, so that of several pairs can be added.

    Args:
        clip0, clip1: signals of each of the cue's channels, [T0, F] and [T1, F]. lags: offsets in frames.
        name: of the cue, whose calibration is used later.

    Raises:
        ValueError: a lag leaves no overlap.
    """
    cue = cue.for_clips(clip0, clip1)
    return Scored(cue, Side(cue, clip0), Side(cue, clip1), lags, name).curve


def without_most_telling(
    cue: Cue, clip0: Signals, clip1: Signals, curve: LagScores, frames: int, reach: Mapping[str, np.ndarray]
) -> LagScores:
    """The lag scores again, without the ``frames`` at the best offset in which both clips change most.

    All signals of both clips are bridged there. A jackknife (Quenouille, "Notes on bias in estimation", 1956) of one
    block: an answer that one moment makes, which two clips may have by chance, does not survive it. Exactly reversed
    when the clips are swapped.

    Args:
        curve: theirs, as of ``scores_with_evidence``. reach: channel → int [F], as of a meter.
    """
    cue, lag = cue.for_clips(clip0, clip1), curve.best()
    first, stop = max(0, -lag), min(_length(clip0), _length(clip1) - lag)
    telling = np.sqrt(liveliness(cue, clip0)[first:stop] * liveliness(cue, clip1)[first + lag : stop + lag])
    frames = min(frames, len(telling))
    sums = np.convolve(telling, np.ones(frames), "valid")
    block = first + int(np.argmax(sums)) + np.arange(frames)
    one, other = (
        {name: bridged(clip[name], places, reach[name]) if name in reach else signal for name, signal in clip.items()}
        for clip, places in ((clip0, block), (clip1, block + lag))
    )
    return scores_with_evidence(cue, one, other, range(curve.first, curve.first + len(curve.scores)), curve.cue)


def liveliness(cue: Cue, clip: Signals) -> np.ndarray:
    """How much the channels of a clip change at each frame, in units of what is usual for each: [T]."""
    found = np.zeros(_length(clip))
    for name in cue.channels:
        change = (np.diff(clip[name], axis=0, prepend=clip[name][:1]).astype(np.float64) ** 2).sum(axis=1)
        usual = change.mean()
        found += change / usual if usual > 0 else 0.0
    return found


def _surrogate_null(cue: Cue, one: Side, other: Side) -> tuple[np.ndarray, np.ndarray]:
    """Median and standard deviation [P] of each part's scores where either clip runs backwards."""
    frames = _length(one.forwards), _length(other.forwards)
    overlap = max(min(LEAST_OVERLAP, *frames), math.ceil(NULL_SHARE * min(frames)))
    lags = np.arange(overlap - frames[0], frames[1] - overlap + 1)
    found = [cue.curves(one.backwards, other.forwards, lags), cue.curves(other.backwards, one.forwards, -lags[::-1])]
    values = np.sort(np.concatenate(found, axis=1), axis=1)  # so that sums do not depend on the clips' order
    spread = values.std(axis=1)
    return np.median(values, axis=1), np.where(spread > 1e-9, spread, np.inf)


def _halves(cue: Cue, clip0: Signals, clip1: Signals, curve: LagScores) -> np.ndarray:
    """Mean scores [L] of the first and second half of the overlap at the best offset, near that offset."""
    found = np.zeros(len(curve.scores))
    best = curve.best()
    first, stop = max(0, -best), min(_length(clip0), _length(clip1) - best)
    frames = min((stop - first) // 2, LONGEST)
    reach = min(HALF_REACH, frames // 3)
    if reach < LEAST_REACH:
        return found
    steps = np.arange(-reach, reach + 1)
    starts = first, stop - frames
    one, other = [cue.score(_cut(clip0, at, frames), _cut(clip1, at + best, frames), steps) for at in starts]
    place = best - curve.first + steps
    inside = (place >= 0) & (place < len(found))
    found[place[inside]] = ((one + other) / 2)[inside]
    return found


def _middle(frames: int) -> tuple[int, int]:
    """First frame and length of the middle ``LONGEST`` frames."""
    length = min(frames, LONGEST)
    return (frames - length) // 2, length


def _cut(clip: Signals, start: int, frames: int) -> Signals:
    return {name: signal[start : start + frames] for name, signal in clip.items()}


def _backwards(clip: Signals) -> Signals:
    return {name: signal[::-1] for name, signal in clip.items()}


def _length(clip: Signals) -> int:
    return len(next(iter(clip.values())))
