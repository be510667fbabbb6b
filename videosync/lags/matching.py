"""How many frames of two clips match along a diagonal of their similarity: one score a lag, from probabilities.

``similarity.py`` reads embeddings, whose products are trained to mean something on both sides of 0. Vectors that are
measured, such as the direction in which a frame's signals change, are not: a pair of frames that differ says little,
however much they differ. So a cell counts here as the mean of its two softmaxes, not of their logarithms.
"""

from __future__ import annotations

import numpy as np

from videosync.lags.overlap import cross_products, overlaps, standard_errors
from videosync.lags.similarity import MOST_CELLS, ROWS, similarity_scores

FLAT = 1e-6  # a spread this small beside the mean is rounding
LEAST = 1e-30  # of a sum of exponentials: a frame that resembles no other has similarity 0 to all


def match_scores(
    vectors0: np.ndarray,
    vectors1: np.ndarray,
    lags: np.ndarray,
    *,
    temperature: float,
    seen0: np.ndarray | None = None,
    seen1: np.ndarray | None = None,
) -> np.ndarray:
    """Scores of the diagonals of ``(softmax over i + softmax over j) / 2``, in standard errors as in ``similarity.py``.

    Args:
        vectors0, vectors1: float ``[T0, D]`` and ``[T1, D]``, unit length (zero: a frame that says nothing).
        lags: int [L], each with some overlap: frame ``i`` of clip 0 shows the moment of frame ``i + k`` of clip 1.
        temperature: above 0.
        seen0, seen1: 1, or 0 for frames of which nothing is known: float [T0, 1] and [T1, 1] (None: all are).

    Returns:
        float64 ``[L]``; 0 where nothing changes. Of two clips with more than ``MOST_CELLS`` pairs of frames, those of
        ``similarity_scores``.

    Raises:
        ValueError: a lag leaves no overlap.
    """
    frames0, frames1 = len(vectors0), len(vectors1)
    first, stop = overlaps(frames0, frames1, lags)
    gaps = seen0 is not None or seen1 is not None
    real0, real1 = (
        np.ones(len(v), np.float32) if seen is None else seen[:, 0].astype(np.float32)
        for v, seen in ((vectors0, seen0), (vectors1, seen1))
    )
    if frames0 * frames1 > MOST_CELLS:
        masks = (real0 > 0, real1 > 0) if gaps else (None, None)
        return np.asarray(
            similarity_scores(vectors0, vectors1, lags, mask0=masks[0], mask1=masks[1], temperature=temperature)
        )
    x, y = vectors0.astype(np.float32), vectors1.astype(np.float32)
    blocks = [slice(start, min(start + ROWS, frames0)) for start in range(0, frames0, ROWS)]

    def resemblance(rows: slice) -> np.ndarray:
        cells = np.exp((x[rows] @ y.T - 1) / np.float32(temperature))  # [R, T1]; equal vectors: 1
        return cells * (real0[rows, None] * real1) if gaps else cells

    of_column = 0.5 / np.maximum(sum(resemblance(rows).sum(axis=0) for rows in blocks), LEAST)  # [T1]
    along, total, squares = np.zeros(frames0 + frames1 - 1), 0.0, 0.0
    for rows in blocks:
        cells = resemblance(rows)
        cells *= 0.5 / np.maximum(cells.sum(axis=1, keepdims=True), LEAST) + of_column
        along[frames0 - rows.stop : frames0 - rows.start + frames1 - 1] += _diagonal_sums(cells)
        total += float(cells.sum(dtype=np.float64))
        squares += float((cells * cells).sum(dtype=np.float64))
    number = float(real0.sum(dtype=np.float64) * real1.sum(dtype=np.float64)) if gaps else frames0 * frames1
    mean = total / max(number, 1)
    variance = squares / max(number, 1) - mean * mean
    if variance <= (FLAT * mean) ** 2:
        return np.zeros(len(lags))
    count = stop - first
    if gaps:
        count = np.maximum(np.rint(cross_products(real0[:, None], real1[:, None], lags)[:, 0]), 1)
    return np.asarray(standard_errors(along[lags + frames0 - 1] / count, count, mean, np.sqrt(variance)))


def _diagonal_sums(matrix: np.ndarray) -> np.ndarray:
    """Sums along all diagonals of ``[R, C]``, from the lower left corner to the upper right: float64 [R + C - 1]."""
    rows, columns = matrix.shape
    flat = np.concatenate([matrix[::-1], np.zeros((rows, rows), matrix.dtype)], axis=1).ravel()
    # cut one short, each row lies one further right than the one below it
    return flat[: rows * (rows + columns - 1)].reshape(rows, rows + columns - 1).sum(axis=0, dtype=np.float64)
