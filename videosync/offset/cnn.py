"""Convolutional detector: a similarity matrix as a picture (blocks of 32-64-128-256 channels by default)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from videosync.lags.posterior import cross_entropy
from videosync.offset.cell_detector import CellDetector
from videosync.offset.detector import Report
from videosync.offset.early_stopping import EarlyStopping


def matrix_network(size: int, channels: Sequence[int], dropout: float, classes: int) -> nn.Sequential:
    """``[n, 1, T, T]`` → logits ``[n, classes]``: blocks of convolution, batch norm, ReLU, pooling, dropout.

    The last map is flattened, not averaged: the offset is *where* the bright diagonal lies.
    """
    layers: list[nn.Module] = []
    inside = 1
    for outside in channels:
        layers += [
            nn.Conv2d(inside, outside, 3, padding=1, bias=False),
            nn.BatchNorm2d(outside),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2, ceil_mode=True),
            nn.Dropout2d(dropout),
        ]
        inside, size = outside, -(-size // 2)
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(inside * size * size, classes))


class CnnDetector(CellDetector):
    """Trained with AdamW on cross-entropy, stopped on held-out events.

    Args:
        channels: widths of the convolutional blocks; each halves the matrix.
        dropout: share of channels dropped in each block while training.
        lr: learning rate of AdamW. epochs: at most. batch_size: matrices a step.
        patience: epochs without progress on the held-out events before stopping.
        device: where to train and predict; None: a GPU if there is one.
        holdout, seed: see ``Detector``.
    """

    method = "cnn"
    per_cell = False

    def __init__(
        self,
        *,
        channels: Sequence[int] = (32, 64, 128, 256),
        dropout: float = 0.3,
        lr: float = 1e-4,
        epochs: int = 100,
        batch_size: int = 32,
        patience: int = 10,
        holdout: float = 0.15,
        seed: int = 0,
        device: str | None = None,
    ) -> None:
        super().__init__(holdout=holdout, seed=seed)
        self.channels, self.dropout, self.lr = tuple(channels), dropout, lr
        self.epochs, self.batch_size, self.patience = epochs, batch_size, patience
        self._device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self._network = nn.Sequential()

    def options(self) -> dict[str, Any]:
        return {
            "channels": list(self.channels),
            "dropout": self.dropout,
            "lr": self.lr,
            "epochs": self.epochs,
            "batch_size": self.batch_size,
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
        gpus = [self._device] if self._device.type == "cuda" else []
        with torch.random.fork_rng(devices=gpus):  # leave the caller's random numbers as they are
            torch.manual_seed(self.seed)
            self._network = self._build()
            optimizer = torch.optim.AdamW(self._network.parameters(), lr=self.lr)
            stopping = EarlyStopping(self.patience)
            for epoch in range(1, self.epochs + 1):
                train_loss = self._epoch(inputs, labels, optimizer)
                held_loss = cross_entropy(self._logits(held_inputs), held_labels)
                on_epoch({"epoch": epoch, "train_loss": train_loss, "holdout_loss": held_loss})
                if stopping.update(epoch, held_loss, self._model_arrays):
                    break
        self._load_model(stopping.best_arrays)
        return stopping.facts(epoch)

    def _epoch(self, inputs: np.ndarray, labels: np.ndarray, optimizer: torch.optim.Optimizer) -> float:
        """One pass over the examples in random order; returns the mean loss."""
        self._network.train()
        total = torch.zeros((), device=self._device)
        for rows in torch.randperm(len(inputs)).split(self.batch_size):
            if len(rows) == 1 and len(inputs) > 1:
                continue  # batch norm needs two; another epoch's order will bring this one
            logits = self._network(self._pictures(inputs[rows.numpy()]))
            loss = nn.functional.cross_entropy(
                logits, torch.from_numpy(labels[rows.numpy()]).to(self._device)
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.detach() * len(rows)
        return float(total) / len(inputs)

    @torch.no_grad()
    def _logits(self, inputs: np.ndarray) -> np.ndarray:
        self._network.eval()
        parts = [self._network(self._pictures(part)).cpu() for part in _chunks(inputs, 64)]
        return torch.cat(parts).numpy()

    def _pictures(self, inputs: np.ndarray) -> Tensor:
        pictures = torch.from_numpy(inputs).to(self._device).view(-1, 1, self.size, self.size)  # [n, 1, T, T]
        return pictures.contiguous(memory_format=torch.channels_last)

    def _build(self) -> nn.Sequential:
        with torch.random.fork_rng(devices=[]):
            network = matrix_network(self.size, self.channels, self.dropout, 2 * self.max_offset + 1)
        return network.to(self._device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def _model_arrays(self) -> dict[str, np.ndarray]:
        return {name: value.cpu().numpy() for name, value in self._network.state_dict().items()}

    def _load_model(self, arrays: Mapping[str, np.ndarray]) -> None:
        self._network = self._build()
        self._network.load_state_dict({name: torch.from_numpy(np.array(v)) for name, v in arrays.items()})


def _chunks(inputs: np.ndarray, length: int) -> list[np.ndarray]:
    return [inputs[start : start + length] for start in range(0, len(inputs), length)]
