"""Median of argmax: each frame of video 0 votes for the frame of video 1 it is most like."""

from __future__ import annotations

import numpy as np

from videosync.offset.predictor import antisymmetric


def argmax_offsets(matrices: np.ndarray) -> np.ndarray:
    """``argmax_j S[i, j] - i`` of every row: int64 ``[N, T0]`` from ``[N, T0, T1]``."""
    return np.argmax(matrices, axis=2) - np.arange(matrices.shape[1])


def median_of_argmax(matrices: np.ndarray) -> np.ndarray:
    """Median over all rows of ``argmax_offsets`` (no floor: the middle two's mean): float64 ``[N]``."""
    return np.median(argmax_offsets(matrices), axis=1)


def median(forward: np.ndarray, backward: np.ndarray, max_offset: int) -> np.ndarray:
    """``Predictor``: median of argmax over both directions."""
    return antisymmetric(lambda s, _: median_of_argmax(s), forward, backward, max_offset)
