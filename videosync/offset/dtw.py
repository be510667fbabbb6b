"""Dynamic time warping: the cheapest monotonic path through the matrix, and its median offset.

The published method warps on squared distances of embeddings. What is stored are their row softmaxes in both
directions, whose logarithms are the distances over the temperature minus a constant for each row. Paths are not
indifferent to such constants (one that lingers in a row pays it again), so they are taken out first:
:func:`relative_distances`.
"""

from __future__ import annotations

import numpy as np

from videosync.lags.similarity import TINY
from videosync.offset.predictor import antisymmetric

LEAST = 0.1  # cost of the nearest pair of frames, where the average pair costs 1 more
FLAT = 1e-6  # mean difference of distances over the temperature: below lie the roundings of a float32 softmax
GRID = 2.0**20  # costs are multiples of its inverse: frames that are alike tie, and sums of costs are exact
DIAGONAL, DOWN, RIGHT = 0, 1, 2  # the step that led into a cell; of equal ones the first in this order


def dtw_steps(cost: np.ndarray) -> np.ndarray:
    """Best step into each cell for costs ``[N, T0, T1]``, worked along anti-diagonals, all N at once.

    Returns:
        int8 ``[N, T0 + T1 - 1, T0]``, skewed: ``[n, i + j, i]`` belongs to cell (i, j).
    """
    n, rows, columns = cost.shape
    skewed = np.full((rows + columns - 1, n, rows), np.inf)  # [anti-diagonal, N, row]
    for i in range(rows):
        skewed[i : i + columns, :, i] = cost[:, i, :].T
    steps = np.zeros((rows + columns - 1, n, rows), dtype=np.int8)
    before = np.full((n, rows + 1), np.inf)  # total cost of row i - 1 stands at [:, i]: row "-1" is a wall
    before2 = before.copy()
    before[:, 1] = skewed[0, :, 0]
    for diagonal in range(1, rows + columns - 1):
        best = before2[:, :-1].copy()  # from (i-1, j-1)
        down, right = before[:, :-1], before[:, 1:]  # from (i-1, j) and (i, j-1)
        step = steps[diagonal]
        better = down < best
        np.copyto(best, down, where=better)
        step[better] = DOWN
        better = right < best
        np.copyto(best, right, where=better)
        step[better] = RIGHT
        before2, before = before, before2
        np.add(best, skewed[diagonal], out=before[:, 1:])
    return steps.transpose(1, 0, 2)


def dtw_paths(cost: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cheapest paths from (0, 0) to (T0-1, T1-1) through costs ``[N, T0, T1]``; steps 1-1, 1-0, 0-1.

    Returns:
        rows and columns of the path cells, int64 ``[N, T0 + T1 - 1]`` from the end to the start, and which
        of them are real, bool of the same shape.
    """
    n, rows, columns = cost.shape
    steps = dtw_steps(cost)
    which = np.arange(n)
    i, j = np.full(n, rows - 1), np.full(n, columns - 1)
    path0 = np.zeros((rows + columns - 1, n), dtype=np.int64)
    path1 = np.zeros_like(path0)
    real = np.zeros(path0.shape, dtype=bool)
    walking = np.ones(n, dtype=bool)
    for cell in range(rows + columns - 1):
        path0[cell], path1[cell], real[cell] = i, j, walking
        step = steps[which, i + j, i]
        walking = walking & (i + j > 0)
        if not walking.any():
            break
        i = i - (walking & (step != RIGHT))
        j = j - (walking & (step != DOWN))
    return path0.T, path1.T, real.T


def median_of_dtw(cost: np.ndarray) -> np.ndarray:
    """Median of ``column - row`` over each cheapest path's cells: float64 ``[N]`` from ``[N, T0, T1]``."""
    path0, path1, real = dtw_paths(np.asarray(cost, dtype=np.float64))
    offsets = np.where(real, path1 - path0, np.nan)
    return np.nanmedian(offsets, axis=1)


def relative_distances(forward: np.ndarray, backward: np.ndarray) -> np.ndarray:
    """Distances of all frames but for scale and zero, whatever the temperature: float64 ``[N, T0, T1]``.

    With distances ``d``, ``log forward[i, j] = -d[i, j] / τ - r_i`` and ``log backward[j, i] = -d[i, j] / τ - c_j``:
    their difference ``c_j - r_i`` tells every ``r_i`` up to one constant for the whole matrix. Nothing tells that
    constant: the nearest pair of frames is said to be ``LEAST`` apart, and the average pair 1 more. On made pairs of
    known offset, that gives the answers of true distances to 0.1 frames.

    Where a softmax underflows (temperatures below 0.02), distances are cut there. A backward direction that was made
    from the forward one (imported sets) tells nothing of the rows: all then keep their normaliser.
    """
    there, back = (np.log(np.maximum(s, TINY), dtype=np.float64) for s in (forward, backward.swapaxes(1, 2)))
    distances = (there - back).mean(axis=2, keepdims=True) - there  # [N, T0, T1]
    distances -= distances.min(axis=(1, 2), keepdims=True)
    spread = distances.mean(axis=(1, 2), keepdims=True)
    return np.rint((distances / np.where(spread > FLAT, spread, np.inf) + LEAST) * GRID) / GRID


def dtw(forward: np.ndarray, backward: np.ndarray, max_offset: int) -> np.ndarray:
    """``Predictor``: median offset of the warping path on distances, over both directions."""
    return antisymmetric(lambda s, other: median_of_dtw(relative_distances(s, other)), forward, backward, max_offset)
