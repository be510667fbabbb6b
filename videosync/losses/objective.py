"""What a training loss is to the training loop: a function of an output of the encoder, and which output that is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

from videosync.losses.classification import frame_accuracy, frame_cross_entropy
from videosync.losses.lags import lag_loss
from videosync.losses.scl import sequence_contrastive_loss
from videosync.losses.tcc import cycle_consistency_loss
from videosync.losses.tcn import two_view_n_pairs_loss
from videosync.types import ClipBatch

Means = dict[str, tuple[float, float]]  # name → (sum, weight): measures that are averaged over many batches


@dataclass(frozen=True)
class Objective:
    """A loss and its contract.

    Attributes:
        loss: (the encoder's output float32 [B, 2, T, …], batch) → scalar.
        wanted: which output that is, as keywords of ``Encoder.forward``: ``project`` (through the projection head),
            ``classify`` (scores of the classes), ``unit`` (of unit length). Heads that it does not want are not built.
        labels: whether ``batch.labels`` are needed.
        means: what else is measured on held-out clips; where it names "loss", that replaces the mean over batches.
    """

    loss: Callable[[Tensor, ClipBatch], Tensor]
    wanted: Mapping[str, bool]
    labels: bool = False
    means: Callable[[Tensor, ClipBatch], Means] | None = None

    def __call__(self, output: Tensor, batch: ClipBatch) -> Tensor:
        return self.loss(output, batch)

    def measure(self, output: Tensor, batch: ClipBatch) -> Means:
        """What validation averages: the loss, a batch counting once, and what ``means`` adds."""
        if self.means is None:
            return {"loss": (self.loss(output, batch).item(), 1.0)}
        return self.means(output, batch)


def sequence_contrastive(
    *,
    temperature: float,
    label_variance: float,
    negative_type: str,
    log_epsilon: float,
    lag_weight: float = 0.0,
) -> Objective:
    """CARL's loss between the two views of each pair, on projected embeddings of unit length.

    ``lag_weight`` times the loss over lags is added (not in CARL).
    """

    def loss(embeddings: Tensor, batch: ClipBatch) -> Tensor:
        frames = sequence_contrastive_loss(
            embeddings,
            batch.steps,
            batch.lengths,
            batch.mask,
            temperature=temperature,
            label_variance=label_variance,
            negative_type=negative_type,
            log_epsilon=log_epsilon,
        )
        if lag_weight == 0:
            return frames
        return frames + lag_weight * lag_loss(
            embeddings, batch.steps, batch.mask, temperature=temperature, label_variance=label_variance
        )

    return Objective(loss, {"project": True})


def cycle_consistency(
    *,
    loss_type: str,
    similarity: str,
    temperature: float,
    label_smoothing: float,
    variance_lambda: float,
    huber_delta: float,
    reference_classification: bool,
    unit: bool,
) -> Objective:
    """TCC between all clips of the batch, each view of each pair being one. There is no projection head.

    The reference configurations of TCC have L2_NORMALIZE off: with unit embeddings, similarities lie in -4 … 0 and,
    divided by D and the temperature, leave the matches almost flat.
    """

    def loss(embeddings: Tensor, batch: ClipBatch) -> Tensor:
        return cycle_consistency_loss(
            embeddings.flatten(0, 1),  # [B*V, T, D]
            batch.steps.flatten(0, 1),
            batch.lengths.flatten(),
            batch.mask.flatten(0, 1),
            loss_type=loss_type,
            similarity=similarity,
            temperature=temperature,
            label_smoothing=label_smoothing,
            variance_lambda=variance_lambda,
            huber_delta=huber_delta,
            reference_classification=reference_classification,
        )

    return Objective(loss, {"unit": unit})


def time_contrastive(*, window: float, reg_lambda: float, unit: bool) -> Objective:
    """TCN's n-pairs loss: frames of the two views at one moment against the other moments of the same video."""

    def loss(embeddings: Tensor, batch: ClipBatch) -> Tensor:
        return two_view_n_pairs_loss(
            embeddings, batch.steps, batch.mask, window=window, reg_lambda=reg_lambda
        )

    return Objective(loss, {"unit": unit})


def classification(*, unit: bool) -> Objective:
    """Cross-entropy of each labelled frame's class, scored by a linear classifier on its embedding."""

    def loss(scores: Tensor, batch: ClipBatch) -> Tensor:
        return frame_cross_entropy(scores, _labels(batch), batch.mask)

    def means(scores: Tensor, batch: ClipBatch) -> Means:
        right, count = frame_accuracy(scores, _labels(batch), batch.mask)
        return {"loss": (loss(scores, batch).item() * count, count), "accuracy": (right, count)}

    return Objective(loss, {"classify": True, "unit": unit}, labels=True, means=means)


def _labels(batch: ClipBatch) -> Tensor:
    if batch.labels is None:
        raise ValueError("the batch has no labels; its clips must be drawn with them")
    return batch.labels
