"""Batches cut out of similarity matrices: other lengths, offsets and ranges than the set they come from.

Rows ``a … a + L - 1`` and columns ``b … b + L - 1`` of a matrix with offset k are the matrix of two shorter windows
with the offset ``k + a - b``; each row is divided by its new sum, as a softmax over fewer frames would have it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from videosync.types import MatrixPairs

WHOLE = 0.35  # share of batches that are not cropped
UNRELATED = (
    0.15  # share of a batch whose video 1 runs backwards: it shares no moment, so no lag may be preferred
)
SHORTEST, WIDEST = (
    0.25,
    0.75,
)  # frames of a crop as a share of the matrix; largest offset as a share of the frames
FEWEST_FRAMES = 8


@dataclass(frozen=True)
class CroppedBatch:
    """``n`` matrices of both directions, float32 ``[n, L, L]``, and how likely each lag is, ``[n, 2K + 1]``."""

    forward: np.ndarray
    backward: np.ndarray
    target: np.ndarray  # float32; one lag, or all alike where the two videos share nothing
    max_offset: int  # K of this batch


def draw_batch(pairs: MatrixPairs, rows: np.ndarray, rng: np.random.Generator) -> CroppedBatch:
    """A batch of pairs ``rows``, cropped alike in size, each at its own place; also swapped and reversed in time."""
    room = int(pairs.lengths[rows].min())
    length, max_offset = room, pairs.max_offset
    if rng.random() >= WHOLE and room > FEWEST_FRAMES:
        length = int(rng.integers(max(FEWEST_FRAMES, round(SHORTEST * room)), room + 1))
        least = max(1, max_offset - (room - length))  # every pair has a crop with an offset as small as this
        most = max(least, min(int(WIDEST * length), max(max_offset, room - length)))
        max_offset = int(rng.integers(least, most + 1))
    forward = np.empty((len(rows), length, length), dtype=np.float32)
    backward = np.empty_like(forward)
    target = np.zeros((len(rows), 2 * max_offset + 1), dtype=np.float32)
    reach = min(max_offset, length - 1)  # lags with a common frame
    for n, row in enumerate(rows):
        a, b = _place(int(pairs.offsets[row]), int(pairs.lengths[row]) - length, reach, rng)
        offset = int(pairs.offsets[row]) + a - b
        ahead = _renormalised(pairs.forward[row, a : a + length, b : b + length])
        back = _renormalised(pairs.backward[row, b : b + length, a : a + length])
        if rng.random() < 0.5:
            ahead, back, offset = back, ahead, -offset
        if rng.random() < 0.5:
            ahead, back, offset = ahead[::-1, ::-1], back[::-1, ::-1], -offset
        if rng.random() < UNRELATED:
            forward[n], backward[n] = ahead[:, ::-1], back[::-1]
            target[n, max_offset - reach : max_offset + reach + 1] = 1 / (2 * reach + 1)
        else:
            forward[n], backward[n] = ahead, back
            target[n, max_offset + offset] = 1
    return CroppedBatch(forward, backward, target, max_offset)


def _place(offset: int, slack: int, reach: int, rng: np.random.Generator) -> tuple[int, int]:
    """First row and column of a crop whose offset is uniform over those of ±``reach`` that ``slack`` frames allow."""
    wanted = rng.integers(max(offset - slack, -reach), min(offset + slack, reach) + 1)
    apart = int(wanted) - offset  # a - b
    a = int(rng.integers(max(0, apart), min(slack, slack + apart) + 1))
    return a, a - apart


def _renormalised(rows: np.ndarray) -> np.ndarray:
    total = rows.sum(axis=1, keepdims=True)
    return rows / np.where(total > 0, total, 1)
