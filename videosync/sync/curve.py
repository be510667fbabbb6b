"""Lag scores of two clips, or of two groups of cameras, over any range of offsets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

APART = 3  # frames: answers no further from the best one than this are the same answer


@dataclass(frozen=True, eq=False)
class LagCurve:
    """``scores[n]`` speaks for offset ``first + n`` (frames), in units of its standard error; 0 says nothing."""

    first: int
    scores: np.ndarray  # float64 [L], L >= 1

    @property
    def lags(self) -> np.ndarray:
        return np.arange(self.first, self.first + len(self.scores))

    def reversed(self) -> LagCurve:
        """The curve of the swapped pair."""
        return LagCurve(1 - self.first - len(self.scores), self.scores[::-1])

    def at(self, lag: int) -> float:
        """The score of an offset; 0 outside the range, where nothing is known."""
        place = lag - self.first
        return float(self.scores[place]) if 0 <= place < len(self.scores) else 0.0

    def best(self) -> int:
        """The offset with the highest score; of several the middle one, nearest to the middle of the range."""
        top = np.flatnonzero(self.scores >= self.scores.max() - 1e-9)
        middle = (len(self.scores) - 1) / 2
        return self.first + int(top[np.argmin(np.abs(top - middle))])

    def margin(self, lag: int) -> float:
        """How far the score at ``lag`` is above the best one more than ``APART`` frames away.

        Where the whole range lies within ``APART`` frames there is no other answer to be compared with: 0.
        """
        others = self.scores[np.abs(self.lags - lag) > APART]
        return self.at(lag) - float(others.max()) if len(others) else 0.0

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
