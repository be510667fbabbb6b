"""Sound with the same strength at all times and frequencies, so that a loud hum or one bang does not decide."""

from __future__ import annotations

import numpy as np

RATE = 16_000  # samples/s
FRAME, STEP = 1024, 512  # samples of the short-time Fourier transform
AROUND = (13, 7)  # frames (0.4 s) and bins whose mean magnitude a cell is divided by
BAND = (150.0, 7000.0)  # Hz that are kept
LEAST = 3e-4  # magnitude of a cell that counts as digital silence: about the rounding of 16-bit samples
BLOCK = 2048  # frames at a time


def whitened(samples: np.ndarray) -> np.ndarray:
    """Each cell of the short-time spectrum divided by the mean magnitude around it, back as a waveform.

    Args:
        samples: float32 [n] at 16 kHz.

    Returns:
        float16 [n], rounded to a thousandth; near 0 where the sound is digital silence. Worked out in blocks: memory
        beside it does not grow.
    """
    from scipy.fft import irfft, rfft
    from scipy.ndimage import uniform_filter

    count = len(samples)
    result = np.zeros(count, np.float16)
    if not count:
        return result
    window = np.sqrt(np.hanning(FRAME + 1)[:FRAME]).astype(np.float32)  # its squares add up to 1
    frames = -(-count // STEP) + 1  # frame f starts at sample (f - 1) · STEP
    hertz = np.arange(FRAME // 2 + 1) * RATE / FRAME
    kept = (hertz >= BAND[0]) & (hertz <= BAND[1])
    margin = AROUND[0] // 2
    for begin in range(0, frames, BLOCK):
        end = min(begin + BLOCK, frames)
        first, last = max(0, begin - margin), min(frames, end + margin)
        pieces = _frames(samples, first, last)
        spectrum = rfft((pieces - pieces.mean(axis=1, keepdims=True)) * window)  # [F, 513]
        size = uniform_filter(np.abs(spectrum), AROUND, mode="nearest")
        spectrum *= kept / (size + LEAST)
        cells = irfft(spectrum[begin - first : end - first], n=FRAME) * window  # [F, 1024]
        place = (begin - 1) * STEP
        for half in (0, 1):  # neighbouring frames overlap by one half
            piece = cells[:, half * STEP : (half + 1) * STEP].ravel()
            start = place + half * STEP
            low, high = max(start, 0), min(start + len(piece), count)
            if low < high:
                result[low:high] += piece[low - start : high - start]
    return result


def _frames(samples: np.ndarray, first: int, last: int) -> np.ndarray:
    """Frames ``first … last - 1`` of samples with zeros before and after: [F, 1024]."""
    piece = cut(samples, (first - 1) * STEP, (last - 2) * STEP + FRAME)
    return np.lib.stride_tricks.sliding_window_view(piece, FRAME)[::STEP]


def cut(samples: np.ndarray, start: int, stop: int) -> np.ndarray:
    """Samples ``start … stop - 1``, zeros where there are none: float32 [stop - start]."""
    low, high = max(start, 0), min(stop, len(samples))
    if (low, high) == (start, stop):
        return samples[start:stop].astype(np.float32, copy=False)
    piece = np.zeros(stop - start, np.float32)
    if low < high:
        piece[low - start : high - start] = samples[low:high]
    return piece
