"""Lag scores of two signals that share a few mixtures of their columns: Bartlett's test of canonical correlations.

``association.py`` adds squared correlations of all pairs of components, to which a mixture that both signals share adds
1 at most, however well it fits. Here it is one canonical correlation near 1, and counts without such a limit.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from videosync.lags.association import Components
from videosync.lags.overlap import column_products, cross_products, overlaps

# chosen while looking at the six real sets of docs/accuracy.md
RIDGE = 0.05  # added to the variances in an overlap, in units of those of the whole clips; keeps correlations below 1
FRAMES_EACH, FEWEST, MOST = 18, 2, 10  # frames of the shorter clip for each component; components
BLOCK = 4096  # lags at a time


def canonical_size(frames0: int, frames1: int) -> int:
    """How many components of either clip to compare. With too many, unrelated ones correlate in any short window."""
    return int(np.clip(min(frames0, frames1) // FRAMES_EACH, FEWEST, MOST))


def canonical_scores(
    components0: Components, components1: Components, lags: np.ndarray, products: np.ndarray | None = None
) -> np.ndarray:
    """How far the canonical correlations of two signals are above those of unrelated ones.

    With N frames that overlap, ``-(N - (P + Q + 3) / 2) Σ log(1 - r²)`` of unrelated white signals is distributed about
    as chi-squared with P Q degrees of freedom (Bartlett, "Multivariate Analysis", Journal of the Royal Statistical
    Society, 1947). A score is that, less its mean, in standard deviations. ``Π (1 - r²) = |J| / (|A| |B|)``, where the
    covariances A and B of the signals, within the overlap, are the diagonal blocks of their joint one J.

    Args:
        components0, components1: P of T0 and Q of T1 frames; all weigh the same. lags: int [L], each with some overlap.
        products: [P, Q, L], theirs, as of ``column_products``; None: not worked out yet.

    Returns:
        float64 [L]; 0 where a signal has no components.

    Raises:
        ValueError: a lag leaves no overlap.
    """
    x, y = components0.values, components1.values
    size0, both = x.shape[1], x.shape[1] + y.shape[1]
    sums = _sums(x, y, lags, components0.seen, components1.seen)
    freedom = size0 * (both - size0)
    if not freedom:
        return np.zeros(len(lags))
    if products is None:
        products = np.concatenate([product for _, product in column_products(x, y, lags)])
    found = np.empty(len(lags))
    for start in range(0, len(lags), BLOCK):
        some = slice(start, start + BLOCK)
        count, (mean0, square0), (mean1, square1) = sums(some)  # [B, 1], [B, P] and [B, P, P], [B, Q] and [B, Q, Q]
        joint = np.zeros((len(count), both, both))  # its upper right block is not needed
        joint[:, :size0, :size0] = square0 - mean0[:, :, None] * mean0[:, None]
        joint[:, size0:, size0:] = square1 - mean1[:, :, None] * mean1[:, None]
        joint[:, size0:, :size0] = (
            products[..., some].transpose(2, 1, 0) / count[..., None] - mean1[:, :, None] * mean0[:, None]
        )
        joint += RIDGE * np.eye(both)
        # the lower half of the triangular factor of J is that of what A leaves of B: |J| / |A|
        left, alone = np.linalg.cholesky(joint)[:, size0:, size0:], np.linalg.cholesky(joint[:, size0:, size0:])
        shared = 2 * (_log_diagonal(alone) - _log_diagonal(left))  # -Σ log(1 - r²)
        found[some] = np.maximum(count[:, 0] - (both + 3) / 2, 0) * shared
    return (found - freedom) / np.sqrt(2 * freedom)


Means = tuple[np.ndarray, np.ndarray]  # of the columns, and of the products of each two


def _sums(
    x: np.ndarray, y: np.ndarray, lags: np.ndarray, seen0: np.ndarray | None, seen1: np.ndarray | None
) -> Callable[[slice], tuple[np.ndarray, Means, Means]]:
    """For a block of lags: the number of frames that overlap, and means of either signal over them."""
    first, stop = overlaps(len(x), len(y), lags)
    powers0, powers1 = _powers(x), _powers(y)
    if seen0 is None and seen1 is None:
        running0, running1 = (np.concatenate([0 * p[:1], np.cumsum(p, axis=0)]) for p in (powers0, powers1))

        def sums(some: slice) -> tuple[np.ndarray, Means, Means]:
            start, end, lag = first[some], stop[some], lags[some]
            count = (end - start).astype(np.float64)[:, None]
            total0, total1 = running0[end] - running0[start], running1[end + lag] - running1[start + lag]
            return count, _means(total0 / count, x.shape[1]), _means(total1 / count, y.shape[1])

        return sums
    one, other = (np.ones((len(v), 1)) if seen is None else seen for v, seen in ((x, seen0), (y, seen1)))
    counts = np.maximum(np.rint(cross_products(one, other, lags)), 1)
    totals0 = cross_products(powers0, np.broadcast_to(other, (len(y), powers0.shape[1])), lags)
    totals1 = cross_products(np.broadcast_to(one, (len(x), powers1.shape[1])), powers1, lags)

    def where_seen(some: slice) -> tuple[np.ndarray, Means, Means]:
        count = counts[some]
        return count, _means(totals0[some] / count, x.shape[1]), _means(totals1[some] / count, y.shape[1])

    return where_seen


def _powers(values: np.ndarray) -> np.ndarray:
    """Columns, and products of each two: [T, P] → [T, P + P²]."""
    return np.concatenate([values, (values[:, :, None] * values[:, None]).reshape(len(values), -1)], axis=1)


def _means(powers: np.ndarray, size: int) -> Means:
    return powers[:, :size], powers[:, size:].reshape(len(powers), size, size)


def _log_diagonal(factor: np.ndarray) -> np.ndarray:
    return np.log(np.diagonal(factor, axis1=1, axis2=2)).sum(axis=1)
