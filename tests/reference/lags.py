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


def slow_canonical_scores(x: np.ndarray, y: np.ndarray, lags: Iterable[int], ridge: float = 0.05) -> np.ndarray:
    """Bartlett's statistic of the canonical correlations of [T0, P] and [T1, Q] at each lag: float64 [L]."""
    (frames0, p), (frames1, q) = x.shape, y.shape
    found = []
    for lag in lags:
        first, stop = max(0, -lag), min(frames0, frames1 - lag)
        a, b = (
            x[first:stop] - x[first:stop].mean(axis=0),
            y[first + lag : stop + lag] - y[first + lag : stop + lag].mean(axis=0),
        )
        frames = stop - first
        within0, within1 = a.T @ a / frames + ridge * np.eye(p), b.T @ b / frames + ridge * np.eye(q)
        left, right = np.linalg.inv(np.linalg.cholesky(within0)), np.linalg.inv(np.linalg.cholesky(within1))
        r = np.linalg.svd(left @ (a.T @ b / frames) @ right.T, compute_uv=False)
        statistic = -max(frames - (p + q + 3) / 2, 0) * np.log(1 - r**2).sum()
        found.append((statistic - p * q) / np.sqrt(2 * p * q))
    return np.array(found)
