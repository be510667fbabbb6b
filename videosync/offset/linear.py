"""Linear detectors: logistic regression and linear SVM over all cells of a matrix.

With an L2 penalty the best weights lie in the span of the training examples (representer theorem), so with
fewer examples than cells the fit is done in that span: the same solution, thousands of columns instead of T².
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from videosync.offset.cell_detector import CellDetector, Examples
from videosync.offset.detector import Report

NEGLIGIBLE = 1e-7  # directions with less than this share of the largest variance carry rounding errors only


class LinearDetector(CellDetector):
    """One weight per cell and class. Subclasses name the scikit-learn classifier.

    Inputs are scaled so that an example's squared length is about 1, and C means the same for every matrix size.
    """

    _classes: np.ndarray  # int64 [C], classes seen in training
    _weights: np.ndarray  # float32 [C, T * T]
    _bias: np.ndarray  # float32 [C]

    @abstractmethod
    def _classifier(self) -> Any:
        """An unfitted scikit-learn classifier with ``coef_``, ``intercept_`` and ``classes_``."""

    def _fit(self, train: Examples, held: Examples, on_epoch: Callable[[Report], None]) -> dict[str, Any]:
        inputs, labels = train
        inputs /= self.size
        span = row_space(inputs) if len(inputs) < inputs.shape[1] else None  # [n, r]
        classifier = self._classifier()
        classifier.fit(inputs if span is None else inputs @ (inputs.T @ span), labels)
        weights, bias = classifier.coef_, classifier.intercept_
        if len(classifier.classes_) == 2:  # scikit-learn keeps one row then: the second class against the first
            weights, bias = np.concatenate([-weights, weights]), np.concatenate([-bias, bias])
        if span is not None:
            weights = (weights @ span.T) @ inputs  # [C, T * T]
        self._classes = classifier.classes_.astype(np.int64)
        self._weights = (weights / self.size).astype(np.float32)
        self._bias = bias.astype(np.float32)
        inputs *= self.size
        on_epoch({"epoch": 1, "train_loss": self._loss(train), "holdout_loss": self._loss(held)})
        return {"iterations": int(np.max(classifier.n_iter_)), "classes_seen": len(self._classes)}

    def _logits(self, inputs: np.ndarray) -> np.ndarray:
        seen = inputs @ self._weights.T + self._bias  # [n, C]
        # a class that training never saw counts as the least likely of those it saw
        logits = np.repeat(seen.min(axis=1, keepdims=True), 2 * self.max_offset + 1, axis=1)
        logits[:, self._classes] = seen
        return logits

    def _model_arrays(self) -> dict[str, np.ndarray]:
        return {"classes": self._classes, "weights": self._weights, "bias": self._bias}

    def _load_model(self, arrays: Mapping[str, np.ndarray]) -> None:
        self._classes, self._weights, self._bias = arrays["classes"], arrays["weights"], arrays["bias"]


def row_space(inputs: np.ndarray) -> np.ndarray:
    """``B [n, r]`` such that the columns of ``inputs.T @ B`` are an orthonormal basis of the row span."""
    variances, vectors = np.linalg.eigh((inputs @ inputs.T).astype(np.float64))
    kept = variances > NEGLIGIBLE * variances[-1]
    return (vectors[:, kept] / np.sqrt(variances[kept])).astype(np.float32)
