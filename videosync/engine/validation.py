"""Validation during training, on events held out of the train split: it decides which checkpoint is ``best``.

Pairs are judged by the absolute error to be expected under the softmax of their lag scores, E|k - k_true|. Unlike the
error of the best lag it tells apart encoders that all find the same whole number of frames, as they do on few pairs.

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
from videosync.evaluation.sync import OffsetMethod, iter_pair_matrices
from videosync.losses.objective import Means, Objective
from videosync.models.encoder import Encoder
from videosync.offset.detector import symmetric_softmax
from videosync.offset.lag import lag_scores
from videosync.types import SyncPair

EXPECTED_ERROR = "expected_error_frames"


class Validator:
    """Base and null object: measures nothing, so the newest checkpoint counts as the best."""

    criterion = ""  # the metric whose lowest value is best; "": none
    identity = ""  # of all that a score depends on beside the encoder: others cannot be compared
    rule = "the last, as nothing is held out to choose by"

    def finding(self, metrics: Mapping[str, float]) -> str:
        """What ``metrics`` say of a checkpoint, for people who ask why it is the best."""
        return "nothing was held out to choose by, so the last is the best"

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
        max_offset: K.
        matching: ``image_size``, ``metric``, ``temperature`` of
            :func:`videosync.evaluation.sync.iter_pair_matrices`.
        criterion: "val/loss", or that of the expected error.
        identity: see :class:`Validator`.
        looks_at: how much of what decides, in words.
    """

    def __init__(
        self,
        *,
        loader: DataLoader[Any],
        loss: Objective,
        pairs: Sequence[SyncPair],
        methods: Mapping[str, OffsetMethod],
        max_offset: int,
        matching: Mapping[str, Any],
        criterion: str,
        identity: str,
        looks_at: str,
        distributed: Distributed,
        dtype: torch.dtype,
    ) -> None:
        self.loader = loader
        self.loss = loss
        self.pairs = pairs
        self.methods = methods
        self.max_offset = max_offset
        self.matching = matching
        self.criterion = criterion
        self.identity = identity
        self.looks_at = looks_at
        self.rule = f"that of the lowest {self._score()} on {looks_at}"
        self.distributed = distributed
        self.dtype = dtype

    def _score(self, value: float | None = None) -> str:
        if self.criterion == "val/loss":
            return "loss" if value is None else f"loss {value:.4g}"
        return "expected error" if value is None else f"expected error {value:.2f} frames"

    def finding(self, metrics: Mapping[str, float]) -> str:
        score = metrics.get(self.criterion)
        return "not validated" if score is None else f"{self._score(score)} on {self.looks_at}"

    def measure(self, encoder: nn.Module, check: Callable[[], None] = lambda: None) -> dict[str, float]:
        was_training = encoder.training
        encoder.eval()
        share = self.distributed.together(
            lambda: _total([self._sums(encoder, check), self._errors(encoder, check)])
        )
        encoder.train(was_training)
        # gathered in rank order: every rank adds the same numbers in the same order
        total = _total(self.distributed.gather(share))
        return {f"val/{name}": value / weight for name, (value, weight) in total.items() if weight}

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

    def _errors(self, encoder: nn.Module, check: Callable[[], None]) -> Means:
        """Sums and weights over this rank's share of the pairs, of each method's errors and of the expected one."""
        device, reach = self.distributed.device, self.max_offset
        found: list[Means] = []
        with torch.autocast(device.type, dtype=self.dtype, enabled=self.dtype != torch.float32):
            for part in iter_pair_matrices(
                cast("Encoder", encoder),
                self.pairs,
                device=device,
                rank=self.distributed.rank,
                world_size=self.distributed.world_size,
                **self.matching,
            ):
                check()
                true = np.array([self.pairs[index].offset for index in part.indices])  # [n]
                errors = {
                    f"{name}_mae_frames": np.abs(method(part.forward, part.backward, reach) - true)
                    for name, method in self.methods.items()
                }
                likely = symmetric_softmax(lag_scores(part.forward, part.backward, reach))  # [n, 2K + 1]
                apart = np.abs(np.arange(-reach, reach + 1) - true[:, None])
                errors[EXPECTED_ERROR] = (likely * apart).sum(axis=1)
                found.append({name: (float(some.sum()), len(true)) for name, some in errors.items()})
        return _total(found)


def _total(parts: Sequence[Means]) -> Means:
    """Sums and weights added up, name by name."""
    total: Means = {}
    for part in parts:
        for name, (value, weight) in part.items():
            before = total.get(name, (0.0, 0.0))
            total[name] = before[0] + value, before[1] + weight
    return total
