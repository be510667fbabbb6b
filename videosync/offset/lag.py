"""Lag scores: how strongly the evidence speaks for each candidate offset -K ... K.

Scores of the two directions are added, ``s(forward)[k] + s(backward)[-k]``, so that swapping the videos
reverses the scores exactly; ``best_lag`` breaks ties symmetrically, so that the answer flips its sign too.
"""

from __future__ import annotations

import numpy as np

from videosync.errors import CheckpointError
from videosync.offset.predictor import CHUNK, TINY, check_directions

TIE = 1e-6  # scores this close to the largest (relative to its size) count as equal to it


def lag_scores(forward: np.ndarray, backward: np.ndarray, max_offset: int) -> np.ndarray:
    """Diagonal scores of both directions.

    Args:
        forward, backward: softmaxed similarities ``[N, T, T]``.
        max_offset: K, below T, so that every candidate has frames that overlap.

    Returns:
        float64 ``[N, 2K + 1]``, entry ``K + k`` for offset k.

    Raises:
        CheckpointError: K is not below T. ValueError: shapes that do not fit.
    """
    check_directions(forward, backward)
    overlap = min(forward.shape[1:])
    if not 0 <= max_offset < overlap:
        raise CheckpointError(
            f"offsets up to {max_offset} frames cannot be read from {forward.shape[1]} x {forward.shape[2]} "
            f"matrices: at least one frame must overlap, so max_offset must be below {overlap}"
        )
    scores = np.empty((len(forward), 2 * max_offset + 1), dtype=np.float64)
    for start in range(0, len(forward), CHUNK):
        rows = slice(start, start + CHUNK)
        ahead = _diagonal_scores(np.asarray(forward[rows]), max_offset)
        scores[rows] = ahead + _diagonal_scores(np.asarray(backward[rows]), max_offset)[:, ::-1]
    return scores


def best_lag(scores: np.ndarray) -> np.ndarray:
    """The offset with the largest score; of tied ones (within a relative 1e-6) their mean.

    Args:
        scores: float ``[N, 2K + 1]``, entry ``K + k`` for offset k.

    Returns:
        float64 ``[N]``, frames. Reversed scores give exactly the negative answer.
    """
    lags = np.arange(scores.shape[1]) - scores.shape[1] // 2
    best = scores.max(axis=1, keepdims=True)
    tied = scores >= best - TIE * np.abs(best)  # [N, 2K + 1]
    return (tied * lags).sum(axis=1) / tied.sum(axis=1)


def _diagonal_scores(matrices: np.ndarray, max_offset: int) -> np.ndarray:
    """``(mean of log S on diagonal k - mean of log S) / std of log S · √overlap``: ``[N, 2K + 1]``.

    Logarithms, because the mean of probabilities is decided by a few sharp rows when the temperature is low;
    in units of the standard error of a mean over that many frames, because short diagonals are noisier and
    would win by chance. A constant matrix scores 0 everywhere.
    """
    logs = np.log(np.maximum(matrices, TINY), dtype=np.float64)  # [N, T, T]
    center = logs.mean(axis=(1, 2))
    spread = logs.std(axis=(1, 2))
    flat = spread <= 1e-9
    spread[flat] = 1
    diagonals = (np.diagonal(logs, k, axis1=1, axis2=2) for k in range(-max_offset, max_offset + 1))
    scores = [(d.mean(axis=1) - center) / spread * np.sqrt(d.shape[1]) for d in diagonals]
    return np.where(flat[:, None], 0.0, np.stack(scores, axis=1))
