"""How much better frames fit each other along a diagonal of a similarity matrix than anywhere: one score a lag.

The one formula of the project: the loss over lags trains with it, ``diagonal`` and the cues of ``videosync sync`` read
offsets with it. It takes NumPy arrays and torch tensors, whole batches, and is differentiable.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from array_api_compat import array_namespace, device

from videosync.lags.long_similarity import long_scores
from videosync.lags.overlap import overlaps

FLAT = 1e-6  # a spread this small beside the mean is rounding
ROWS = 512  # of a similarity matrix that are held at a time
MOST_CELLS = 250_000_000  # of it that are gone through; two clips of about 9 minutes at 30 frames/s
LEAST = 1e-30  # of a sum of exponentials: a frame that resembles no other has similarity 0 to all

Array = Any  # np.ndarray or torch.Tensor


def similarity_scores(
    vectors0: Array,
    vectors1: Array,
    lags: np.ndarray,
    *,
    temperature: float,
    mask0: Array | None = None,
    mask1: Array | None = None,
) -> Array:
    """Scores of the diagonals of the similarity of two clips, from the vectors of their frames.

    The similarity of frames ``i`` and ``j`` is ``(softmax over i + softmax over j) / 2`` of the product of their
    vectors over ``temperature``: a frame that resembles many says little, one that resembles a single other much.
    The score is ``(mean along the diagonal - mean of all cells) / (their standard deviation) · √(frames on it)``: in
    units of the standard error of a mean over that many frames, as short diagonals are noisier and would win by chance.

    Args:
        vectors0, vectors1: float ``[..., T0, D]`` and ``[..., T1, D]``, unit length (zero: a frame that says nothing).
        lags: int [L], each with some overlap: frame ``i`` of clip 0 shows the moment of frame ``i + k`` of clip 1.
        temperature: above 0.
        mask0, mask1: bool ``[..., T0]`` and ``[..., T1]``, both or none; False = padding, which takes no part.

    Returns:
        float64 ``[..., L]``; 0 where nothing changes, and where no real frames meet. Memory grows with T, not with T².
        Of two clips with more than ``MOST_CELLS`` pairs of frames (NumPy only) the best lags alone are scored so, the
        others by plain products (``lags.long_similarity``).

    Raises:
        ValueError: a lag leaves no overlap.
    """
    frames0, frames1 = vectors0.shape[-2], vectors1.shape[-2]
    first, stop = overlaps(frames0, frames1, lags)
    if isinstance(vectors0, np.ndarray):
        if frames0 * frames1 > MOST_CELLS:
            return long_scores(vectors0, vectors1, lags, first, stop, temperature)
        vectors0, vectors1 = (v.astype(np.float32, copy=False) for v in (vectors0, vectors1))
    xp = array_namespace(vectors0, vectors1)
    columns_of_1 = xp.matrix_transpose(vectors1)

    def resemblance(rows: slice) -> Array:
        cells = xp.exp(
            (vectors0[..., rows, :] @ columns_of_1 - 1) / temperature
        )  # [..., R, T1]; equal vectors: 1
        return (
            cells
            if mask0 is None or mask1 is None
            else cells * (mask0[..., rows, None] & mask1[..., None, :])
        )

    blocks = [slice(start, start + ROWS) for start in range(0, frames0, ROWS)]
    held = resemblance(blocks[0])  # most clips are one block, worked out once
    in_column = xp.sum(held, axis=-2)
    for rows in blocks[1:]:
        in_column = in_column + xp.sum(resemblance(rows), axis=-2)
    of_column = (0.5 / xp.clip(in_column, min=LEAST))[..., None, :]
    sums = _DiagonalSums(xp, vectors0, frames0, frames1)
    for rows in blocks:
        cells = held if rows.start == 0 else resemblance(rows)
        of_row = 0.5 / xp.clip(xp.sum(cells, axis=-1, keepdims=True), min=LEAST)
        sums.add(cells * (of_row + of_column), rows.start)
    if mask0 is None or mask1 is None:
        return sums.scores(lags, xp.asarray(stop - first, device=device(vectors0)), frames0 * frames1)
    overlap = diagonal_sums(mask0[..., :, None] & mask1[..., None, :])[..., lags + frames0 - 1]
    cells_in_all = xp.clip(xp.sum(mask0, axis=-1) * xp.sum(mask1, axis=-1), min=1)
    return sums.scores(lags, overlap, cells_in_all[..., None])


def diagonal_sums(matrix: Array) -> Array:
    """Sums along all diagonals of ``[..., R, C]``, from the lower left corner to the upper right: [..., R + C - 1].

    Entry ``R - 1 + k`` is the sum over cells ``(i, i + k)``; float64 (int64 of bool).
    """
    xp = array_namespace(matrix)
    *leading, rows, columns = matrix.shape
    room = xp.zeros((*leading, rows, rows), dtype=matrix.dtype, device=device(matrix))
    flat = xp.reshape(xp.concat([xp.flip(matrix, axis=-2), room], axis=-1), (*leading, -1))
    # cut one short, each row lies one further right than the one below it
    skewed = xp.reshape(flat[..., : rows * (rows + columns - 1)], (*leading, rows, rows + columns - 1))
    return xp.sum(skewed, axis=-2, dtype=xp.int64 if matrix.dtype == xp.bool else xp.float64)


class _DiagonalSums:
    """What the scores need of a matrix that comes in blocks of rows: sums along diagonals, of all cells, of squares."""

    def __init__(self, xp: Any, like: Array, frames0: int, frames1: int) -> None:
        self._xp, self._frames0 = xp, frames0
        shape = (*like.shape[:-2], frames0 + frames1 - 1)
        self._along = xp.zeros(shape, dtype=xp.float64, device=device(like))
        self._total: Array = 0.0
        self._squares: Array = 0.0

    def add(self, cells: Array, row: int) -> None:
        """Cells [..., R, T1], the first of them in ``row``."""
        xp, first = self._xp, self._frames0 - row - cells.shape[-2]
        found = diagonal_sums(cells)
        self._along[..., first : first + found.shape[-1]] += found
        self._total = self._total + xp.sum(cells, axis=(-2, -1), dtype=xp.float64)
        self._squares = self._squares + xp.sum(cells * cells, axis=(-2, -1), dtype=xp.float64)

    def scores(self, lags: np.ndarray, overlap: Array, cells: Array | int) -> Array:
        xp = self._xp
        total, squares = self._total[..., None], self._squares[..., None]
        mean = total / cells
        variance = squares / cells - mean * mean
        flat = variance <= (FLAT * mean) ** 2
        spread = xp.sqrt(xp.where(flat, xp.ones_like(variance), variance))
        count = xp.astype(xp.clip(overlap, min=1), xp.float64)
        scores = (self._along[..., lags + self._frames0 - 1] / count - mean) / spread * xp.sqrt(count)
        return xp.where(flat | (overlap == 0), xp.zeros_like(scores), scores)
