"""What label-free predictors share: the antisymmetric read-out of both directions.

A direction function reads the offset of video 0 to video 1 and is biased in its own way (ties, the row softmax).
``antisymmetric`` asks it both ways round and takes ``(f(forward, backward) - f(backward, forward)) / 2``: swapped
videos give exactly ``-k``, identical videos exactly 0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from videosync.lags.similarity import CHUNK, check_directions

# matrices [N, T0, T1] of one direction, and [N, T1, T0] of the other → offsets float64 [N]
Direction = Callable[[np.ndarray, np.ndarray], np.ndarray]


class Predictor(Protocol):
    """Offsets of N pairs from their matrices in both directions, without training.

    ``predictor(forward [N, T, T], backward [N, T, T], max_offset)`` gives float64 ``[N]`` in ±max_offset frames.
    """

    def __call__(self, forward: np.ndarray, backward: np.ndarray, max_offset: int) -> np.ndarray: ...


def antisymmetric(direction: Direction, forward: np.ndarray, backward: np.ndarray, max_offset: int) -> np.ndarray:
    """``(direction(forward, backward) - direction(backward, forward)) / 2`` in chunks, clipped to ±max_offset.

    Returns:
        float64 ``[N]``, frames; half frames occur.

    Raises:
        ValueError: the matrices of the two directions do not fit each other.
    """
    check_directions(forward, backward)
    offsets = np.empty(len(forward), dtype=np.float64)
    for start in range(0, len(forward), CHUNK):
        rows = slice(start, start + CHUNK)
        there, back = np.asarray(forward[rows]), np.asarray(backward[rows])
        offsets[rows] = (direction(there, back) - direction(back, there)) / 2
    return np.clip(offsets, -max_offset, max_offset) + 0.0  # + 0.0: never -0
