"""Shift-equivariant detector: one small network for every diagonal, softmax over lags; any size, any range.

A matrix whose bright diagonal lies one lag further gives scores that lie one lag further, because the same weights
look at every diagonal (``DiagonalNetwork``). So nothing about sizes or offsets has to be learned from examples: a few
thousand weights do what a classifier over all cells needs hundreds of times as many for, and matrices of other sizes
and offsets in wider ranges than those of the train set can be read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from videosync.lags.posterior import cross_entropy
from videosync.offset.crops import draw_batch
from videosync.offset.detector import EpochOptions, Report
from videosync.offset.torch_detector import TorchDetector
from videosync.option import option
from videosync.types import MatrixPairs

if TYPE_CHECKING:
    import torch
    from torch import nn

TOGETHER = 8  # matrices scored at once: their diagonals fit into a core's cache
WARM_UP = 0.15  # share of the steps in which the learning rate rises
WEIGHT_DECAY = 1e-3
LARGEST_GRADIENT = 1.0


@dataclass(frozen=True)
class EquivariantOptions(EpochOptions):
    channels: list[int] = option([6, 10], "along diagonals, and over lags", "[1, inf)", size=2)
    lr: float = option(3e-3, "largest learning rate of AdamW; it rises and falls once", "(0, inf)")
    epochs: int = option(20, "at most; the best epoch is kept", "[1, inf)")
    batch_size: int = option(32, "matrices a step takes", "[1, inf)")


class EquivariantDetector(TorchDetector):
    """Trained with AdamW (one learning rate cycle) on crops of the matrices, stopped on held-out events."""

    method = "equivariant"
    Options = EquivariantOptions
    any_size = True

    def _learn(
        self, train: MatrixPairs, rows: np.ndarray, held: np.ndarray, on_epoch: Callable[[Report], None]
    ) -> dict[str, Any]:
        import torch

        options = self.options
        rng = np.random.default_rng(options.seed)
        labels = train.offsets[held] + self.max_offset
        steps = options.epochs * -(-len(rows) // options.batch_size)
        with self._fresh_network() as network:
            optimizer = torch.optim.AdamW(network.parameters(), lr=options.lr, weight_decay=WEIGHT_DECAY)
            rate = torch.optim.lr_scheduler.OneCycleLR(
                optimizer, options.lr, total_steps=steps + 1, pct_start=WARM_UP, cycle_momentum=False
            )
            facts = self._train_epochs(
                lambda: self._epoch(train, rows, rng, optimizer, rate),
                lambda: cross_entropy(self._logits_of(train, held), labels),
                on_epoch,
            )
        return {**facts, "parameters": sum(p.numel() for p in network.parameters())}

    def _epoch(
        self,
        train: MatrixPairs,
        rows: np.ndarray,
        rng: np.random.Generator,
        optimizer: torch.optim.Optimizer,
        rate: torch.optim.lr_scheduler.LRScheduler,
    ) -> float:
        """One pass over the pairs in random order; returns the mean loss."""
        import torch

        self._network.train()
        total = 0.0
        for some in batches(train.lengths, rows, self.options.batch_size, rng):
            batch = draw_batch(train, some, rng)
            lags = range(-batch.max_offset, batch.max_offset + 1)
            scores = self._network(self._put(batch.forward), self._put(batch.backward), lags)
            target = self._put(batch.target)
            logs = torch.log_softmax(scores, dim=1).masked_fill(target == 0, 0)  # -inf where nothing overlaps
            loss = -(target * logs).sum(1).mean()
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self._network.parameters(), LARGEST_GRADIENT)
            optimizer.step()
            rate.step()
            total += float(loss.detach()) * len(some)
        return total / len(rows)

    def _both_directions(self, forward: np.ndarray, backward: np.ndarray, max_offset: int) -> np.ndarray:
        return self.lag_scores(forward, backward, range(-max_offset, max_offset + 1))

    def lag_scores(
        self, forward: np.ndarray, backward: np.ndarray, lags: Sequence[int] | np.ndarray, *, both_ways: bool = True
    ) -> np.ndarray:
        """Scores of any lags, of matrices of any size and shape.

        Args:
            forward, backward: softmaxed similarities ``[N, T0, T1]`` of videos (0, 1) and ``[N, T1, T0]`` of (1, 0).
            lags: L offsets in frames. both_ways: see ``DiagonalNetwork``.

        Returns:
            float64 ``[N, L]``: uncalibrated log odds, ``-inf`` at lags without a common frame.
        """
        import torch

        self._network.eval()
        scores = np.empty((len(forward), len(lags)), dtype=np.float64)
        for start in range(0, len(forward), TOGETHER):
            some = slice(start, start + TOGETHER)
            with torch.no_grad():
                found = self._network(self._put(forward[some]), self._put(backward[some]), lags, both_ways)
            scores[some] = found.double().cpu().numpy()
        return scores

    def _new_network(self) -> nn.Module:
        from videosync.offset.diagonal_network import DiagonalNetwork

        return DiagonalNetwork(self.options.channels)


def batches(lengths: np.ndarray, rows: np.ndarray, batch_size: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """``rows`` in random batches of pairs that are about as long, so that little is cut to make them alike."""
    shuffled = rng.permutation(rows)
    ordered = shuffled[np.argsort(lengths[shuffled], kind="stable")]
    parts = np.array_split(ordered, -(-len(rows) // batch_size))
    return (parts[n] for n in rng.permutation(len(parts)))
