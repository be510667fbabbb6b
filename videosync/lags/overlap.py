"""Sums over the frames that overlap at each lag: frame ``i`` of signal 0 with frame ``i + k`` of signal 1."""

from __future__ import annotations

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft


def overlaps(frames0: int, frames1: int, lags: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and one past the last frame of signal 0 that overlap signal 1, for each lag: int [L], int [L].

    Raises:
        ValueError: a lag leaves no overlap.
    """
    first, stop = np.maximum(0, -lags), np.minimum(frames0, frames1 - lags)
    if (stop <= first).any():
        raise ValueError(
            f"offset {lags[stop <= first][0]} leaves signals of {frames0} and {frames1} frames no overlap"
        )
    return first, stop


def cross_products(x: np.ndarray, y: np.ndarray, lags: np.ndarray) -> np.ndarray:
    """``Σ_i x[i] y[i + k]`` of each column for each lag, by FFT: [T0, F], [T1, F] → [L, F]."""
    size = next_fast_len(len(x) + len(y), real=True)
    spectrum = np.conj(rfft(x, size, axis=0)) * rfft(y, size, axis=0)
    return irfft(spectrum, size, axis=0)[lags % size]


def window_sums(signal: np.ndarray, first: np.ndarray, stop: np.ndarray) -> np.ndarray:
    """Sums of frames ``first … stop - 1``: [T, F], [L], [L] → [L, F]."""
    running = np.concatenate([np.zeros((1, signal.shape[1])), np.cumsum(signal, axis=0)])
    return running[stop] - running[first]
