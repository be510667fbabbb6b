"""Means over videos, pairs of videos and frames, each with a bootstrap interval over *events*.

Videos of one event are not independent, and neither are frames of one video, so whole events are drawn with
replacement: an event that is drawn twice counts twice. What was fitted on the train split, and the frames that
retrieval searches, stay as they are. NumPy only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from videosync.evaluation.intervals import Interval, event_counts, percentiles, share_interval


@dataclass(frozen=True)
class Score:
    """One number about some videos. None where it is not defined, or too few events allow no interval."""

    value: float | None
    interval: Interval | None  # 95 %, over events
    n: int  # videos
    n_events: int

    def to_json(self) -> dict[str, Any]:
        interval = None if self.interval is None else list(self.interval)
        return {"value": self.value, "interval": interval, "n": self.n, "n_events": self.n_events}


@dataclass(frozen=True)
class EventDraws:
    """How often each event of N videos is drawn, ``bootstrap`` times over."""

    groups: np.ndarray  # int64 [N], the event of each video
    counts: np.ndarray  # int64 [1 + R, E]; row 0: each event once, as it is

    @classmethod
    def of(cls, events: Sequence[str], *, bootstrap: int, seed: int) -> EventDraws:
        names, groups = np.unique(np.asarray(events, dtype=str), return_inverse=True)
        once = np.ones((1, len(names)), dtype=np.int64)
        drawn = event_counts(len(names), bootstrap=bootstrap, rng=np.random.default_rng(seed))
        return cls(groups, np.concatenate([once, drawn]))

    def score(self, values: np.ndarray, *, share: bool = False) -> Score:
        """Of the statistic's value for each row of ``counts``; draws for which it is not defined (NaN) are left out.

        ``share``: it is a share of hits (0 … 1), which has exact bounds where all events agree.
        """
        value = float(values[0]) if np.isfinite(values[0]) else None
        events = self.counts.shape[1]
        if share and value is not None:
            interval = share_interval(values[1:], value, events)
        else:
            interval = percentiles(values[1:])
        return Score(value, interval, n=len(self.groups), n_events=events)

    def sums(self, values: np.ndarray, videos: np.ndarray | None = None) -> np.ndarray:
        """Sums of ``values`` over each event: float64 ``[E]``; ``videos``: the video of each (default: its own)."""
        groups = self.groups if videos is None else self.groups[videos]
        return np.bincount(groups, np.asarray(values, dtype=np.float64), minlength=self.counts.shape[1])


def mean_score(values: np.ndarray, draws: EventDraws, videos: np.ndarray | None = None) -> Score:
    """Mean share (``values`` 0 … 1): one a video, or one a frame with ``videos`` naming the video of each."""
    total = draws.counts @ draws.sums(values, videos)
    return draws.score(_divide(total, draws.counts @ draws.sums(np.ones(len(values)), videos)), share=True)


def pair_score(values: np.ndarray, draws: EventDraws) -> Score:
    """Mean of ``values`` ``[N, N]`` over the pairs where they are defined.

    A pair of events counts as often as both were drawn together; the pairs inside an event as often as it was drawn.
    The copies of an event that is drawn twice are not compared with each other; the factor ``E / (E - 1)`` gives pairs
    of different events the weight back that they lose by it.
    """
    defined = np.isfinite(values)
    events = draws.counts.shape[1]
    member = np.eye(events)[draws.groups]  # [N, E]
    sums = member.T @ np.where(defined, values, 0.0) @ member  # [E, E]
    numbers = member.T @ defined.astype(np.float64) @ member
    return draws.score(_divide(_over_pairs(draws.counts, sums), _over_pairs(draws.counts, numbers)))


def r_squared_score(true: np.ndarray, said: np.ndarray, draws: EventDraws, videos: np.ndarray) -> Score:
    """R² of predictions ``[F, P]``, mean over the P targets; ``videos`` ``[F]``: the video of each frame."""
    frames = draws.counts @ draws.sums(np.ones(len(true)), videos)
    scores = []
    for target, guess in zip(true.T, said.T):
        centred = target - target.mean()  # for numerical accuracy
        error = draws.counts @ draws.sums((target - guess) ** 2, videos)
        square, total = (draws.counts @ draws.sums(values, videos) for values in (centred**2, centred))
        scores.append(1 - _divide(error, square - total**2 / frames))
    return draws.score(np.mean(scores, axis=0))


def _over_pairs(counts: np.ndarray, sums: np.ndarray) -> np.ndarray:
    inside = np.diag(sums)
    events = counts.shape[1]
    between = np.einsum("re,ef,rf->r", counts, sums - np.diag(inside), counts, optimize=True)
    between[1:] *= events / max(events - 1, 1)
    return between + counts @ inside


def _divide(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """``a / b``; NaN where ``b`` is 0."""
    return np.divide(a, b, out=np.full(len(a), np.nan), where=b != 0)
