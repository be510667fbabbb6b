"""Batches cut out of similarity matrices: other lengths, ranges, speeds and temperatures than the set they come from.

Of a matrix with offset k, sampled at rows ``a + i / s`` and columns ``b + j / s``, the bright diagonal lies at
``s (k + a - b)``: ``s = 1`` are shorter windows, ``s = 2`` the same motion at twice the frame rate. Between cells the
logarithm is interpolated; ``γ log S`` is the matrix at 1 / γ times the temperature. Each row is divided by its new sum.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from videosync.lags.similarity import TINY
from videosync.types import MatrixPairs

# chosen with the network of ``diagonal_network``, on the same sets
WHOLE = 0.25  # share of batches that are neither cropped nor stretched
UNRELATED = 0.15  # share of a batch whose video 1 runs backwards: it shares no moment, so no lag may be preferred
SHORTEST, LONGEST = 0.25, 1.25  # frames of a crop as a share of the matrix
WIDEST = 0.75  # largest offset as a share of the frames
FEWEST_FRAMES = 8
SPEEDS = (0.5, 4.0)  # s: fewest and most frames that one frame becomes
SHARPNESS = (0.4, 2.0)  # γ


@dataclass(frozen=True)
class CroppedBatch:
    """``n`` matrices of both directions, float32 ``[n, L, L]``, and how likely each lag is, ``[n, 2K + 1]``."""

    forward: np.ndarray
    backward: np.ndarray
    target: np.ndarray  # float32; one lag, or all alike where the two videos share nothing
    max_offset: int  # K of this batch


@dataclass(frozen=True)
class _Crop:
    """What the crops of one batch have in common."""

    frames: int  # L
    speed: float  # s
    max_offset: int

    @property
    def span(self) -> float:
        """Frames of the matrix from the first to the last that is sampled."""
        return (self.frames - 1) / self.speed + 1


def draw_batch(pairs: MatrixPairs, rows: np.ndarray, rng: np.random.Generator) -> CroppedBatch:
    """A batch of pairs ``rows``, cropped alike, each at its own place; also swapped and reversed in time."""
    crop = _draw_crop(int(pairs.lengths[rows].min()), pairs.max_offset, rng)
    forward = np.empty((len(rows), crop.frames, crop.frames), dtype=np.float32)
    backward = np.empty_like(forward)
    target = np.zeros((len(rows), 2 * crop.max_offset + 1), dtype=np.float32)
    reach = min(crop.max_offset, crop.frames - 1)  # lags with a common frame
    for n, row in enumerate(rows):
        length = int(pairs.lengths[row])
        offset, a, b = _place(int(pairs.offsets[row]), length - crop.span, crop.speed, reach, rng)
        steps = np.arange(crop.frames) / crop.speed
        sharpness = math.exp(rng.uniform(*np.log(SHARPNESS)))
        ahead = _sampled(pairs.forward[row, :length, :length], a + steps, b + steps, sharpness)
        back = _sampled(pairs.backward[row, :length, :length], b + steps, a + steps, sharpness)
        if rng.random() < 0.5:
            ahead, back, offset = back, ahead, -offset
        if rng.random() < 0.5:
            ahead, back, offset = ahead[::-1, ::-1], back[::-1, ::-1], -offset
        if rng.random() < UNRELATED:
            forward[n], backward[n] = ahead[:, ::-1], back[::-1]
            target[n, crop.max_offset - reach : crop.max_offset + reach + 1] = 1 / (2 * reach + 1)
        else:
            forward[n], backward[n] = ahead, back
            target[n, crop.max_offset + offset] = 1
    return CroppedBatch(forward, backward, target, crop.max_offset)


def _draw_crop(room: int, max_offset: int, rng: np.random.Generator) -> _Crop:
    """Size, speed and range of a batch whose shortest matrix has ``room`` frames."""
    speed = math.exp(rng.uniform(*np.log(SPEEDS)))
    fewest = max(FEWEST_FRAMES, round(SHORTEST * room))
    most = min(int(LONGEST * room), math.floor(speed * (room - 1) - 0.5) + 1)  # half a lag is left to move by
    if rng.random() < WHOLE or most < fewest:
        return _Crop(room, 1.0, max_offset)
    frames = int(rng.integers(fewest, most + 1))
    slack = room - _Crop(frames, speed, 0).span
    least = max(1, math.ceil(speed * (max_offset - slack)))  # every pair has a crop with an offset as small as this
    widest = max(least, min(int(WIDEST * frames), int(speed * max(max_offset, slack))))
    return _Crop(frames, speed, int(rng.integers(least, widest + 1)))


def _place(offset: int, slack: float, speed: float, reach: int, rng: np.random.Generator) -> tuple[int, float, float]:
    """The offset of a crop, uniform over those of ±``reach`` that ``slack`` frames allow; first row and column."""
    least, most = math.ceil(speed * (offset - slack) - 1e-9), math.floor(speed * (offset + slack) + 1e-9)
    wanted = int(rng.integers(max(least, -reach), min(most, reach) + 1))
    apart = wanted / speed - offset  # a - b
    a = max(0.0, apart) + rng.uniform() * max(0.0, slack - abs(apart))
    if speed == 1:
        a = float(round(a))  # cells as they are, nothing in between
    return wanted, a, a - apart


def _sampled(matrix: np.ndarray, rows: np.ndarray, columns: np.ndarray, sharpness: float) -> np.ndarray:
    """``softmax(sharpness * log S)`` over ``[L, L]`` places between cells, linear between logarithms."""
    logs = np.log(np.maximum(matrix, TINY))
    low, share = _neighbours(rows, len(logs))
    logs = logs[low] * (1 - share)[:, None] + logs[low + 1] * share[:, None] if share.any() else logs[low]
    low, share = _neighbours(columns, logs.shape[1])
    logs = logs[:, low] * (1 - share) + logs[:, low + 1] * share if share.any() else logs[:, low]
    logs = sharpness * (logs - logs.max(axis=1, keepdims=True))
    grown = np.exp(logs)
    return np.asarray(grown / grown.sum(axis=1, keepdims=True))


def _neighbours(places: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The cell before each place, and how far (0 … 1) the place lies towards the next one."""
    places = np.clip(places, 0, size - 1)
    low = np.minimum(np.floor(places).astype(np.int64), max(0, size - 2))
    return low, (places - low).astype(np.float32)
