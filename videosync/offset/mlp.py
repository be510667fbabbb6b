"""Multi-layer perceptron over all cells of a similarity matrix (2048-1024-512 by default)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from sklearn.neural_network import MLPClassifier

from videosync.lags.posterior import cross_entropy
from videosync.offset.cell_detector import CellDetector
from videosync.offset.detector import Report
from videosync.offset.early_stopping import EarlyStopping


class MlpDetector(CellDetector):
    """scikit-learn's MLP (ReLU, Adam), one epoch at a time, stopped on held-out events.

    Args:
        hidden: widths of the hidden layers.
        epochs: epochs at most.
        patience: epochs without progress on the held-out events before stopping.
        holdout, seed: see ``Detector``.
    """

    method = "mlp"

    def __init__(
        self,
        *,
        hidden: Sequence[int] = (2048, 1024, 512),
        epochs: int = 200,
        patience: int = 10,
        holdout: float = 0.15,
        seed: int = 0,
    ) -> None:
        super().__init__(holdout=holdout, seed=seed)
        self.hidden, self.epochs, self.patience = tuple(hidden), epochs, patience
        self._weights: list[np.ndarray] = []
        self._biases: list[np.ndarray] = []

    def options(self) -> dict[str, Any]:
        return {
            "hidden": list(self.hidden),
            "epochs": self.epochs,
            "patience": self.patience,
            "holdout": self.holdout,
            "seed": self.seed,
        }

    def _fit(
        self,
        inputs: np.ndarray,
        labels: np.ndarray,
        held_inputs: np.ndarray,
        held_labels: np.ndarray,
        on_epoch: Callable[[Report], None],
    ) -> dict[str, Any]:
        network = MLPClassifier(self.hidden, random_state=self.seed)
        classes = np.arange(2 * self.max_offset + 1)
        stopping = EarlyStopping(self.patience)
        for epoch in range(1, self.epochs + 1):
            network.partial_fit(inputs, labels, classes=classes if epoch == 1 else None)
            self._weights, self._biases = network.coefs_, network.intercepts_
            held_loss = cross_entropy(self._logits(held_inputs), held_labels)
            on_epoch({"epoch": epoch, "train_loss": float(network.loss_), "holdout_loss": held_loss})
            if stopping.update(epoch, held_loss, self._model_arrays):
                break
        self._load_model(stopping.best_arrays)
        return stopping.facts(epoch)

    def _logits(self, inputs: np.ndarray) -> np.ndarray:
        hidden = inputs
        for weights, bias in zip(self._weights[:-1], self._biases[:-1]):
            hidden = np.maximum(hidden @ weights + bias, 0)
        return hidden @ self._weights[-1] + self._biases[-1]

    def _model_arrays(self) -> dict[str, np.ndarray]:
        weights = {f"weight{n}": w for n, w in enumerate(self._weights)}
        return {**weights, **{f"bias{n}": b for n, b in enumerate(self._biases)}}

    def _load_model(self, arrays: Mapping[str, np.ndarray]) -> None:
        layers = len(arrays) // 2
        self._weights = [arrays[f"weight{n}"] for n in range(layers)]
        self._biases = [arrays[f"bias{n}"] for n in range(layers)]

    def _memory_of_model(self) -> int:
        widths = [self.size**2, *self.hidden, 2 * self.max_offset + 1]
        return 5 * 4 * sum(a * b for a, b in pairwise(widths))  # weights, gradient, 2 moments, best copy
