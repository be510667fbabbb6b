"""Validation during training, on events held out of the train split: it decides which checkpoint is ``best``.

That is the last one whose score is higher than the lowest of all by no more than one standard error (Breiman et al.,
Classification and Regression Trees, 1984, section 3.4.3; there the simplest model, here the longest trained).
The error is that of the paired differences over events, or over the windows of a single event.

Pairs are judged by the absolute error to be expected under the softmax of their lag scores, those of both directions
added: E|k - k_true|. Unlike the error of the best lag it tells apart encoders that all find the same whole number of
frames, as they do on few pairs.

The split that is reported later is never looked at here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader

from videosync.engine.distributed import Distributed
from videosync.engine.progress import LoopState
from videosync.evaluation.sync import OffsetMethod, iter_pair_matrices
from videosync.lags.posterior import symmetric_softmax
from videosync.lags.similarity import lag_scores
from videosync.losses.objective import Means, Objective
from videosync.models.encoder import Encoder
from videosync.types import SyncPair

EXPECTED_ERROR = "expected_error_frames"
OF_EVENT = "event:"  # before the names of events among those of measures


class Validator:
    """Base and null object: measures nothing, so the newest checkpoint counts as the best."""

    criterion = ""  # the metric whose lowest value is best; "": none
    identity = ""  # of all that a score depends on beside the encoder: others cannot be compared
    rule = "the last, as nothing is held out to choose by"
    # of the encoder measured last: the criterion's sum and weight on each held-out event, or window of a single one
    events: Mapping[str, tuple[float, float]] = {}

    def chooses(self, metrics: Mapping[str, float], state: LoopState) -> bool:
        """Whether the encoder measured last is the best until now; notes in ``state`` if its score is the lowest."""
        score = metrics.get(self.criterion)
        if self.criterion == "" or score is None:
            return self.criterion == ""
        if score <= state.best:  # of equals the later one
            state.best, state.judged_by = score, self.identity
            state.best_epoch, state.best_events = state.epoch, dict(self.events)
            return True
        return score - state.best <= standard_error(self.events, state.best_events)

    def finding(self, metrics: Mapping[str, float], state: LoopState) -> str:
        """What ``metrics`` say of a checkpoint, for people who ask why it is the best."""
        return "nothing was held out to choose by, so the last is the best"

    def measure(self, encoder: nn.Module, check: Callable[[], None] = lambda: None) -> dict[str, float]:
        """Metrics of ``encoder``, the same on every rank.

        ``check`` is called between two pieces of work; the VideoSyncError that it raises ends it on every rank.
        """
        return {}


@dataclass(kw_only=True)
class HeldOutValidator(Validator):
    """The loss on held-out clips and, where they have two views, label-free offset errors on their pairs."""

    # this rank's batches of the held-out clips, the same at any number of ranks: one clip each, where it says of which
    # event
    loader: DataLoader[Any]
    clip_events: Sequence[str]  # of each of these clips; read where their loss is the criterion
    loss: Objective  # as in training; it says what else is measured
    pairs: Sequence[SyncPair]  # all held-out ones; ranks share them out; may be empty
    methods: Mapping[str, OffsetMethod]  # label-free ones, whose mean absolute error is measured
    max_offset: int  # K
    matching: Mapping[str, Any]  # options of :func:`videosync.evaluation.sync.iter_pair_matrices`
    criterion: str  # "val/loss", that of the expected error, or "": the last is the best
    identity: str
    looks_at: str  # how much of what decides, in words
    distributed: Distributed
    dtype: torch.dtype

    def __post_init__(self) -> None:
        # of a single event its windows are compared: they overlap, so that their standard error is small
        single = len({pair.event for pair in self.pairs}) == 1
        self.pair_units = [pair.pair_id if single else pair.event for pair in self.pairs]
        self.rule = "the last: what is measured on held-out events chooses nothing"
        if self.criterion:
            self.rule = f"the last within one standard error of the lowest {self._score()} on {self.looks_at}"

    def _score(self, value: float | None = None) -> str:
        if self.criterion == "val/loss":
            return "loss" if value is None else f"loss {value:.4g}"
        return "expected error" if value is None else f"expected error {value:.2f} frames"

    def finding(self, metrics: Mapping[str, float], state: LoopState) -> str:
        score = metrics.get(self.criterion)
        if not self.criterion:
            return f"the last is the best; {self.looks_at} were measured beside it"
        if score is None:
            return "not validated"
        found = f"{self._score(score)} on {self.looks_at}"
        if score <= state.best:
            return f"{found}, the lowest so far"
        error = standard_error(self.events, state.best_events)
        spread = f" ± {error:.2g}" if error else ""
        return f"{found}, {score - state.best:.2g}{spread} above the lowest (epoch {state.best_epoch or 'unknown'})"

    def measure(self, encoder: nn.Module, check: Callable[[], None] = lambda: None) -> dict[str, float]:
        was_training = encoder.training
        encoder.eval()
        share = self.distributed.together(lambda: _total([self._sums(encoder, check), self._errors(encoder, check)]))
        encoder.train(was_training)
        # gathered in rank order: every rank adds the same numbers in the same order
        total = _total(self.distributed.gather(share))
        self.events = {event: total.pop(event) for event in sorted(total) if event.startswith(OF_EVENT)}
        return {f"val/{name}": value / weight for name, (value, weight) in total.items() if weight}

    @torch.no_grad()
    def _sums(self, encoder: nn.Module, check: Callable[[], None]) -> Means:
        """Sums and weights over this rank's clips, of the loss and what is measured beside it."""
        device = self.distributed.device
        found = []
        for number, batch in enumerate(self.loader):
            check()
            clips = batch.to(device)
            with torch.autocast(device.type, dtype=self.dtype, enabled=self.dtype != torch.float32):
                output = encoder(**clips.inputs(), **self.loss.wanted)
            found.append(self.loss.measure(output.float(), clips))
            if self.criterion == "val/loss":
                found.append({OF_EVENT + self.clip_events[number]: found[-1]["loss"]})
        return _total(found)

    def _errors(self, encoder: nn.Module, check: Callable[[], None]) -> Means:
        """Sums and weights over this rank's share of the pairs, of each method's errors and of the expected one."""
        if not self.pairs:
            return {}
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
                likely = symmetric_softmax(2 * lag_scores(part.forward, part.backward, reach))  # [n, 2K + 1]
                apart = np.abs(np.arange(-reach, reach + 1) - true[:, None])
                errors[EXPECTED_ERROR] = (likely * apart).sum(axis=1)
                found.append({name: (float(some.sum()), len(true)) for name, some in errors.items()})
                if self.criterion == f"val/{EXPECTED_ERROR}":
                    scores = zip(part.indices, errors[EXPECTED_ERROR].tolist())
                    found += [{OF_EVENT + self.pair_units[index]: (score, 1)} for index, score in scores]
        return _total(found)


def _total(parts: Sequence[Means]) -> Means:
    """Sums and weights added up, name by name."""
    total: Means = {}
    for part in parts:
        for name, (value, weight) in part.items():
            before = total.get(name, (0.0, 0.0))
            total[name] = before[0] + value, before[1] + weight
    return total


def standard_error(now: Mapping[str, tuple[float, float]], lowest: Means) -> float:
    """Of the difference of two means over the same events, which are paired; 0 where fewer than two are known.

    Events are what was drawn at random, not their windows. They differ in weight, so that each mean is a ratio
    (Cochran, Sampling Techniques, 1977, section 2.11).

    Args:
        now, lowest: sum and weight of a score by event.
    """
    if len(lowest) < 2:
        return 0.0
    sums, weights = np.array([(now[event][0] - value, weight) for event, (value, weight) in lowest.items()]).T
    apart = sums - weights * sums.sum() / weights.sum()  # [events]
    return math.sqrt(len(apart) / (len(apart) - 1) * (apart @ apart)) / float(weights.sum())
