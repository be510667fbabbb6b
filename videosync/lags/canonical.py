"""Lag scores of two signals that share a few mixtures of their columns: Bartlett's test of canonical correlations.

``association.py`` adds squared correlations of all pairs of components, to which a mixture that both signals share adds
1 at most, however well it fits. Here it is one canonical correlation near 1, and counts without such a limit.
"""

from __future__ import annotations

import numpy as np

from videosync.lags.overlap import cross_products, overlaps, window_sums

# chosen while looking at the six real sets of docs/accuracy.md
RIDGE = 0.05  # added to the variances in an overlap, in units of those of the whole clips; keeps correlations below 1
FRAMES_EACH, FEWEST, MOST = 18, 2, 10  # frames of the shorter clip for each component; components
BLOCK = 4096  # lags at a time


def canonical_size(frames0: int, frames1: int) -> int:
    """How many components of either clip to compare. With too many, unrelated ones correlate in any short window."""
    return int(np.clip(min(frames0, frames1) // FRAMES_EACH, FEWEST, MOST))


def canonical_scores(values0: np.ndarray, values1: np.ndarray, lags: np.ndarray) -> np.ndarray:
    """How far the canonical correlations of two signals are above those of unrelated ones.

    With N frames that overlap, ``-(N - (P + Q + 3) / 2) Σ log(1 - r²)`` of unrelated white signals is distributed about
    as chi-squared with P Q degrees of freedom (Bartlett, "Multivariate Analysis", Journal of the Royal Statistical
    Society, 1947). A score is that, less its mean, in standard deviations. ``Π (1 - r²) = |J| / (|A| |B|)``, where the
    covariances A and B of the signals, within the overlap, are the diagonal blocks of their joint one J.

    Args:
        values0, values1: [T0, P] and [T1, Q] of variance 1 over their clip, uncorrelated (``change_components``).
        lags: int [L], each with some overlap.

    Returns:
        float64 [L]; 0 where a signal has no columns.

    Raises:
        ValueError: a lag leaves no overlap.
    """
    first, stop = overlaps(len(values0), len(values1), lags)
    sizes = values0.shape[1], values1.shape[1]
    freedom = sizes[0] * sizes[1]
    if not freedom:
        return np.zeros(len(lags))
    products = np.empty((len(lags), *sizes))  # [L, P, Q]
    for place, column in enumerate(values0.T):
        products[:, place] = cross_products(column[:, None], values1, lags)
    running0, running1 = _running_products(values0), _running_products(values1)
    found = np.empty(len(lags))
    for start in range(0, len(lags), BLOCK):
        some = slice(start, start + BLOCK)
        begin, end, lag = first[some], stop[some], lags[some]
        count = (end - begin).astype(np.float64)[:, None, None]
        mean0 = window_sums(values0, begin, end)[:, :, None] / count  # [B, P, 1]
        mean1 = window_sums(values1, begin + lag, end + lag)[:, :, None] / count
        joint = np.zeros((len(lag), sum(sizes), sum(sizes)))  # its upper right block is not needed
        within0, within1 = joint[:, : sizes[0], : sizes[0]], joint[:, sizes[0] :, sizes[0] :]
        within0[:] = (running0[end] - running0[begin]) / count - mean0 * mean0.transpose(0, 2, 1)
        within1[:] = (running1[end + lag] - running1[begin + lag]) / count - mean1 * mean1.transpose(0, 2, 1)
        joint[:, sizes[0] :, : sizes[0]] = (products[some] / count - mean0 * mean1.transpose(0, 2, 1)).transpose(
            0, 2, 1
        )
        joint += RIDGE * np.eye(sum(sizes))
        # the lower half of the triangular factor of J is that of what A leaves of B: |J| / |A|
        given0, alone = np.linalg.cholesky(joint)[:, sizes[0] :, sizes[0] :], np.linalg.cholesky(within1)
        shared = 2 * (_log_diagonal(alone) - _log_diagonal(given0))  # -Σ log(1 - r²)
        found[some] = np.maximum(count[:, 0, 0] - (sum(sizes) + 3) / 2, 0) * shared
    return (found - freedom) / np.sqrt(2 * freedom)


def _running_products(values: np.ndarray) -> np.ndarray:
    """Sums of the products of each two columns over the frames before each: [T, P] → [T + 1, P, P]."""
    products = values[:, :, None] * values[:, None, :]
    return np.concatenate([np.zeros((1, *products.shape[1:])), np.cumsum(products, axis=0)])


def _log_diagonal(factor: np.ndarray) -> np.ndarray:
    return np.log(np.diagonal(factor, axis1=1, axis2=2)).sum(axis=1)
