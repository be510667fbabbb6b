"""Correlation of short segments of one waveform with another one, normalised by the power of what overlaps.

Lag ``k``: sample ``i`` of the first waveform meets sample ``i + k`` of the second. A segment of 8 s is short enough
that two clocks, which differ by up to 1e-4, hardly part within it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from videosync.sound.whiten import RATE, cut

SECONDS = 8.0  # of a segment
SHORTEST = 1 << 16  # lags that one transform gives, if so many are wanted
FLOOR = 1e-3  # of the usual power of a sample: an overlap with less is silence
NORMAL = 1.4826  # times the median absolute deviation: the standard deviation of a normal distribution
Range = tuple[int, int]  # first lag, one past the last


@dataclass(frozen=True, eq=False)
class Power:
    """Sums of squares of any stretch of a waveform, to the next 16 samples."""

    running: np.ndarray  # float64 [n // 16 + 1]
    usual: float  # mean square of a sample

    GRAIN, BLOCK = 16, 1 << 20  # samples

    @classmethod
    def of(cls, wave: np.ndarray) -> Power:
        whole = len(wave) // cls.GRAIN * cls.GRAIN
        running = np.zeros(whole // cls.GRAIN + 1)
        for begin in range(0, whole, cls.BLOCK):
            rows = wave[begin : min(begin + cls.BLOCK, whole)].astype(np.float32).reshape(-1, cls.GRAIN)
            running[begin // cls.GRAIN + 1 :][: len(rows)] = np.einsum("ij,ij->i", rows, rows)
        np.cumsum(running, out=running)
        return cls(running, float(running[-1]) / max(whole, 1))

    def between(self, start: np.ndarray, stop: np.ndarray) -> np.ndarray:
        """Sums over samples ``start … stop - 1`` [L]."""
        last = len(self.running) - 1
        return self.running[np.clip(stop // self.GRAIN, 0, last)] - self.running[np.clip(start // self.GRAIN, 0, last)]


def pieces_of(start: int, stop: int, usual: float = SECONDS * RATE) -> list[Range]:
    """``start … stop - 1`` in pieces of equal length, about ``usual`` long."""
    edges = np.linspace(start, stop, max(1, round((stop - start) / usual)) + 1).astype(int).tolist()
    return list(pairwise(edges))


def segment_correlation(
    x: np.ndarray, y: np.ndarray, segment: Range, ranges: Sequence[Range], power0: Power, power1: Power
) -> list[np.ndarray]:
    """Correlation of a segment of ``x`` with ``y``, for each range of lags.

    Args:
        x, y: float16 or float32 [n0], [n1]. segment: its first sample, and one past its last. power0, power1: of x
            and y.

    Returns:
        For each range float32 [L]: ``c / (√(P0 P1) + floor) · √n`` over the n samples that overlap; of standard
        deviation 1 for unrelated white noise; 0 where nothing overlaps.
    """
    from scipy.fft import irfft, next_fast_len, rfft

    first, stop = segment
    count = stop - first
    longest = max(high - low for low, high in ranges)
    size = next_fast_len(count + min(max(count, SHORTEST), longest) - 1, real=True)
    block = size - count + 1  # lags that one transform gives
    spectrum = np.conj(rfft(cut(x, first, stop), n=size))
    floor = FLOOR * count * np.sqrt(power0.usual * power1.usual) + 1e-12
    found = []
    for low, high in ranges:
        result = np.zeros(high - low, np.float32)
        for begin in range(low, high, block):
            lags = np.arange(begin, min(begin + block, high))
            if first + begin + size <= 0 or first + begin >= len(y):
                continue
            product = irfft(spectrum * rfft(cut(y, first + begin, first + begin + size)), n=size)[: len(lags)]
            if first + lags[0] >= 0 and stop + lags[-1] <= len(y):  # all of the segment meets something
                norm: np.ndarray = np.sqrt(
                    power0.between(np.array(first), np.array(stop)) * power1.between(first + lags, stop + lags)
                )
                z = product * (np.sqrt(count) / (norm + floor))
            else:
                from0, stop0 = np.clip(-lags, first, stop), np.clip(len(y) - lags, first, stop)
                overlap = np.maximum(stop0 - from0, 0)
                norm = np.sqrt(power0.between(from0, stop0) * power1.between(from0 + lags, stop0 + lags))
                z = product * np.sqrt(overlap) / (norm + floor)
            result[begin - low : begin - low + len(lags)] = z
        found.append(result)
    return found


def in_spreads(rows: list[np.ndarray]) -> list[np.ndarray]:
    """Correlations of one segment in units of their usual spread: nearly all lags are wrong ones."""
    every = np.abs(rows[0] if len(rows) == 1 else np.concatenate(rows))
    spread = NORMAL * float(np.median(every[:: max(1, len(every) // 200_000)]))
    return [row / np.float32(max(spread, 1.0)) for row in rows]
