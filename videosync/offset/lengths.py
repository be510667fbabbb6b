"""Pairs of different lengths in one set: methods are asked for those of one length at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from videosync.lags.similarity import CHUNK, TINY
from videosync.offset.predictor import Predictor
from videosync.types import MatrixPairs


def by_length(lengths: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """(length, numbers of pairs that have it), a few pairs at a time: a memory-mapped set is never loaded whole."""
    for length in np.unique(lengths):
        rows = np.flatnonzero(lengths == length)
        for start in range(0, len(rows), CHUNK):
            yield int(length), rows[start : start + CHUNK]


def predict_offsets(method: Predictor, pairs: MatrixPairs) -> np.ndarray:
    """What ``method`` says about each pair, from the real part of its matrices: float64 ``[N]``, frames.

    Raises:
        CheckpointError: the method cannot read matrices of such a length.
    """
    offsets = np.empty(len(pairs), dtype=np.float64)
    for length, rows in by_length(pairs.lengths):
        forward, backward = (m[rows, :length, :length] for m in (pairs.forward, pairs.backward))
        offsets[rows] = method(forward, backward, pairs.max_offset)
    return offsets


def log_cells(matrices: np.ndarray, size: int) -> np.ndarray:
    """``log S`` of ``[n, L, L]`` as float32 ``[n, size * size]``; around shorter matrices lies their own mean.

    The mean says nothing; zeros would be the loudest cells of all (their logarithm is the smallest number there is).
    """
    length = matrices.shape[1]
    logs = np.log(np.maximum(matrices, TINY, dtype=np.float32))  # [n, L, L]
    if length == size:
        return logs.reshape(len(logs), -1)
    cells = np.empty((len(logs), size, size), dtype=np.float32)
    cells[:] = logs.mean(axis=(1, 2), keepdims=True)
    cells[:, :length, :length] = logs
    return cells.reshape(len(logs), -1)
