"""Lag scores of unlike cues, added."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

LEAST_LAGS = 5  # fewer scores have no spread worth the name


def fuse(curves: Iterable[np.ndarray]) -> np.ndarray:
    """The sum of curves, each in units of its own spread over lags, again in units of its spread.

    Scores of neighbouring lags and of like cues depend on each other, so that no formula knows their standard error;
    their spread over lags, nearly all of which are wrong, does.

    Args:
        curves: float [L] each, larger = more likely.

    Returns:
        float64 [L], median 0; all 0 where every curve is flat.
    """
    return standardise(np.sum([standardise(curve) for curve in curves], axis=0))


def standardise(curve: np.ndarray) -> np.ndarray:
    """``(curve - median) / standard deviation``; zeros for a flat one, or one of fewer than 5 lags."""
    centred = np.asarray(curve, np.float64) - np.median(curve)
    spread = centred.std()
    if len(centred) < LEAST_LAGS or not spread > 1e-9 * max(1.0, float(np.abs(curve).max())):
        return np.zeros(len(centred))
    return centred / spread
