"""Shift-equivariant detector: one small network for every diagonal, softmax over lags; any size, any range.

A matrix whose bright diagonal lies one lag further gives scores that lie one lag further, because the same weights
look at every diagonal (``DiagonalNetwork``). So nothing about sizes or offsets has to be learned from examples: a few
thousand weights do what a classifier over all cells needs hundreds of times as many for, and matrices of other sizes
and offsets in wider ranges than those of the train set can be read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from videosync.offset.crops import draw_batch
from videosync.offset.detector import Detector, Report, cross_entropy
from videosync.offset.diagonal_network import DiagonalNetwork
from videosync.offset.early_stopping import EarlyStopping
from videosync.types import MatrixPairs

TOGETHER = 8  # matrices scored at once: their diagonals fit into a core's cache
WARM_UP = 0.15  # share of the steps in which the learning rate rises
WEIGHT_DECAY = 1e-3
LARGEST_GRADIENT = 1.0


class EquivariantDetector(Detector):
    """Trained with AdamW (one learning rate cycle) on crops of the matrices, stopped on held-out events.

    Args:
        channels: along diagonals, and over lags.
        lr: largest learning rate. epochs: at most. batch_size: matrices a step.
        patience: epochs without progress on the held-out events before stopping.
        device: where to train and predict; None: a GPU if there is one.
        holdout, seed: see ``Detector``.
    """

    method = "equivariant"
    any_size = True

    def __init__(
        self,
        *,
        channels: Sequence[int] = (6, 10),
        lr: float = 3e-3,
        epochs: int = 20,
        batch_size: int = 32,
        patience: int = 10,
        holdout: float = 0.15,
        seed: int = 0,
        device: str | None = None,
    ) -> None:
        super().__init__(holdout=holdout, seed=seed)
        self.channels, self.lr = tuple(channels), lr
        self.epochs, self.batch_size, self.patience = epochs, batch_size, patience
        self._device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self._network = self._build()

    def options(self) -> dict[str, Any]:
        return {
            "channels": list(self.channels),
            "lr": self.lr,
            "epochs": self.epochs,
            "batch_size": self.batch_size,
            "patience": self.patience,
            "holdout": self.holdout,
            "seed": self.seed,
        }

    def _learn(
        self, train: MatrixPairs, rows: np.ndarray, held: np.ndarray, on_epoch: Callable[[Report], None]
    ) -> dict[str, Any]:
        gpus = [self._device] if self._device.type == "cuda" else []
        rng = np.random.default_rng(self.seed)
        with torch.random.fork_rng(devices=gpus):  # leave the caller's random numbers as they are
            torch.manual_seed(self.seed)
            self._network = self._build()
        optimizer = torch.optim.AdamW(self._network.parameters(), lr=self.lr, weight_decay=WEIGHT_DECAY)
        steps = self.epochs * -(-len(rows) // self.batch_size)
        rate = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, self.lr, total_steps=steps + 1, pct_start=WARM_UP, cycle_momentum=False
        )
        stopping = EarlyStopping(self.patience)
        labels = train.offsets[held] + self.max_offset
        for epoch in range(1, self.epochs + 1):
            train_loss = self._epoch(train, rows, rng, optimizer, rate)
            held_loss = cross_entropy(self._logits_of(train, held), labels)
            on_epoch({"epoch": epoch, "train_loss": train_loss, "holdout_loss": held_loss})
            if stopping.update(epoch, held_loss, self._model_arrays):
                break
        self._load_model(stopping.best_arrays)
        return {**stopping.facts(epoch), "parameters": sum(p.numel() for p in self._network.parameters())}

    def _epoch(
        self,
        train: MatrixPairs,
        rows: np.ndarray,
        rng: np.random.Generator,
        optimizer: torch.optim.Optimizer,
        rate: torch.optim.lr_scheduler.LRScheduler,
    ) -> float:
        """One pass over the pairs in random order; returns the mean loss."""
        self._network.train()
        total = 0.0
        for some in batches(train.lengths, rows, self.batch_size, rng):
            batch = draw_batch(train, some, rng)
            lags = range(-batch.max_offset, batch.max_offset + 1)
            scores = self._network(self._put(batch.forward), self._put(batch.backward), lags)
            target = self._put(batch.target)
            logs = torch.log_softmax(scores, dim=1).masked_fill(target == 0, 0)  # -inf where nothing overlaps
            loss = -(target * logs).sum(1).mean()
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self._network.parameters(), LARGEST_GRADIENT)
            optimizer.step()
            rate.step()
            total += float(loss.detach()) * len(some)
        return total / len(rows)

    def _both_directions(self, forward: np.ndarray, backward: np.ndarray, max_offset: int) -> np.ndarray:
        return self.lag_scores(forward, backward, range(-max_offset, max_offset + 1))

    @torch.no_grad()
    def lag_scores(
        self,
        forward: np.ndarray,
        backward: np.ndarray,
        lags: Sequence[int] | np.ndarray,
        *,
        both_ways: bool = True,
    ) -> np.ndarray:
        """Scores of any lags, of matrices of any size and shape.

        Args:
            forward, backward: softmaxed similarities ``[N, T0, T1]`` of videos (0, 1) and ``[N, T1, T0]`` of (1, 0).
            lags: L offsets in frames. both_ways: see ``DiagonalNetwork``.

        Returns:
            float64 ``[N, L]``: uncalibrated log odds, ``-inf`` at lags without a common frame.
        """
        self._network.eval()
        scores = np.empty((len(forward), len(lags)), dtype=np.float64)
        for start in range(0, len(forward), TOGETHER):
            some = slice(start, start + TOGETHER)
            found = self._network(self._put(forward[some]), self._put(backward[some]), lags, both_ways)
            scores[some] = found.double().cpu().numpy()
        return scores

    def _put(self, values: np.ndarray) -> Tensor:
        return torch.from_numpy(np.array(values, dtype=np.float32)).to(self._device)

    def _build(self) -> DiagonalNetwork:
        with torch.random.fork_rng(devices=[]):
            network = DiagonalNetwork(self.channels)
        return network.to(self._device)

    def _model_arrays(self) -> dict[str, np.ndarray]:
        return {name: value.cpu().numpy() for name, value in self._network.state_dict().items()}

    def _load_model(self, arrays: Mapping[str, np.ndarray]) -> None:
        self._network = self._build()
        self._network.load_state_dict({name: torch.from_numpy(np.array(v)) for name, v in arrays.items()})


def batches(
    lengths: np.ndarray, rows: np.ndarray, batch_size: int, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """``rows`` in random batches of pairs that are about as long, so that little is cut to make them alike."""
    shuffled = rng.permutation(rows)
    ordered = shuffled[np.argsort(lengths[shuffled], kind="stable")]
    parts = np.array_split(ordered, -(-len(rows) // batch_size))
    return (parts[n] for n in rng.permutation(len(parts)))
