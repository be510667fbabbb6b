"""Lag scores of two signals, in units of their standard error, so that they can be compared whatever the overlap.

Offset ``k`` pairs frame ``i`` of signal 0 with frame ``i + k`` of signal 1. Correlations over few frames are large by
chance: a correlation ``r`` over N frames counts as Fisher's ``atanh(r) √(N - 3)``.
"""

from __future__ import annotations

import numpy as np

from videosync.lags.overlap import cross_products, overlap_sums
from videosync.lags.smoothing import gaussian

FLAT = 1e-6  # a standard deviation this small, of what has unit size, is rounding
LARGEST = 0.999  # correlation that counts: identical signals have a finite score
# chosen for the motion cues, together with their channels, while looking at the six real sets of docs/accuracy.md
ORDER = 2  # of the autoregression that whitens
SMOOTHING = 1.0  # sigma in frames, of what it leaves
CHANGE = 1.0  # sigma in frames, of the Gaussian whose derivative is taken
RIDGE = 0.1  # what counts as noise when channels are decorrelated, in units of a channel's variance


def whiten(signal: np.ndarray, *, order: int = ORDER, smoothing: float = SMOOTHING) -> np.ndarray:
    """What each column's own past does not foretell: the residual of an autoregression, slightly smoothed.

    Slow signals correlate with each other at any lag; their innovations do not. The model is fitted by Yule-Walker
    (Box, Jenkins, "Time Series Analysis", 1970), with 1 % noise added for flat or short signals.

    Args:
        signal: [T, F]. order: of the autoregression. smoothing: sigma in frames.

    Returns:
        float64 [T, F]; zeros where a column is flat, and all zeros for fewer than ``order + 3`` frames.
    """
    centred = np.asarray(signal, np.float64) - signal.mean(axis=0)
    residual = np.zeros_like(centred)
    if len(signal) < order + 3:
        return residual
    apart = np.abs(np.subtract.outer(np.arange(order), np.arange(order)))  # places in a Toeplitz matrix
    for column, out in zip(centred.T, residual.T):
        covariance = np.array([column[: len(column) - lag] @ column[lag:] for lag in range(order + 1)])
        if covariance[0] <= FLAT**2 * len(column):
            continue
        ridge = np.r_[covariance[0] * 1.01, covariance[1:order]]
        coefficients = np.linalg.solve(ridge[apart], covariance[1:])
        out[order:] = np.convolve(column, np.r_[1.0, -coefficients])[order : len(column)]
    return gaussian(residual, smoothing)


def change_vectors(signal: np.ndarray, *, scale: float = CHANGE) -> np.ndarray:
    """The direction in which a frame's channels change, in units of what is usual for each: [T, F] of unit length.

    Args:
        signal: [T, F]. scale: sigma, in frames, of the Gaussian whose derivative is taken.
    """
    return _unit_length(usual_change(signal, scale))


def decorrelated_vectors(
    change0: np.ndarray, change1: np.ndarray, *, ridge: float = RIDGE
) -> tuple[np.ndarray, np.ndarray]:
    """Change vectors of two clips whose channels no longer say the same thing several times.

    Channels that all rise when more moves make nearly all frames alike. With ``C`` the covariance of the changes of
    both clips together, they are multiplied by ``(C + ridge)^-1/2`` (ZCA; Kessy et al., "Optimal Whitening and
    Decorrelation", 2018) before they get unit length.

    Args:
        change0, change1: ``usual_change`` of either, [T0, F] and [T1, F].
        ridge: what counts as noise, in units of a channel's variance.

    Returns:
        float64 [T0, F] and [T1, F], unit length.
    """
    both = np.concatenate([change0, change1])
    sizes, axes = np.linalg.eigh(both.T @ both / len(both))
    whitening = (axes / np.sqrt(np.maximum(sizes, 0) + ridge)) @ axes.T
    return _unit_length(change0 @ whitening), _unit_length(change1 @ whitening)


def usual_change(signal: np.ndarray, scale: float = CHANGE) -> np.ndarray:
    """Derivative of each column, mean 0 and standard deviation 1: [T, F]."""
    return _unit(gaussian(signal, scale, order=1))


def _unit_length(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), FLAT)


def correlation_scores(
    signal0: np.ndarray,
    signal1: np.ndarray,
    lags: np.ndarray,
    seen0: np.ndarray | None = None,
    seen1: np.ndarray | None = None,
) -> np.ndarray:
    """``atanh(r) √(N - 3)`` for each lag, ``r`` the mean over columns of the correlation of the N frames that overlap.

    Args:
        signal0, signal1: [T0, F] and [T1, F]. lags: int [L], each with some overlap.
        seen0, seen1: 1, or 0 for frames of which nothing is known: float [T0, 1] and [T1, 1] (None: all are).

    Returns:
        float64 [L]; 0 where the signals are flat or fewer than 4 frames overlap.
    """
    x, y = _unit(signal0), _unit(signal1)
    x, y = x if seen0 is None else x * seen0, y if seen1 is None else y * seen1
    both = overlap_sums(x, y, lags, seen0, seen1)
    count = both.count
    product = cross_products(x, y, lags) - both.sum0 * both.sum1 / count
    power0, power1 = both.square0 - both.sum0**2 / count, both.square1 - both.sum1**2 / count
    lively = (power0 > FLAT * count) & (power1 > FLAT * count)
    r = np.where(lively, product / np.sqrt(np.where(lively, power0 * power1, 1.0)), 0.0).mean(axis=1)
    return np.arctanh(np.clip(r, -LARGEST, LARGEST)) * np.sqrt(np.maximum(count[:, 0] - 3, 0))


def _unit(signal: np.ndarray) -> np.ndarray:
    """Columns with mean 0 and standard deviation 1; flat ones 0."""
    centred = np.asarray(signal, np.float64) - signal.mean(axis=0)
    spread = centred.std(axis=0)
    return np.where(spread > FLAT, centred / np.maximum(spread, FLAT), 0.0)
