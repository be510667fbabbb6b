"""Nearest neighbours between two sets of features, and a ridge classifier on them. NumPy, scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def recall_hits(
    query: np.ndarray, gallery: np.ndarray, query_labels: np.ndarray, gallery_labels: np.ndarray, ks: Sequence[int]
) -> np.ndarray:
    """Whether one of the nearest k of ``gallery`` (cosine) is of the query's class: bool ``[K, Q]``.

    Args:
        query, gallery: features ``[Q, D]`` and ``[G, D]``; those that are 0 are like nothing. labels: ``[Q]``, ``[G]``.
        ks: those above G count as G.
    """
    similar = unit(query) @ unit(gallery).T  # [Q, G]
    order = np.argsort(-similar, axis=1, kind="stable")[:, : max(ks)]
    right = gallery_labels[order] == query_labels[:, None]
    return np.stack([right[:, :k].any(axis=1) for k in ks])


def recall_chance(query_labels: np.ndarray, gallery_labels: np.ndarray, ks: Sequence[int]) -> list[float]:
    """What drawing k of the gallery at random gives, without putting back: the mean over queries."""
    size = len(gallery_labels)
    found = []
    for k in ks:
        drawn = np.arange(min(k, size))
        wrong = np.array([size - (gallery_labels == label).sum() for label in query_labels])[:, None]
        found.append(float(1 - np.prod(np.maximum(wrong - drawn, 0) / (size - drawn), axis=1).mean()))
    return found


def unit(features: np.ndarray) -> np.ndarray:
    """Rows scaled to length 1; rows of 0 stay."""
    length = np.linalg.norm(features, axis=-1, keepdims=True)
    return np.divide(features, length, out=np.zeros_like(features), where=length > 0)


def ridge_hits(
    train: tuple[np.ndarray, np.ndarray, np.ndarray], test: tuple[np.ndarray, np.ndarray], penalties: Sequence[float]
) -> tuple[np.ndarray, float]:
    """Which of ``test`` a ridge classifier on standardised features names rightly, bool ``[M]``, and its penalty.

    Args:
        train: features ``[N, D]``, classes ``[N]``, and bool ``[N]``: those on which the penalty is chosen. It is then
            fitted on all. Where there are none, the middle one of ``penalties`` is taken.
        test: features ``[M, D]`` and classes ``[M]``.
    """
    from sklearn.linear_model import RidgeClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    features, labels, held = train

    def fitted(penalty: float, chosen: np.ndarray):  # type: ignore[no-untyped-def]
        return make_pipeline(StandardScaler(), RidgeClassifier(alpha=penalty)).fit(features[chosen], labels[chosen])

    best = sorted(penalties)[len(penalties) // 2]
    if held.any():
        best = max(sorted(penalties), key=lambda p: fitted(p, ~held).score(features[held], labels[held]))
    return fitted(best, np.ones(len(labels), dtype=bool)).predict(test[0]) == test[1], float(best)
