"""Lag scores of two clips with the evidence for each lag: the parts of the cue, both halves of the overlap.

Evidence is in standard errors of a surrogate null distribution: a time-reversed signal has the same distribution and
the same autocorrelation, but matches the other one nowhere (Theiler et al., "Testing for nonlinearity in time series",
1992). Periodic or slow signals give higher peaks by chance than noise would.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

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
    every_lag = np.arange(lags.start, lags.stop)
    scores, raw = cue.evidence(clip0, clip1, every_lag)
    middle, spread = _surrogate_null(cue, clip0, clip1)
    parts = (raw - middle[:, None]) / spread[:, None]
    first, stop = overlaps(_length(clip0), _length(clip1), every_lag)
    halves = _halves(cue, clip0, clip1, LagScores(lags.start, scores))
    seen = LagEvidence(parts.sum(axis=0) / math.sqrt(len(parts)), parts, halves)
    return LagScores(lags.start, scores, seen, stop - first, name)


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


def _surrogate_null(cue: Cue, clip0: Signals, clip1: Signals) -> tuple[np.ndarray, np.ndarray]:
    """Median and standard deviation [P] of each part's scores where either clip runs backwards."""
    one, other = (_cut(clip, *_middle(_length(clip))) for clip in (clip0, clip1))
    frames = _length(one), _length(other)
    overlap = max(min(LEAST_OVERLAP, *frames), math.ceil(NULL_SHARE * min(frames)))
    lags = np.arange(overlap - frames[0], frames[1] - overlap + 1)
    found = [cue.curves(_backwards(one), other, lags), cue.curves(_backwards(other), one, -lags[::-1])]
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
