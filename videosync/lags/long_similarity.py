"""``similarity_scores`` of signals whose matrix is too large to go through: an hour of 30 frames/s has 10¹⁰ cells.

All lags are first scored by the mean product of vectors along their diagonals, which takes an FFT a channel. The best
of them are scored again as ``similarity_scores`` does, cell by cell; only the sums of whole rows and columns, and how
far cells are spread, are estimated from evenly spaced frames of the other signal.
"""

from __future__ import annotations

import numpy as np

from videosync.lags.overlap import cross_products

SAMPLES = 2048  # frames that sums over whole rows and columns are estimated from
CANDIDATES = 1500  # lags that are looked at cell by cell
BESIDE = 2  # frames to either side of a candidate that are looked at too, so that its peak has a shape
ROWS = 4096  # frames that are multiplied with the samples at a time


def long_scores(
    x: np.ndarray, y: np.ndarray, lags: np.ndarray, first: np.ndarray, stop: np.ndarray, temperature: float
) -> np.ndarray:
    """Scores of the diagonals, in standard errors: float64 [L].

    Args:
        x, y: [T0, F] and [T1, F], unit length. lags: int [L], of which frames ``first … stop - 1`` of ``x`` overlap.
    """
    count = (stop - first).astype(np.float64)
    scores = _linear(x, y, lags, count)
    best = np.argsort(-scores, kind="stable")[:CANDIDATES]
    near = np.unique((best[:, None] + np.arange(-BESIDE, BESIDE + 1)).clip(0, len(lags) - 1))
    hot, cold = (x / temperature).astype(np.float32), y.astype(np.float32)
    some0, some1 = (np.linspace(0, len(v) - 1, min(SAMPLES, len(v))).astype(int) for v in (hot, cold))
    of_row = 0.5 / (_sums(hot, cold[some1]) * (len(cold) / len(some1)))
    of_column = 0.5 / (_sums(cold, hot[some0]) * (len(hot) / len(some0)))
    cells = np.exp(hot[some0] @ cold[some1].T) * (of_row[some0, None] + of_column[some1])
    mean, spread = float(cells.mean(dtype=np.float64)), float(cells.std(dtype=np.float64))
    if spread <= 1e-6 * mean:
        return np.zeros(len(lags))
    for place in near:
        rows = slice(first[place], stop[place])
        columns = slice(first[place] + lags[place], stop[place] + lags[place])
        similar = np.exp(np.einsum("tf,tf->t", hot[rows], cold[columns]))
        total = float((similar * (of_row[rows] + of_column[columns])).sum(dtype=np.float64))
        scores[place] = (total / count[place] - mean) / spread * np.sqrt(count[place])
    return scores


def _linear(x: np.ndarray, y: np.ndarray, lags: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Mean products along diagonals, against mean and spread of the products of all frames."""
    sums = np.zeros(len(lags))
    for column0, column1 in zip(x.T, y.T):  # one channel at a time: memory stays [L]
        sums += cross_products(column0[:, None], column1[:, None], lags)[:, 0]
    mean = float(x.mean(axis=0) @ y.mean(axis=0))
    square = float(np.sum((x.T @ x / len(x)) * (y.T @ y / len(y))))
    spread = np.sqrt(max(square - mean**2, 1e-12))
    return (sums / count - mean) / spread * np.sqrt(count)


def _sums(vectors: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Sum over ``others`` [S,F] of the exponential of their products with each vector [T,F]: [T]."""
    return np.concatenate(
        [
            np.exp(vectors[start : start + ROWS] @ others.T).sum(axis=1)
            for start in range(0, len(vectors), ROWS)
        ]
    )
