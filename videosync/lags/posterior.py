"""From scores of lags to probabilities: softmax, its temperature, its median."""

from __future__ import annotations

import numpy as np

LOG_BETA = (-12.0, 12.0)  # range searched for the logarithm of the inverse temperature


def symmetric_softmax(logits: np.ndarray) -> np.ndarray:
    """Softmax over lags ``[..., L]`` that is exactly reversed for reversed logits (sums depend on their order)."""
    grown = np.exp(logits - logits.max(axis=-1, keepdims=True))
    backward = np.ascontiguousarray(grown[..., ::-1])
    return np.asarray(grown / ((grown.sum(axis=-1) + backward.sum(axis=-1)) / 2)[..., None])


def posterior_median(probabilities: np.ndarray) -> np.ndarray:
    """Median offset of each row ``[N, 2K + 1]``: float64 ``[N]``.

    The mean of the median counted from below and from above, so that reversed rows give exactly the negative.
    """
    middle = probabilities.shape[1] // 2

    def from_below(p: np.ndarray) -> np.ndarray:
        total = np.cumsum(p, axis=1)
        return (total >= 0.5 * total[:, -1:]).argmax(axis=1) - middle

    return (from_below(probabilities) - from_below(probabilities[:, ::-1])) / 2 + 0.0


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> float:
    """Mean negative log-likelihood of classes ``labels`` [n] under ``logits`` [n, classes]."""
    from scipy.special import log_softmax

    return float(-log_softmax(logits, axis=1)[np.arange(len(labels)), labels].mean())


def fit_beta(logits: np.ndarray, labels: np.ndarray) -> float:
    """The factor on ``logits`` that makes ``labels`` likeliest; ``-inf`` is impossible.

    Temperature scaling (Guo et al., "On Calibration of Modern Neural Networks", 2017, arXiv:1706.04599).
    """
    from scipy.optimize import minimize_scalar

    possible = np.where(np.isfinite(logits), logits, np.nan)
    # search around unit spread, whatever the classifier's scale
    spread = float(np.nanstd(possible, axis=1).mean()) or 1.0
    found = minimize_scalar(
        lambda log_beta: cross_entropy(np.exp(log_beta) / spread * logits, labels), bounds=LOG_BETA, method="bounded"
    )
    return float(np.exp(found.x) / spread)
