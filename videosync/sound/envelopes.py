"""How strong the sound is in each band, a hundred times a second, and what timbre it has."""

from __future__ import annotations

import numpy as np

from videosync.sound.whiten import LEAST, RATE

HOP = 160  # samples: 10 ms
FRAME, FFT = 400, 512  # samples of a frame, of its transform
MELS = 40
BAND = (150.0, 7000.0)  # Hz
BANDS = 20  # of envelopes: two mels each
COEFFICIENTS = slice(1, 13)  # of the cosine transform over mels: the timbre without the loudness
AROUND = 100  # frames: a second, whose mean and spread are taken out
BLOCK = 8192  # frames at a time


def envelopes(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Log energies of bands and mel-frequency cepstral coefficients, relative to the second around them.

    Args:
        samples: float32 [n] at 16 kHz.

    Returns:
        float32 [T, 20] and [T, 12], frame ``t`` around sample ``160 t``; ``T = 1 + n // 160``.
    """
    from scipy.fft import dct, rfft
    from scipy.ndimage import uniform_filter1d

    count = 1 + len(samples) // HOP
    window = np.hanning(FRAME).astype(np.float32)
    filters = _mel_filters()
    mels = np.empty((count, MELS), np.float32)
    for begin in range(0, count, BLOCK):
        end = min(begin + BLOCK, count)
        start, stop = begin * HOP - FRAME // 2, (end - 1) * HOP + FRAME // 2
        piece = np.zeros(stop - start, np.float32)
        low, high = max(start, 0), min(stop, len(samples))
        piece[low - start : high - start] = samples[low:high]
        frames = np.lib.stride_tricks.sliding_window_view(piece, FRAME)[::HOP] * window
        spectrum = rfft(frames, n=FFT)
        power = spectrum.real**2 + spectrum.imag**2
        mels[begin:end] = np.log(power @ filters + np.float32(LEAST**2 * 10))
    bands = mels.reshape(count, BANDS, -1).mean(axis=2)
    timbre = dct(mels, axis=1, norm="ortho")[:, COEFFICIENTS]

    def relative(values: np.ndarray) -> np.ndarray:
        change = values - uniform_filter1d(values, AROUND + 1, axis=0, mode="nearest")
        spread = np.sqrt(uniform_filter1d(change**2, AROUND + 1, axis=0, mode="nearest"))
        return np.asarray(change / (spread + 0.3), np.float32)

    return relative(bands), relative(timbre)


def _mel_filters() -> np.ndarray:
    """float32 [257, 40]: triangles on O'Shaughnessy's mel scale."""
    low, high = (2595 * np.log10(1 + hertz / 700) for hertz in BAND)
    edges = 700 * (10 ** (np.linspace(low, high, MELS + 2) / 2595) - 1)
    bins = np.arange(FFT // 2 + 1)[:, None] * RATE / FFT
    rising, falling = (bins - edges[:-2]) / np.diff(edges)[:-1], (edges[2:] - bins) / np.diff(edges)[1:]
    triangles = np.maximum(np.minimum(rising, falling), 0)
    return (triangles / triangles.sum(axis=0)).astype(np.float32)
