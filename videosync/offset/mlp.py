"""Multi-layer perceptron over all cells of a similarity matrix (2048-1024-512 by default)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from videosync.offset.cell_detector import CellDetector, Examples
from videosync.offset.detector import EpochOptions, Report
from videosync.option import option


@dataclass(frozen=True)
class MlpOptions(EpochOptions):
    hidden: list[int] = option([2048, 1024, 512], "hidden layers", "[1, inf)")
    epochs: int = option(200, "at most", "[1, inf)")


class MlpDetector(CellDetector):
    """scikit-learn's MLP (ReLU, Adam), one epoch at a time, stopped on held-out events."""

    method = "mlp"
    Options = MlpOptions
    in_batches = True
    _weights: list[np.ndarray]
    _biases: list[np.ndarray]

    def _fit(self, train: Examples, held: Examples, on_epoch: Callable[[Report], None]) -> dict[str, Any]:
        from sklearn.neural_network import MLPClassifier

        network = MLPClassifier(tuple(self.options.hidden), random_state=self.options.seed)
        classes = np.arange(2 * self.max_offset + 1)

        def one_epoch() -> float:
            network.partial_fit(train.inputs, train.labels, classes=classes)
            self._weights, self._biases = network.coefs_, network.intercepts_
            return float(network.loss_)

        return self._train_epochs(one_epoch, lambda: self._loss(held), on_epoch)

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
        widths = [self.size**2, *self.options.hidden, 2 * self.max_offset + 1]
        return 5 * 4 * sum(a * b for a, b in pairwise(widths))  # weights, gradient, 2 moments, best copy
