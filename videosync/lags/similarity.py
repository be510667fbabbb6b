"""How much better frames fit each other along a diagonal of a similarity matrix than anywhere: one score a lag.

The one formula for embeddings, as vectors or as matrices: the loss over lags, ``diagonal``, the encoder in ``videosync
sync`` and the choice of the best checkpoint all call it (measured vectors: ``matching.py``). A cell of a matrix counts
as the logarithm of its softmax: a mean of probabilities is decided by a few sharp rows when the temperature is low. The
mean along a diagonal is given in standard errors, ``(mean along it - mean of all cells) / (their standard deviation) ·
√(cells on it)``: short diagonals are noisier and would win by chance. The score is the mean of that of the softmax over
rows and of that over columns.
"""

from __future__ import annotations

import numpy as np

from videosync.errors import CheckpointError
from videosync.lags.overlap import Array, cross_products, namespace, overlaps, standard_errors, vector_products

FLAT = 1e-5  # a standard deviation of logarithms this small is rounding
TINY = float(np.finfo(np.float32).tiny)  # probabilities below count as this: a float32 softmax underflows
CHUNK = 64  # matrices read at once, so that a memory-mapped set is never loaded whole
ROWS = 512  # of the similarity of two clips that are held at a time
MOST_CELLS = 250_000_000  # gone through: two clips of 9 minutes at 30 frames/s …
SAMPLES = 2048  # … of longer ones, evenly spaced frames that the normalisers are estimated from
PADDING = -1e9  # added to the logarithm of what takes no part


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

    A cell of either matrix is the product of two vectors over ``temperature``, less a normaliser of its row or column:
    sums along diagonals are those of products, by FFT, less those of normalisers. No matrix is held.

    Args:
        vectors0, vectors1: float ``[..., T0, D]`` and ``[..., T1, D]``, NumPy or torch (differentiable); unit length
            (zero: a frame that says nothing).
        lags: int [L], each with some overlap: frame ``i`` of clip 0 shows the moment of frame ``i + k`` of clip 1.
        temperature: above 0.
        mask0, mask1: bool ``[..., T0]`` and ``[..., T1]``, both or none; False = padding, which takes no part.

    Returns:
        float64 ``[..., L]``; 0 where nothing changes, and where no real frames meet. Memory grows with T, not with T².

    Raises:
        ValueError: a lag leaves no overlap.
    """
    overlaps(vectors0.shape[-2], vectors1.shape[-2], lags)
    if isinstance(vectors0, np.ndarray):
        vectors0, vectors1 = (v.astype(np.float32, copy=False) for v in (vectors0, vectors1))
    xp = namespace(vectors0, vectors1)
    x, y, masked = vectors0 / temperature, vectors1, mask0 is not None and mask1 is not None
    real0, real1 = (  # 1, or 0 for padding: [..., T, 1]
        xp.ones_like(vectors[..., :1]) if mask is None else xp.astype(mask[..., None], x.dtype)
        for vectors, mask in ((x, mask0), (y, mask1))
    )
    if masked:
        x, y = x * real0, y * real1
    of_row, *rows = _normaliser(x, y, real0, real1, masked)
    of_column, *columns = _normaliser(y, x, real1, real0, masked)
    ones = xp.concat([of_row, real0, real0], axis=-1), xp.concat([real1, of_column, real1], axis=-1)
    along_rows, along_columns, overlap = (cross_products(*ones, lags)[..., n] for n in range(3))
    count = xp.clip(xp.round(overlap), min=1)
    products = vector_products(x, y, lags)
    ahead = standard_errors((products - along_rows) / count, count, *rows)
    back = standard_errors((products - along_columns) / count, count, *columns)
    return xp.where(overlap < 0.5, xp.zeros_like(ahead), (ahead + back) / 2)


def _normaliser(x: Array, y: Array, real0: Array, real1: Array, masked: bool) -> tuple[Array, Array, Array]:
    """Of the log softmax over frames of ``y``: what is taken off the products of row i, mean and spread of all cells.

    The former is the logarithm of the mean exponential, so that cells are 0 where all frames are alike.

    Args:
        real0, real1: 1, or 0 for padding: [..., T0, 1] and [..., T1, 1]. masked: whether there is any padding.

    Returns:
        [..., T0, 1], and twice [..., 1]; the spread of a flat matrix is infinite.
    """
    xp, frames = namespace(x, y), y.shape[-2]
    if x.shape[-2] * frames > MOST_CELLS:
        some = np.linspace(0, frames - 1, min(SAMPLES, frames)).astype(int)
        y, real1 = y[..., some, :], real1[..., some, :]
    count0, count1 = (xp.clip(xp.sum(real, axis=(-2, -1)), min=1) for real in (real0, real1))
    columns, real1 = xp.matrix_transpose(y), xp.matrix_transpose(real1)
    normalisers, total, squares = [], 0.0, 0.0
    for start in range(0, x.shape[-2], ROWS):
        rows = slice(start, start + ROWS)
        cells = x[..., rows, :] @ columns  # [..., R, T1]
        if masked:
            cells = cells + PADDING * (1 - real1)
        top = xp.max(cells, axis=-1, keepdims=True)
        mean = xp.sum(xp.exp(cells - top), axis=-1, keepdims=True) / count1[..., None, None]
        of_row = (xp.log(mean) + top) * real0[..., rows, :]
        cells = cells - of_row
        if masked:
            cells = cells * real0[..., rows, :] * real1
        total = total + xp.sum(cells, axis=(-2, -1), dtype=xp.float64)
        squares = squares + xp.sum(xp.vecdot(cells, cells), axis=-1, dtype=xp.float64)
        normalisers.append(of_row)
    mean = total / (count0 * count1)
    variance = squares / (count0 * count1) - mean * mean
    flat = variance <= FLAT**2
    spread = xp.where(flat, float("inf"), xp.sqrt(xp.where(flat, 1.0, variance)))
    return xp.concat(normalisers, axis=-2), mean[..., None], spread[..., None]


def lag_scores(forward: np.ndarray, backward: np.ndarray, max_offset: int) -> np.ndarray:
    """Scores of the diagonals of similarity matrices, such as those of a set on disk.

    Args:
        forward, backward: softmaxed over rows, ``[N, T0, T1]`` of videos (0, 1) and ``[N, T1, T0]`` of (1, 0).
        max_offset: K, below T, so that every candidate has frames that overlap.

    Returns:
        float64 ``[N, 2K + 1]``, entry ``K + k`` for offset k; exactly reversed for swapped videos. A constant matrix
        scores 0 everywhere.

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
        ahead, back = (_matrix_scores(np.asarray(m[rows]), max_offset) for m in (forward, backward))
        scores[rows] = (ahead + back[:, ::-1]) / 2
    return scores


def _matrix_scores(matrices: np.ndarray, max_offset: int) -> np.ndarray:
    logs = np.log(np.maximum(matrices, TINY), dtype=np.float64)  # [N, T0, T1]
    mean, spread = logs.mean(axis=(1, 2)), logs.std(axis=(1, 2))
    flat = spread <= FLAT
    spread[flat] = 1
    diagonals = (np.diagonal(logs, k, axis1=1, axis2=2) for k in range(-max_offset, max_offset + 1))
    scores = [standard_errors(d.mean(axis=1), d.shape[1], mean, spread) for d in diagonals]
    return np.where(flat[:, None], 0.0, np.stack(scores, axis=1))


def check_directions(forward: np.ndarray, backward: np.ndarray) -> None:
    """Raise ValueError unless forward is ``[N, T0, T1]`` and backward ``[N, T1, T0]``."""
    if forward.ndim != 3 or backward.shape != (forward.shape[0], forward.shape[2], forward.shape[1]):
        raise ValueError(
            f"forward [N, T0, T1] and backward [N, T1, T0] expected, got {forward.shape} and {backward.shape}"
        )
