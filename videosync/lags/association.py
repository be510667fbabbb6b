"""Lag scores of two signals whose columns have nothing to do with each other, such as places in two pictures.

What moves in one place of a picture moves somewhere in the other one too, but nobody knows where. At the true offset,
some mixtures of places correlate; which ones is left open: all squared correlations between the principal components
of the two signals are added. For weak correlations this is their mutual information, ``-Σ log(1 - r²) / 2``, and a
distractor that only one camera sees stays in components of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from videosync.lags.correlation import CHANGE, FLAT
from videosync.lags.overlap import column_products, overlap_sums
from videosync.lags.smoothing import gaussian

# chosen on the six real sets of docs/accuracy.md
MOST = 12  # components of a signal
SHRINKAGE = 0.3  # a component of this share of the largest one has weight 1/2


@dataclass(frozen=True, eq=False)
class Components:
    """Principal components of one signal (C of them, the strongest first)."""

    values: np.ndarray  # float64 [T, C], mean 0, standard deviation 1
    weights: np.ndarray  # float64 [C]; weak components are mostly noise, and count less
    seen: np.ndarray | None = None  # [T, 1]: 1, or 0 for frames of which nothing is known; None: all are

    def where(self, seen: np.ndarray | None) -> Components:
        """The same, but that nothing is known of the frames where ``seen`` [T, 1] is 0."""
        return self if seen is None else Components(self.values * seen, self.weights, seen)

    def strongest(self, count: int) -> Components:
        return Components(self.values[:, :count], self.weights[:count], self.seen)


def change_components(
    signal: np.ndarray, *, count: int = MOST, scale: float = CHANGE, shrinkage: float = SHRINKAGE
) -> Components:
    """Principal components of how the columns of a signal change.

    Args:
        signal: [T, F]. count: at most so many components. scale: sigma, in frames, of the Gaussian whose derivative is
            taken. shrinkage: a component of size ``s`` has the weight ``s / (s + shrinkage · largest size)``.
    """
    change = gaussian(signal, scale, order=1)
    change -= change.mean(axis=0)
    wide = change.shape[1] > len(change)
    # quicker than to decompose ``change`` itself
    squares, axes = np.linalg.eigh(change @ change.T if wide else change.T @ change)
    sizes = np.sqrt(np.maximum(squares[::-1][:count], 0.0))
    kept = sizes > max(FLAT * len(signal), FLAT * float(sizes[0]))
    sizes, axes = sizes[kept], axes[:, ::-1][:, :count][:, kept]
    left = axes if wide else change @ axes / sizes
    weights = sizes / (sizes + shrinkage * sizes[0]) if len(sizes) else sizes
    return Components(left * np.sqrt(len(signal)), weights)


Products = Iterable[tuple[slice, np.ndarray]]  # as of ``column_products``


def association_scores(
    components0: Components, components1: Components, lags: np.ndarray, products: Products | None = None
) -> np.ndarray:
    """How far the weighted sum of squared correlations is above that of unrelated signals, in standard errors.

    With N frames that overlap, ``N r²`` of unrelated white signals has mean 1 and variance 2, so that scores can be
    compared whatever the overlap.

    Args:
        components0, components1: of T0 and T1 frames. lags: int [L], each with some overlap.
        products: theirs, as of ``column_products``, which are changed here; None: not worked out yet.

    Returns:
        float64 [L]; 0 where one of the signals is flat.
    """
    x, y = components0.values, components1.values
    both = overlap_sums(x, y, lags, components0.seen, components1.seen)
    weights = np.outer(components0.weights, components1.weights)  # [C0, C1]
    if not weights.size:
        return np.zeros(len(lags))
    count = both.count[:, 0]
    (mean0, scale0), (sum1, scale1) = (
        (sums.T, _inverse_root(squares.T - sums.T**2 / count, FLAT * count))
        for sums, squares in ((both.sum0, both.square0), (both.sum1, both.square1))
    )  # each [C, L]
    mean0 = mean0 / count
    explained = np.zeros(len(lags))
    for some, product in column_products(x, y, lags) if products is None else products:  # memory stays [T, C1]
        product -= mean0[some, None] * sum1
        product *= scale0[some, None]
        product *= scale1
        np.square(product, out=product)  # r²
        np.minimum(product, 1.0, out=product)
        explained += np.tensordot(weights[some], product, 2)
    lively = ((weights.T @ (scale0 > 0)) * (scale1 > 0)).sum(axis=0)  # weights of what is not flat there
    return (count * explained - lively) / np.sqrt(2 * (weights**2).sum())


def _inverse_root(power: np.ndarray, least: np.ndarray) -> np.ndarray:
    """1 / √power; 0 where it is no more than ``least``."""
    lively = power > least
    return np.where(lively, 1 / np.sqrt(np.where(lively, power, 1.0)), 0.0)
