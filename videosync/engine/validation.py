"""Validation during training, on events held out of the train split: it decides which checkpoint is ``best``.

The split that is reported later is never looked at here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader

from videosync.engine.distributed import Distributed
from videosync.evaluation.sync import OffsetMethod, PairResult, evaluate_encoder, merge_results
from videosync.losses.objective import Means, Objective
from videosync.models.encoder import Encoder
from videosync.types import SyncPair


class Validator:
    """Base and null object: measures nothing, so the newest checkpoint counts as the best."""

    criterion = ""  # the metric whose lowest value is best; "": none

    def measure(self, encoder: nn.Module, check: Callable[[], None] = lambda: None) -> dict[str, float]:
        """Metrics of ``encoder``, the same on every rank.

        ``check`` is called between two pieces of work; the VideoSyncError that it raises ends it on every rank.
        """
        return {}


class HeldOutValidator(Validator):
    """The loss on held-out clips and, where they have two views, label-free offset errors on their pairs.

    Args:
        loader: this rank's share of the held-out clips, one a batch, so that the mean does not depend on the
            number of ranks.
        loss: as in training; it says what else is measured.
        pairs: all held-out pairs; ranks share them out. May be empty.
        methods: label-free methods whose mean absolute error is measured.
        matching: ``image_size``, ``max_offset``, ``metric``, ``temperature`` of
            :func:`videosync.evaluation.sync.evaluate_encoder`.
    """

    def __init__(
        self,
        *,
        loader: DataLoader[Any],
        loss: Objective,
        pairs: Sequence[SyncPair],
        methods: Mapping[str, OffsetMethod],
        matching: Mapping[str, Any],
        criterion: str,
        distributed: Distributed,
        dtype: torch.dtype,
    ) -> None:
        self.loader = loader
        self.loss = loss
        self.pairs = pairs
        self.methods = methods
        self.matching = matching
        self.criterion = criterion
        self.distributed = distributed
        self.dtype = dtype

    def measure(self, encoder: nn.Module, check: Callable[[], None] = lambda: None) -> dict[str, float]:
        was_training = encoder.training
        encoder.eval()
        sums, share = self.distributed.together(
            lambda: (self._sums(encoder, check), self._match(encoder, check))
        )
        # gathered in rank order: every rank adds the same numbers in the same order
        metrics = {
            f"val/{name}": value / weight
            for name, (value, weight) in _total(self.distributed.gather(sums)).items()
            if weight
        }
        results = merge_results(self.distributed.gather(share), len(self.pairs))
        for name in self.methods if results else ():
            errors = [abs(result.predicted[name] - result.true) for result in results]
            metrics[f"val/{name}_mae_frames"] = float(np.mean(errors))
        encoder.train(was_training)
        return metrics

    @torch.no_grad()
    def _sums(self, encoder: nn.Module, check: Callable[[], None]) -> Means:
        """Sums and weights over this rank's clips, of the loss and what is measured beside it."""
        device = self.distributed.device
        found = []
        for batch in self.loader:
            check()
            clips = batch.to(device)
            with torch.autocast(device.type, dtype=self.dtype, enabled=self.dtype != torch.float32):
                output = encoder(clips.frames, mask=clips.mask, **self.loss.wanted)
            found.append(self.loss.measure(output.float(), clips))
        return _total(found)

    def _match(self, encoder: nn.Module, check: Callable[[], None]) -> list[PairResult]:
        """What each method says about this rank's share of the pairs."""
        device = self.distributed.device
        with torch.autocast(device.type, dtype=self.dtype, enabled=self.dtype != torch.float32):
            return evaluate_encoder(
                cast("Encoder", encoder),
                self.pairs,
                self.methods,
                device=device,
                rank=self.distributed.rank,
                world_size=self.distributed.world_size,
                on_pairs=lambda _: check(),
                **self.matching,
            )


def _total(parts: Sequence[Means]) -> Means:
    """Sums and weights added up, name by name."""
    total: Means = {}
    for part in parts:
        for name, (value, weight) in part.items():
            before = total.get(name, (0.0, 0.0))
            total[name] = before[0] + value, before[1] + weight
    return total
