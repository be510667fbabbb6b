"""Lag scores of two clips, or of two groups of cameras, over any range of offsets."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np

TIE = 1e-6  # scores this close to the largest, relative to its size, count as equal to it
APART = 3  # frames: answers no further from the best one than this are the same answer
TOGETHER = 0.75  # between 0.5, independent pairs, and 1, pairs that all say the same
USUAL_FRAMES = 100  # that overlap, where nobody counted
LIKELIHOOD = 3.25  # by which a score of spread 1 becomes a log likelihood, about as calibrated
NORMAL = 1.4826  # times the median absolute deviation: the standard deviation of a normal distribution

# standard errors: of one measurement, by its formula; spread: standard deviations over the lags, of several fused;
# log odds: their softmax is a probability
Unit = Literal["standard errors", "spread", "log odds"]


@dataclass(frozen=True, eq=False)
class LagEvidence:
    """What else there is for an offset, in standard errors of a surrogate null: the same signals played backwards."""

    level: np.ndarray  # float64 [L]: all parts of the cue together
    parts: np.ndarray  # [P, L]: each by itself
    halves: np.ndarray  # [L]: the two halves of the overlap on their own, near the best offset; 0 elsewhere

    def reversed(self) -> LagEvidence:
        return LagEvidence(self.level[::-1], self.parts[:, ::-1], self.halves[::-1])


@dataclass(frozen=True, eq=False)
class LagScores:
    """``scores[n]`` is the score of offset ``first + n`` (frames): the larger the likelier, 0 says nothing."""

    first: int
    scores: np.ndarray  # float64 [L], L >= 1
    evidence: LagEvidence | None = None  # None: the scores are all there is to go by
    overlap: np.ndarray | None = None  # int64 [L] frames that both clips show at each offset; None: unknown
    cue: str | None = None  # that made the scores; None: any
    unit: Unit = "spread"
    fragile: bool = False  # one thing made the best offset, such as one moment; the scores are those without it
    picked_from: float = 1.0  # files that each of the two was picked from as likely; the odds are divided by that

    @property
    def lags(self) -> np.ndarray:
        return np.arange(self.first, self.first + len(self.scores))

    @property
    def frames(self) -> int | None:
        """Of the shorter clip, as far as any offset shows; None: unknown."""
        return None if self.overlap is None else int(self.overlap.max())

    def overlapping(self, lag: int) -> int:
        """Frames that both clips show at an offset; ``USUAL_FRAMES`` where that is unknown."""
        place = lag - self.first
        if self.overlap is None or not 0 <= place < len(self.overlap):
            return USUAL_FRAMES
        return int(self.overlap[place])

    @cached_property
    def chance(self) -> float:
        """The score that speaks neither for an offset nor for clips that share no time: what an offset is worth at
        which they do not overlap.

        It is the mean likelihood of the offsets away from the best one, whose hill, down to a score of 0, is left out:
        about ``LIKELIHOOD / 2`` of normal scores, and near the rivals where an offset has any.
        """
        low = np.flatnonzero(self.scores <= 0)
        after = int(np.searchsorted(low, int(np.argmax(self.scores))))
        if not len(low):
            return 0.0
        left = low[after - 1] + 1 if after else 0
        right = low[after] if after < len(low) else len(self.scores)
        others = np.delete(self.scores, slice(left, right))
        top = float(others.max())
        grown = np.exp(LIKELIHOOD * (others - top))
        return top + float(np.log((grown.mean() + grown[::-1].copy().mean()) / 2)) / LIKELIHOOD

    @cached_property
    def spread(self) -> float:
        """That of all evidence."""
        return _spread(self.support().level)

    def reversed(self) -> LagScores:
        """Those of the swapped pair."""
        return replace(
            self,
            first=1 - self.first - len(self.scores),
            scores=self.scores[::-1],
            evidence=None if self.evidence is None else self.evidence.reversed(),
            overlap=None if self.overlap is None else self.overlap[::-1],
        )

    def picked(self, files: float) -> LagScores:
        """The same, each of the two picked from so many."""
        return replace(self, picked_from=files)

    def support(self) -> LagEvidence:
        """The evidence; where there is none, the scores in its place."""
        if self.evidence is not None:
            return self.evidence
        return LagEvidence(self.scores, self.scores[None], self.scores / np.sqrt(2))

    def near(self, values: np.ndarray, lag: int) -> np.ndarray:
        """The largest of ``values`` [..., L] at ``lag`` and its two neighbours: [...]."""
        place = lag - self.first
        return values[..., max(0, place - 1) : place + 2].max(axis=-1)

    def lead(self, values: np.ndarray, lag: int) -> np.ndarray:
        """How far ``values`` [..., L] near ``lag`` are above the best more than ``APART`` frames away: [...]; or 0."""
        others = values[..., np.abs(self.lags - lag) > APART]
        return self.near(values, lag) - others.max(axis=-1) if others.size else np.zeros(values.shape[:-1])

    def at(self, lag: int) -> float:
        """The score of an offset; 0 outside the range, where nothing is known."""
        place = lag - self.first
        return float(self.scores[place]) if 0 <= place < len(self.scores) else 0.0

    def covers(self, lag: int) -> bool:
        """Whether an offset is in the range: clips share enough time there to be compared."""
        return 0 <= lag - self.first < len(self.scores)

    def best(self) -> int:
        """The offset with the highest score; of several the middle one, nearest to the middle of the range."""
        top = np.flatnonzero(tied(self.scores))
        middle = (len(self.scores) - 1) / 2
        return self.first + int(top[np.argmin(np.abs(top - middle))])

    def at_edge(self, lag: int) -> bool:
        """Whether ``lag`` is at an end of the range, or outside."""
        return not self.first < lag < self.first + len(self.scores) - 1

    def peaks(self, count: int) -> list[int]:
        """The ``count`` highest offsets, each more than ``APART`` frames from all higher ones, best first."""
        left = self.scores.copy()
        found: list[int] = []
        while len(found) < count and np.isfinite(left).any():
            place = int(np.argmax(left))
            found.append(self.first + place)
            left[max(0, place - APART) : place + APART + 1] = -np.inf
        return found

    def vertex(self, lag: int) -> float:
        """The offset of the top of the parabola through the local peak at ``lag`` and its neighbours."""
        place = lag - self.first
        if not 0 < place < len(self.scores) - 1:
            return float(lag)
        before, here, after = self.scores[place - 1 : place + 2]
        bend = (before + after) - 2 * here  # the same to the last bit when reversed
        if bend >= 0 or here < max(before, after):
            return float(lag)
        return lag + float(0.5 * (before - after) / bend)

    def local_peak(self, lag: int, reach: int = APART) -> int | None:
        """The highest offset nearer than ``reach`` frames to ``lag``; None outside the range, or if there is none."""
        near = [k for k in range(lag - reach, lag + reach + 1) if 0 <= k - self.first < len(self.scores)]
        if not near:
            return None
        best = max(near, key=lambda k: (self.at(k), -abs(k - lag)))
        return best if abs(best - lag) < reach else None


def tied(scores: np.ndarray) -> np.ndarray:
    """Which of ``[..., L]`` count as the largest: bool."""
    best = scores.max(axis=-1, keepdims=True)
    return np.asarray(scores >= best - TIE * np.abs(best))


def best_lag(scores: np.ndarray) -> np.ndarray:
    """The offset with the largest score; of tied ones their mean.

    Args:
        scores: float ``[N, 2K + 1]``, entry ``K + k`` for offset k.

    Returns:
        float64 ``[N]``, frames. Reversed scores give exactly the negative answer.
    """
    lags, best = np.arange(scores.shape[1]) - scores.shape[1] // 2, tied(scores)
    return (best * lags).sum(axis=1) / best.sum(axis=1)


def added(curves: Sequence[tuple[int, LagScores]], lag: int | None = None) -> LagScores:
    """Scores of several pairs, moved and added, in their own unit again.

    Args:
        curves: (frames that are taken from its lags, scores) of each, of one unit.
        lag: the answer that is looked at; None: the best.

    At each offset those pairs count that overlap there, by as much as they exceed ``chance``: clips that do not overlap
    say nothing of each other. The root of their number is the standard error of a sum of independent curves. Evidence
    is that of the pairs that overlap at the answer. What several cameras of one event say of another is not
    independent, nor are their errors: evidence is divided by a higher power of their number (``TOGETHER``), and by as
    much as the sum varies more than one of them.
    """
    first = min(curve.first - move for move, curve in curves)
    length = max(curve.first - move + len(curve.scores) for move, curve in curves) - first
    places = [slice(c.first - move - first, c.first - move - first + len(c.scores)) for move, c in curves]
    outside = [curve.chance if len(curve.scores) < length else 0.0 for _, curve in curves]
    scores, count = np.zeros(length), np.zeros(length)
    for (_, curve), place, usual in zip(curves, places, outside):
        scores[place] += curve.scores - usual
        count[place] += 1
    scores /= np.sqrt(np.maximum(count, 1))
    scores[count == 0] = scores[count > 0].min()  # nothing was tried there
    place_of = (LagScores(first, scores).best() if lag is None else lag) - first
    met = [n for n, place in enumerate(places) if place.start <= place_of < place.stop] or range(len(curves))
    supports = {n: curves[n][1].support() for n in met}
    level, halves, overlap = np.zeros(length), np.zeros(length), np.zeros(length, np.int64)
    parts = np.zeros((max(len(support.parts) for support in supports.values()), length))
    for n, support in supports.items():
        place, frames = places[n], curves[n][1].overlap
        level[place] += support.level
        halves[place] += support.halves
        parts[: len(support.parts), place] += support.parts
        if frames is not None:
            overlap[place] = np.maximum(overlap[place], frames)
    more = 1.0
    if len(met) > 1:
        usual = np.sqrt(np.mean([curves[n][1].spread ** 2 for n in met]))
        more = max(len(met) ** TOGETHER, _spread(level) / max(usual, 1e-9))
    return replace(
        curves[0][1],
        first=first,
        scores=scores + math.fsum(outside) / math.sqrt(len(met)),
        evidence=LagEvidence(level / more, parts / more, halves / more),
        overlap=overlap if overlap.any() else None,
        fragile=all(curve.fragile for _, curve in curves),
    )


def _spread(values: np.ndarray) -> float:
    """Standard deviation of most of ``values``: a few high peaks do not count."""
    return NORMAL * float(np.median(np.abs(values - np.median(values))))
