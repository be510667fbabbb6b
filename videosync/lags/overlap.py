"""Sums over the frames that overlap at each lag: frame ``i`` of signal 0 with frame ``i + k`` of signal 1."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

COLUMNS = 32  # of vectors that are transformed at a time
TOGETHER = 1 << 17  # numbers of products of columns at a time: those that fit near a processor

Array = Any  # np.ndarray or torch.Tensor


def namespace(*arrays: Array) -> Any:
    """The functions of the array API for NumPy arrays, or for torch tensors."""
    if all(isinstance(array, np.ndarray) for array in arrays):
        return np
    from array_api_compat import array_namespace  # imports all of NumPy, which takes long

    return array_namespace(*arrays)


def overlaps(frames0: int, frames1: int, lags: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and one past the last frame of signal 0 that overlap signal 1, for each lag: int [L], int [L].

    Raises:
        ValueError: a lag leaves no overlap.
    """
    first, stop = np.maximum(0, -lags), np.minimum(frames0, frames1 - lags)
    if (stop <= first).any():
        raise ValueError(f"offset {lags[stop <= first][0]} leaves signals of {frames0} and {frames1} frames no overlap")
    return first, stop


def cross_products(x: Array, y: Array, lags: np.ndarray) -> Array:
    """``Σ_i x[i] y[i + k]`` of each column for each lag, by FFT: [..., T0, F], [..., T1, F] → float64 [..., L, F].

    ``lags``: int [L], each with some overlap.
    """
    fft, size = namespace(x, y).fft, _fast_size(x, y)
    return fft.irfft(_cross_spectrum(x, y, size), n=size, axis=-2)[..., lags % size, :]


def vector_products(x: Array, y: Array, lags: np.ndarray) -> Array:
    """The sum of ``cross_products`` over columns, a few at a time: float64 [..., L]."""
    xp, size = namespace(x, y), _fast_size(x, y)
    spectrum: Array = 0.0
    for start in range(0, x.shape[-1], COLUMNS):
        some = (..., slice(start, start + COLUMNS))
        spectrum = spectrum + xp.sum(_cross_spectrum(x[some], y[some], size), axis=-1)
    return xp.fft.irfft(spectrum, n=size, axis=-1)[..., lags % size]


def column_products(x: np.ndarray, y: np.ndarray, lags: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """``Σ_i x[i, a] y[i + k, b]`` of each two columns for each lag, by FFT: [T0, A], [T1, B] → float64 [A, B, L].

    Yields some columns of ``x`` at a time, and theirs. ``lags``: int [L], each with some overlap.
    """
    size = _fast_size(x, y)
    one, other = (np.fft.rfft(np.ascontiguousarray(v.T), n=size) for v in (x, y))
    step = max(1, TOGETHER // max(size * len(other), 1))
    for start in range(0, len(one), step):
        some = slice(start, start + step)
        yield some, np.fft.irfft(one[some, None].conj() * other, n=size)[..., lags % size]


def _fast_size(x: Array, y: Array) -> int:
    return fast_size(x.shape[-2] + y.shape[-2])


@lru_cache(maxsize=256)
def fast_size(least: int) -> int:
    """The smallest number from ``least`` on that has no prime factors but 2, 3 and 5: transforms of it are fast."""
    odd = (3**a * 5**b for a in range(least.bit_length()) for b in range(least.bit_length()))
    return min(n << max(0, (-(-least // n) - 1).bit_length()) for n in odd)


def _cross_spectrum(x: Array, y: Array, size: int) -> Array:
    xp = namespace(x, y)
    one, other = (xp.fft.rfft(xp.astype(v, xp.float64), n=size, axis=-2) for v in (x, y))
    return xp.conj(one) * other


def window_sums(signal: np.ndarray, first: np.ndarray, stop: np.ndarray) -> np.ndarray:
    """Sums of frames ``first … stop - 1``: [T, F], [L], [L] → [L, F]."""
    running = np.concatenate([np.zeros((1, signal.shape[1])), np.cumsum(signal, axis=0)])
    return running[stop] - running[first]


def standard_errors(means: Array, overlap: Array, mean: Array | float, spread: Array | float) -> Array:
    """Means over ``overlap`` cells, against ``mean`` and ``spread`` of all cells, in units of their standard error.

    Short overlaps are noisier and would win by chance.
    """
    return (means - mean) / spread * overlap**0.5


@dataclass(frozen=True, eq=False)
class OverlapSums:
    """Of two signals x [T0, F0] and y [T1, F1]: sums over the frames that overlap at each of L lags."""

    count: np.ndarray  # [L, 1]; 1 where there is none
    sum0: np.ndarray  # of x: [L, F0]
    square0: np.ndarray
    sum1: np.ndarray  # of y: [L, F1]
    square1: np.ndarray


def overlap_sums(
    x: np.ndarray, y: np.ndarray, lags: np.ndarray, seen0: np.ndarray | None = None, seen1: np.ndarray | None = None
) -> OverlapSums:
    """Number, sums and sums of squares of what overlaps.

    Args:
        x, y: 0 where nothing is seen. seen0, seen1: 1, or 0 for frames that do not count: float [T0, 1] and [T1, 1]
            (None: all count).

    Raises:
        ValueError: a lag leaves no overlap.
    """
    first, stop = overlaps(len(x), len(y), lags)
    if seen0 is None and seen1 is None:
        return OverlapSums(
            (stop - first).astype(np.float64)[:, None],
            *(window_sums(v, first, stop) for v in (x, x * x)),
            *(window_sums(v, first + lags, stop + lags) for v in (y, y * y)),
        )
    one, other = (np.ones((len(v), 1)) if seen is None else seen for v, seen in ((x, seen0), (y, seen1)))
    return OverlapSums(
        np.maximum(np.rint(cross_products(one, other, lags)), 1),
        *(cross_products(v, np.repeat(other, v.shape[1], axis=1), lags) for v in (x, x * x)),
        *(cross_products(np.repeat(one, v.shape[1], axis=1), v, lags) for v in (y, y * y)),
    )
