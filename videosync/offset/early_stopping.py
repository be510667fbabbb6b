"""Early stopping that really keeps the best epoch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from videosync.errors import TrainingError


class EarlyStopping:
    """Keeps a copy of the arrays of the epoch with the lowest held-out loss, of equals the latest.

    Args:
        patience: epochs without a lower loss before ``update`` says stop.
    """

    def __init__(self, patience: int) -> None:
        self.patience = patience
        self.best_loss = math.inf
        self.best_epoch = self._progress = 0
        self.best_arrays: dict[str, np.ndarray] = {}

    def update(self, epoch: int, loss: float, arrays: Callable[[], Mapping[str, np.ndarray]]) -> bool:
        """Look at one epoch's held-out loss; returns True if training should stop.

        Raises:
            TrainingError: the loss is not finite.
        """
        if not math.isfinite(loss):
            raise TrainingError(
                f"the held-out loss of epoch {epoch} is {loss}; lower the learning rate or look at the set's values"
            )
        if loss < self.best_loss:
            self._progress = epoch
        if loss <= self.best_loss:
            self.best_loss, self.best_epoch = loss, epoch
            self.best_arrays = {name: np.array(value) for name, value in arrays().items()}  # copies, not references
        return epoch - self._progress >= self.patience

    def facts(self, epochs: int) -> dict[str, float]:
        return {"epochs": epochs, "best_epoch": self.best_epoch, "holdout_loss": self.best_loss}
