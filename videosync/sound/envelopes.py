"""The short-time spectrum's envelope, a hundred times a second: how loud each band is, and so the timbre."""

from __future__ import annotations

import numpy as np

from videosync.sound.whiten import RATE, cut

HOP = 160  # samples: 10 ms
FRAME, FFT = 400, 512  # samples of a frame, of its transform
MELS = 40  # bands
BAND = (150.0, 7000.0)  # Hz
COEFFICIENTS = 30  # of the cosine transform over bands: of loudness and timbre, less of the pitch
AROUND = 151  # frames, whose mean and spread are taken out
LEAST_SPREAD = 0.3  # of a coefficient (log power); what changes less is noise
LEAST_POWER = 1e-6  # of a band: rounding to 16 bits and its dither have less
TENTH = 10  # frames: of loudness
BLOCK = 8192  # frames at a time


def envelopes(samples: np.ndarray) -> tuple[np.ndarray, float, np.ndarray]:
    """Mel-frequency cepstral coefficients, relative to the second and a half around them.

    Davis and Mermelstein, "Comparison of parametric representations for monosyllabic word recognition" (1980), on a
    logarithm that has the median power of each band as its floor: what is below, mostly noise, hardly moves it.

    Args:
        samples: float32 [n] at 16 kHz.

    Returns:
        float32 [T, 30], frame ``t`` around sample ``160 t``, ``T = 1 + n // 160``; how many seconds of them are above
        digital silence; and how loud each tenth of a second is, decibels [⌈T / 10⌉], -inf: digital silence.
    """
    from scipy.fft import dct, rfft
    from scipy.ndimage import uniform_filter1d

    count = 1 + len(samples) // HOP
    window = np.hanning(FRAME).astype(np.float32)
    filters = _mel_filters()
    power = np.empty((count, MELS), np.float32)
    for begin in range(0, count, BLOCK):
        end = min(begin + BLOCK, count)
        piece = cut(samples, begin * HOP - FRAME // 2, (end - 1) * HOP + FRAME // 2)
        frames = np.lib.stride_tricks.sliding_window_view(piece, FRAME)[::HOP]
        spectrum = rfft((frames - frames.mean(axis=1, keepdims=True)) * window, n=FFT)
        power[begin:end] = (spectrum.real**2 + spectrum.imag**2) @ filters
    audible = np.count_nonzero(power.max(axis=1) > LEAST_POWER) * HOP / RATE
    loudness = _loudness(power)
    floor = np.median(power[:: max(1, count // 100_000)], axis=0) + np.float32(LEAST_POWER)
    values = dct(np.log(power + floor), axis=1, norm="ortho")[:, :COEFFICIENTS]
    del power
    values -= uniform_filter1d(values, AROUND, axis=0, mode="nearest")
    spread = uniform_filter1d(values**2, AROUND, axis=0, mode="nearest")
    values /= np.sqrt(np.maximum(spread, 0)) + np.float32(LEAST_SPREAD)
    return np.ascontiguousarray(values, np.float32), audible, loudness


def _loudness(power: np.ndarray) -> np.ndarray:
    """Decibels, the mean over bands: float32 [⌈T / 10⌉]."""
    starts = np.arange(0, len(power), TENTH)
    bands = np.add.reduceat(power, starts, axis=0) / np.diff(starts, append=len(power))[:, None]
    level = np.mean(10 * np.log10(bands + LEAST_POWER), axis=1)
    return np.where(bands.max(axis=1) > LEAST_POWER, level, -np.inf).astype(np.float32)


def _mel_filters() -> np.ndarray:
    """float32 [257, 40]: triangles on O'Shaughnessy's mel scale, each of sum 1."""
    low, high = (2595 * np.log10(1 + hertz / 700) for hertz in BAND)
    edges = 700 * (10 ** (np.linspace(low, high, MELS + 2) / 2595) - 1)
    bins = np.arange(FFT // 2 + 1)[:, None] * RATE / FFT
    rising, falling = (bins - edges[:-2]) / np.diff(edges)[:-1], (edges[2:] - bins) / np.diff(edges)[1:]
    triangles = np.maximum(np.minimum(rising, falling), 0)
    return np.asarray(triangles / triangles.sum(axis=0), np.float32)
