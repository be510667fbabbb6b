"""Convolutional detector: a similarity matrix as a picture (blocks of 32-64-128-256 channels by default)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from videosync.offset.cell_detector import CellDetector, Examples
from videosync.offset.detector import EpochOptions, Report
from videosync.offset.torch_detector import TorchDetector
from videosync.option import option

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

TOGETHER = 64  # matrices scored at once


@dataclass(frozen=True)
class CnnOptions(EpochOptions):
    channels: list[int] = option([32, 64, 128, 256], "a convolution block each, which halves the matrix", "[1, inf)")
    dropout: float = option(0.3, "share of channels dropped in each block while training", "[0, 1)")
    lr: float = option(1e-4, "learning rate of AdamW", "(0, inf)")
    epochs: int = option(100, "at most; the best epoch is kept", "[1, inf)")
    batch_size: int = option(32, "matrices a step takes", "[1, inf)")


def matrix_network(size: int, channels: Sequence[int], dropout: float, classes: int) -> nn.Sequential:
    """``[n, 1, T, T]`` → logits ``[n, classes]``: blocks of convolution, batch norm, ReLU, pooling, dropout.

    The last map is flattened, not averaged: the offset is *where* the bright diagonal lies.
    """
    from torch import nn

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


class CnnDetector(TorchDetector, CellDetector):
    """Trained with AdamW on cross-entropy, stopped on held-out events."""

    method = "cnn"
    Options = CnnOptions
    per_cell = False
    in_batches = True

    def _fit(self, train: Examples, held: Examples, on_epoch: Callable[[Report], None]) -> dict[str, Any]:
        import torch

        with self._fresh_network() as network:
            optimizer = torch.optim.AdamW(network.parameters(), lr=self.options.lr)
            return self._train_epochs(lambda: self._epoch(train, optimizer), lambda: self._loss(held), on_epoch)

    def _epoch(self, train: Examples, optimizer: torch.optim.Optimizer) -> float:
        """One pass over the examples in random order; returns the mean loss."""
        import torch

        self._network.train()
        inputs, labels = train
        total = torch.zeros((), device=self._device)
        for rows in torch.randperm(len(inputs)).split(self.options.batch_size):
            if len(rows) == 1 and len(inputs) > 1:
                continue  # batch norm needs two; another epoch's order will bring this one
            logits = self._network(self._pictures(inputs[rows.numpy()]))
            target = torch.from_numpy(labels[rows.numpy()]).to(self._device)
            loss = torch.nn.functional.cross_entropy(logits, target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.detach() * len(rows)
        return float(total) / len(inputs)

    def _logits(self, inputs: np.ndarray) -> np.ndarray:
        import torch

        self._network.eval()
        with torch.no_grad():
            parts = [
                self._network(self._pictures(inputs[start : start + TOGETHER])).cpu()
                for start in range(0, len(inputs), TOGETHER)
            ]
        return torch.cat(parts).numpy()

    def _pictures(self, inputs: np.ndarray) -> Tensor:
        import torch

        pictures = torch.from_numpy(inputs).to(self._device).view(-1, 1, self.size, self.size)  # [n, 1, T, T]
        return pictures.contiguous(memory_format=torch.channels_last)

    def _new_network(self) -> nn.Module:
        import torch

        options = self.options
        network = matrix_network(self.size, options.channels, options.dropout, 2 * self.max_offset + 1)
        return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
