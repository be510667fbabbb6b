"""Mean of argmax: as the median, but every row counts, also those that are far off."""

from __future__ import annotations

import numpy as np

from videosync.offset.median import argmax_offsets
from videosync.offset.predictor import antisymmetric


def mean_of_argmax(matrices: np.ndarray) -> np.ndarray:
    """Mean over all rows of ``argmax_offsets``: float64 ``[N]`` from ``[N, T0, T1]``."""
    return argmax_offsets(matrices).mean(axis=1)


def mean(forward: np.ndarray, backward: np.ndarray, max_offset: int) -> np.ndarray:
    """``Predictor``: mean of argmax over both directions."""
    return antisymmetric(lambda s, _: mean_of_argmax(s), forward, backward, max_offset)
