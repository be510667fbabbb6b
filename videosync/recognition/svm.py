"""A linear SVM on frozen features of clips; the scores of a file are the sum over its clips. NumPy, scikit-learn."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class CostScores:
    """Of each value of C: what a fit on a part of the train files says of the others, and one on all of the test."""

    costs: tuple[float, ...]
    held_out: tuple[float, ...]  # accuracies; empty: nothing could be held out
    hits: np.ndarray  # bool [C, N], which test files are right
    unfinished: tuple[float, ...]  # values of C whose fit had not converged

    def chosen(self, costs: Sequence[float]) -> float:
        """The one of ``costs`` that is best on the held-out files; of equals the smallest."""
        among = [cost for cost in self.costs if cost in costs]
        held = self.held_out or (0.0,) * len(self.costs)
        return max(among, key=lambda cost: (held[self.costs.index(cost)], -cost))

    def best_on_test(self, costs: Sequence[float]) -> float:
        among = [cost for cost in self.costs if cost in costs]
        return max(among, key=lambda cost: (self.of(cost).mean(), -cost))

    def test_accuracy(self) -> dict[str, float]:
        return {f"{cost:g}": float(self.of(cost).mean()) for cost in self.costs}

    def of(self, cost: float) -> np.ndarray:
        return np.asarray(self.hits[self.costs.index(cost)])


def score_costs(
    train: tuple[np.ndarray, np.ndarray, np.ndarray],
    held: tuple[np.ndarray, np.ndarray] | None,
    test: tuple[np.ndarray, np.ndarray],
    costs: Sequence[float],
    *,
    seed: int,
    on_fit: Callable[[int], object] = lambda count: None,
) -> CostScores:
    """Fit each C twice: without the files that are held out, and on all train files.

    Args:
        train: features ``[N, n, D]`` of n clips of N files, classes ``[N]``, and which files are held out bool ``[N]``.
        held: plain features ``[H, m, D]`` of those (not augmented), and their classes ``[H]``; None: nothing
            is held out, and of equals the smallest C is taken.
        test: features ``[M, m, D]`` and classes ``[M]``.
    """
    features, labels, out = train
    held_out, hits, unfinished = [], [], []
    for cost in sorted({*costs}):
        if held is not None:
            model, _ = _fit(features[~out], labels[~out], cost, seed)
            held_out.append(float((_classes(model, held[0]) == held[1]).mean()))
        model, done = _fit(features, labels, cost, seed)
        hits.append(_classes(model, test[0]) == test[1])
        unfinished += [] if done else [cost]
        on_fit(1)
    return CostScores(tuple(sorted({*costs})), tuple(held_out), np.stack(hits), tuple(unfinished))


def _fit(features: np.ndarray, labels: np.ndarray, cost: float, seed: int):  # type: ignore[no-untyped-def]
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.svm import LinearSVC

    clips = features.reshape(-1, features.shape[-1])  # [N*n, D]
    with warnings.catch_warnings(record=True) as raised:
        warnings.simplefilter("always", ConvergenceWarning)
        # the primal problem: the same optimum, but reached for a large C too, in a fifth of the time
        svm = LinearSVC(C=cost, dual=False, random_state=seed)
        model = svm.fit(clips, np.repeat(labels, features.shape[1]))
    return model, not any(issubclass(warning.category, ConvergenceWarning) for warning in raised)


def _classes(model, features: np.ndarray) -> np.ndarray:  # type: ignore[no-untyped-def]
    scores = model.decision_function(features.reshape(-1, features.shape[-1]))  # [M*m, classes], or [M*m] of two
    scores = scores if scores.ndim == 2 else np.stack([-scores, scores], axis=1)
    summed = scores.reshape(*features.shape[:2], -1).sum(axis=1)  # [M, classes]
    return np.asarray(model.classes_[summed.argmax(axis=1)])
