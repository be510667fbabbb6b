"""Evidence for every offset on a grid of 10 ms: of the waveforms, and of the envelopes of their spectra.

Two clocks may differ by up to 200 millionths, so that the lag changes along the recording. Segments vote together for a
pair (lag, tilt), the tilt being the change of the lag with time: along a line of lags, never each where it likes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from videosync.sound.envelopes import HOP
from videosync.sound.segments import NORMAL, Power, Range, in_spreads, pieces_of, segment_correlation
from videosync.sound.whiten import RATE

STEEPEST = 200e-6  # tilt
POOL = 32  # lags (2 ms) whose largest correlation stands for all
POOLS = HOP // POOL  # of a cell of 10 ms
CHANCE = 3.0  # spreads: a correlation that unrelated sound reaches too
BLOCK = 120.0  # seconds of envelopes that are correlated at once
CHUNK = 1 << 14  # frames of envelopes that are met at once


def wave_energy(
    x: np.ndarray, y: np.ndarray, pieces: Sequence[Range], cells: Sequence[Range], power0: Power, power1: Power
) -> list[tuple[np.ndarray, np.ndarray]]:
    """``Σ max(z² - 9, 0)`` over segments along the best line of lags, the largest of each cell.

    Args:
        x, y: float16 [n0], [n1], whitened. pieces: segments of x. cells: ranges of lags, in units of 10 ms.

    Returns:
        For each range float32 [L], and the tilt [L] of that line; the lag is that at the middle of the segments.
    """
    middles = np.array([(first + stop) / 2 for first, stop in pieces])
    middles -= (middles[0] + middles[-1]) / 2
    reach = float(middles[-1])  # samples
    steps = int(STEEPEST * reach / POOL + 0.5)
    ranges = [(low * HOP - HOP // 2 - steps * POOL, high * HOP - HOP // 2 + steps * POOL) for low, high in cells]
    rows: list[list[np.ndarray]] = [[] for _ in cells]
    for piece in pieces:
        for kept, z in zip(rows, in_spreads(segment_correlation(x, y, piece, ranges, power0, power1))):
            pooled = np.abs(z).reshape(-1, POOL).max(axis=1)  # [Q]
            kept.append(np.maximum(pooled**2 - CHANCE**2, 0))
    found = []
    for kept in rows:
        count = len(kept[0]) - 2 * steps
        best, tilt = np.full(count, -1.0, np.float32), np.zeros(count, np.float32)
        for step in range(-steps, steps + 1):
            shifts = steps + np.round(step * middles / max(reach, 1.0)).astype(int)
            total = np.sum([row[shift : shift + count] for row, shift in zip(kept, shifts)], axis=0)
            higher = total > best
            best[higher], tilt[higher] = total[higher], step * POOL / max(reach, 1.0)
        grid = best.reshape(-1, POOLS)
        top = grid.argmax(axis=1)[:, None]
        found.append(
            (np.take_along_axis(grid, top, 1)[:, 0], np.take_along_axis(tilt.reshape(-1, POOLS), top, 1)[:, 0])
        )
    return found


def envelope_scores(x: np.ndarray, y: np.ndarray, low: int, high: int) -> np.ndarray:
    """Correlation of all columns at lags ``low … high - 1``, in units of its spread over lags, along the best line.

    Args:
        x, y: float32 [T0, F], [T1, F].

    Returns:
        float64 [high - low], median 0.
    """
    pieces = pieces_of(0, len(x), BLOCK * RATE / HOP)
    rows = _products(x, y, pieces, low, high)  # [S, L]
    middles = np.array([(first + stop) / 2 for first, stop in pieces])
    middles -= (middles[0] + middles[-1]) / 2
    reach = float(middles[-1])
    steps = int(STEEPEST * reach + 0.5)
    best = np.full(high - low, -np.inf, np.float32)
    for step in range(-steps, steps + 1):
        total = np.zeros(high - low, np.float32)
        for row, shift in zip(rows, np.round(step * middles / max(reach, 1.0)).astype(int)):
            total[max(-shift, 0) : len(total) - max(shift, 0)] += row[max(shift, 0) : len(row) - max(-shift, 0)]
        np.maximum(best, total, out=best)
    lags = np.arange(low, high)
    overlap = np.minimum(len(x), len(y) - lags) - np.maximum(0, -lags)
    z = best / np.sqrt(np.maximum(overlap, 1))
    z -= np.median(z)
    return np.asarray(z / max(NORMAL * float(np.median(np.abs(z))), 1e-9), np.float64)


def _products(x: np.ndarray, y: np.ndarray, pieces: Sequence[Range], low: int, high: int) -> np.ndarray:
    """``Σ x[i] y[i + lag]`` over the frames of each piece: float32 [S, L]."""
    from scipy.fft import irfft, next_fast_len, rfft

    longest = max(stop - first for first, stop in pieces)
    met = min(CHUNK, len(y) + longest)  # lags that one transform gives
    size = next_fast_len(longest + met - 1, real=True)
    spectra = [np.conj(rfft(x[first:stop], n=size, axis=0)) for first, stop in pieces]  # [size / 2 + 1, F] each
    rows = np.zeros((len(pieces), high - low), np.float32)
    for start in range(-longest + 1, len(y), met):  # of the frames of y that the first frame of a piece meets
        chunk = np.zeros((size, y.shape[1]), np.float32)
        a, b = max(start, 0), min(start + size, len(y))
        chunk[a - start : b - start] = y[a:b]
        spectrum = rfft(chunk, axis=0)
        for row, own, (first, _) in zip(rows, spectra, pieces):
            lag = start - first  # of the first product
            c, d = max(lag, low), min(lag + met, high)
            if c < d:
                row[c - low : d - low] = irfft(np.einsum("kf,kf->k", own, spectrum), n=size)[c - lag : d - lag]
    return rows
