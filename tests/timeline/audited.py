"""What pixels say of an event whose cameras are off by known numbers of frames, without any file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from videosync.cues import DEFAULT_CUE
from videosync.lags.scores import LagScores
from videosync.timeline.audit import Asked
from videosync.timeline.audit_events import AuditEvent
from videosync.timeline.clips import FileWarning
from videosync.timeline.result import PlacedFile

RATE = 30.0
HALF = 0.9  # frames, of a pair


def curve(lag: int, height: float = 9.0, seed: int = 0) -> LagScores:
    lags = np.arange(-60, 61)
    noise = np.random.default_rng(seed).normal(size=len(lags))
    return LagScores(-60, height * np.exp(-0.5 * ((lags - lag) / 1.5) ** 2) + noise, cue=DEFAULT_CUE)


def asked(
    off: Sequence[float | None], *, confidence: float = 0.99, height: float = 9.0, by: str = "picture", seed: int = 0,
    warnings: Mapping[int, FileWarning] | None = None, claim: float = 0.0,
) -> Asked:  # fmt: skip
    """An event whose cameras are off by so many frames (None: not placed); ``claim``: score of the claimed offset."""
    cameras = tuple(f"cam{n}" for n in range(len(off)))
    event = AuditEvent("walk", cameras, tuple(f"{__file__}" for _ in cameras), tuple(0.5 * n for n in range(len(off))))
    files, curves, ties = {}, {}, {}
    for n, frames in enumerate(off):
        start = None if frames is None else event.claimed[n] + frames / RATE
        told = () if not warnings or n not in warnings else (warnings[n],)
        reason = None if start is not None else "nothing moves in it"
        files[n] = PlacedFile(
            event.paths[n], start is not None, RATE, start, None, confidence if start is not None else 0.1, reason,
            duration_seconds=5.0, warnings=told,
        )  # fmt: skip
    for i, j in combinations(range(len(off)), 2):
        (one, other) = off[i], off[j]
        apart = round((one or 0) - (other or 0))
        scores = curve(apart, height, seed + 10 * i + j)
        scores.scores[60] += claim if apart else 0
        curves[i, j] = RATE, scores
        if one is not None and other is not None:
            ties[i, j] = by, HALF / RATE
    return Asked(event, files, DEFAULT_CUE, curves, ties)
