"""Lag scores of a part of a clip, with as much of their evidence as is asked for."""

from __future__ import annotations

from dataclasses import dataclass, replace

from videosync.cues.evidence import Scored
from videosync.lags.scores import LagScores


@dataclass(frozen=True, eq=False)
class PartScored:
    """Lag scores of a part that begins with frame ``first``."""

    scored: Scored
    first: int

    @property
    def best(self) -> int:
        return self.scored.alone.best() - self.first

    @property
    def height(self) -> float:
        return height(self.scored.without_halves)

    @property
    def curve(self) -> LagScores:
        curve = self.scored.curve
        return replace(curve, first=curve.first - self.first)


def height(curve: LagScores) -> float:
    """The evidence for the best offset, in standard errors."""
    return float(curve.near(curve.support().level, curve.best()))
