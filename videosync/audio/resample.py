"""From pieces of sound at their places to one waveform at another rate, block by block."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from math import ceil, gcd

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

Piece = tuple[int, np.ndarray]  # place of the first sample, counted from time 0 at the rate of the file; float32 [n]

BLOCK = 10.0  # seconds
CROSSINGS = 16  # zero crossings of the low-pass filter on each side
BETA = 8.0  # of its Kaiser window: 80 dB


def resampled(pieces: Iterator[Piece], source: int, rate: int, first: int, count: int | None) -> np.ndarray:
    """float32 [count]: sound at ``rate`` samples/s from sample ``first`` on (both counted from time 0).

    ``pieces`` have ``source`` samples/s; where there is none is silence. ``count`` None: to the end of the last piece.
    A polyphase low-pass filter, whose grid starts at time 0: a window equals the same stretch of the whole.
    """
    common = gcd(source, rate)
    up, down = rate // common, source // common
    wanted = BLOCK * rate if count is None else min(count, BLOCK * rate)
    begin = first // up  # whole units of `down` samples of the file, `up` of the result
    units = max(1, ceil((first + wanted) / up) - begin)
    margin = ceil(CROSSINGS * max(up, down) / (up * down)) + 1  # units that the filter looks beyond a block
    buffer = np.zeros((units + 2 * margin) * down, np.float32)
    place = (begin - margin) * down  # of buffer[0]
    # grown in place: the system moves its pages, so that no second copy is ever held
    result = np.zeros(0, np.float32)
    last, done = place, first - begin * up
    for start, samples in pieces:
        last = max(last, start + len(samples))
        while (start + len(samples)) > place + len(buffer):
            if count is not None and len(result) >= done + count:
                break
            _put(buffer, start - place, samples)
            _append(result, _block(buffer, margin, up, down))
            buffer[: 2 * margin * down] = buffer[units * down :]
            buffer[2 * margin * down :] = 0
            place += units * down
        _put(buffer, start - place, samples)
    if count is None:
        count = max(0, ceil(last * up / down) - first)
    while len(result) < done + count:
        _append(result, _block(buffer, margin, up, down))
        buffer[: 2 * margin * down] = buffer[units * down :]
        buffer[2 * margin * down :] = 0
    return result[done : done + count]


def _append(result: np.ndarray, block: np.ndarray) -> None:
    size = len(result)
    result.resize(size + len(block), refcheck=False)
    result[size:] = block


def _put(buffer: np.ndarray, place: int, samples: np.ndarray) -> None:
    """Copy what lies inside the buffer."""
    low, high = max(place, 0), min(place + len(samples), len(buffer))
    if low < high:
        buffer[low:high] = samples[low - place : high - place]


def _block(buffer: np.ndarray, margin: int, up: int, down: int) -> np.ndarray:
    """The buffer without its margins, at the new rate.

    Sample ``n up + p`` is a product of the samples around ``(n up + p) down / up`` and one phase of the filter
    (``scipy.signal.resample_poly``, which takes longer to import than a minute of sound to resample).
    """
    units = len(buffer) // down - 2 * margin
    if up == down:
        return buffer[margin : margin + units].copy()
    result = np.empty((units, up), np.float32)
    for phase, (first, taps) in enumerate(_phases(up, down)):
        begin = margin * down + first
        pieces = sliding_window_view(buffer[begin : begin + (units - 1) * down + len(taps)], len(taps))[::down]
        np.einsum("nt,t->n", pieces, taps, out=result[:, phase])  # unlike a product by BLAS, the same in any block
    return result.ravel()


@lru_cache(maxsize=32)
def _phases(up: int, down: int) -> list[tuple[int, np.ndarray]]:
    """For each of ``up`` samples: where the filter begins, in samples of the file, and what they are multiplied by."""
    half = CROSSINGS * max(up, down)
    places = np.arange(-half, half + 1)
    taps = np.sinc(places / max(up, down)) * np.kaiser(len(places), BETA)
    taps = (taps * (up / taps.sum())).astype(np.float32)
    found = []
    for middle in range(0, up * down, down):
        first, last = -((half - middle) // up), (middle + half) // up
        found.append((first, taps[half + middle - np.arange(first, last + 1) * up]))
    return found
