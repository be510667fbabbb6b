"""Scores of lags straight from their definition, with the whole matrix and a loop over its diagonals."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np


def softmax(logits: np.ndarray) -> np.ndarray:
    """Over rows: [T0, T1]."""
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def slow_scores(x: np.ndarray, y: np.ndarray, lags: Iterable[int], temperature: float) -> np.ndarray:
    """Of vectors [T0, D] and [T1, D]: float64 [L]."""
    logits = x.astype(np.float64) @ y.astype(np.float64).T / temperature
    found = []
    for lag in lags:
        z = []
        for logs in (np.log(softmax(logits)), np.log(softmax(logits.T)).T):
            cells = [logs[i, i + lag] for i in range(len(x)) if 0 <= i + lag < len(y)]
            z.append((np.mean(cells) - logs.mean()) / logs.std() * np.sqrt(len(cells)))
        found.append(np.mean(z))
    return np.array(found)
