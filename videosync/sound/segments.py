"""Correlation of short segments of one waveform with another one, normalised by the power of what overlaps.

Lag ``k``: sample ``i`` of the first waveform meets sample ``i + k`` of the second.
"""

from __future__ import annotations

import numpy as np

FLOOR = 1e-3  # of the usual power of a sample: an overlap with less is silence
NORMAL = 1.4826  # times the median absolute deviation: the standard deviation of a normal distribution


def powers(wave: np.ndarray) -> np.ndarray:
    """Running sum of squares: float64 [n + 1]."""
    running = np.zeros(len(wave) + 1)
    np.cumsum(np.square(wave, dtype=np.float64), out=running[1:])
    return running


def segment_correlation(
    x: np.ndarray,
    y: np.ndarray,
    first: int,
    count: int,
    low: int,
    high: int,
    running0: np.ndarray,
    running1: np.ndarray,
) -> np.ndarray:
    """Correlation of samples ``first … first + count - 1`` of ``x`` with ``y`` at lags ``low … high - 1``.

    Args:
        x, y: float32 [n0], [n1]. running0, running1: their ``powers``.

    Returns:
        float32 [high - low]: ``c / (√(P0 P1) + floor) · √n`` over the n samples that overlap, of standard deviation
        1 for unrelated white noise; 0 where nothing overlaps.
    """
    from scipy.fft import irfft, next_fast_len, rfft

    segment = x[first : first + count]
    count = len(segment)
    result = np.zeros(high - low, np.float32)
    size = next_fast_len(min(2 * count, count + high - low), real=True)
    block = size - count + 1  # lags that one transform gives
    spectrum = np.conj(rfft(segment, n=size))
    usual = FLOOR * np.sqrt(running0[-1] / max(len(x), 1) * running1[-1] / max(len(y), 1)) + 1e-12
    for begin in range(low, high, block):
        lags = np.arange(begin, min(begin + block, high))
        start = first + begin  # of y's samples, for the first lag
        a, b = max(start, 0), min(start + size, len(y))
        if a >= b:
            continue
        piece = np.zeros(size, np.float32)
        piece[a - start : b - start] = y[a:b]
        product = irfft(spectrum * rfft(piece), n=size)[: len(lags)]
        from0 = np.clip(-lags, first, first + count)
        stop0 = np.clip(len(y) - lags, first, first + count)
        overlap = np.maximum(stop0 - from0, 0)
        stop0 = from0 + overlap
        power0 = running0[stop0] - running0[from0]
        power1 = running1[np.clip(stop0 + lags, 0, len(y))] - running1[np.clip(from0 + lags, 0, len(y))]
        norm = np.sqrt(np.maximum(power0 * power1, 0)) + usual * count
        result[begin - low : begin - low + len(lags)] = np.where(overlap > 0, product / norm * np.sqrt(overlap), 0)
    return result


def scaled(values: np.ndarray) -> np.ndarray:
    """``values`` in units of their usual spread: nearly all lags are wrong ones."""
    spread = NORMAL * float(np.median(np.abs(values)))
    return values / max(spread, 1.0)
