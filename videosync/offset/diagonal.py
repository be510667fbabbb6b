"""Diagonal: the offset whose diagonal is brightest as a whole. A straight line, where DTW bends.

It always names its best candidate: on matrices that say nothing the answer is a random offset, with a mean error
of about 2/3 K, above the floor of always answering 0 (K/2).
"""

from __future__ import annotations

import numpy as np

from videosync.lags.scores import best_lag
from videosync.lags.similarity import lag_scores


def diagonal(forward: np.ndarray, backward: np.ndarray, max_offset: int) -> np.ndarray:
    """``Predictor``: the best of the lag scores of both directions."""
    return best_lag(lag_scores(forward, backward, max_offset))
