"""Supervised frame classification: the class of each labelled frame, from its embedding alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from videosync.losses.objective import FreeObjective, Means
from videosync.types import ClipBatch

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Classification(FreeObjective):
    """Cross-entropy of each labelled frame's class, scored by a linear classifier on its embedding."""

    unit: ClassVar[bool] = False
    labels: ClassVar[bool] = True

    @property
    def wanted(self) -> Mapping[str, bool]:
        return {"classify": True, **super().wanted}

    def __call__(self, output: Tensor, batch: ClipBatch) -> Tensor:
        return frame_cross_entropy(output, _labels(batch), batch.mask)

    def measure(self, output: Tensor, batch: ClipBatch) -> Means:
        right, count = frame_accuracy(output, _labels(batch), batch.mask)
        return {"loss": (self(output, batch).item() * count, count), "accuracy": (right, count)}


def _labels(batch: ClipBatch) -> Tensor:
    if batch.labels is None:
        raise ValueError("the batch has no labels; its clips must be drawn with them")
    return batch.labels


def frame_cross_entropy(scores: Tensor, labels: Tensor, mask: Tensor) -> Tensor:
    """Mean cross-entropy over the real frames with a known label; a float32 scalar (0 where there is none).

    ``scores`` ``[..., C]``, ``labels`` int64 ``[...]`` with -1 = unknown, ``mask`` bool ``[...]``. Raises ValueError
    for a label that is not below ``C``.
    """
    import torch
    from torch.nn import functional as F

    known = _known(scores, labels, mask)
    with torch.autocast(scores.device.type, enabled=False):
        chosen = scores.float()[known]  # [n, C]
        if len(chosen) == 0:
            return chosen.sum()
        return F.cross_entropy(chosen, labels[known])


def frame_accuracy(scores: Tensor, labels: Tensor, mask: Tensor) -> tuple[float, float]:
    """(frames whose highest score is that of their label, frames): real ones with a known label."""
    known = _known(scores, labels, mask)
    right = scores.detach()[known].argmax(-1) == labels[known]
    return float(right.sum()), float(len(right))


def _known(scores: Tensor, labels: Tensor, mask: Tensor) -> Tensor:
    if scores.shape[:-1] != labels.shape or labels.shape != mask.shape:
        shapes = ", ".join(str(tuple(t.shape)) for t in (scores, labels, mask))
        raise ValueError(f"scores, labels and mask have shapes {shapes}; expected [..., C], [...] and [...]")
    known = mask & (labels >= 0)
    if known.any() and (highest := int(labels[known].max())) >= scores.shape[-1]:
        raise ValueError(f"label {highest} has no score: there are {scores.shape[-1]} classes")
    return known
