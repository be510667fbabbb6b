"""Supervised frame classification: the class of each labelled frame, from its embedding alone."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def frame_cross_entropy(scores: Tensor, labels: Tensor, mask: Tensor) -> Tensor:
    """Mean cross-entropy over the real frames with a known label; a float32 scalar (0 where there is none).

    ``scores`` ``[..., C]``, ``labels`` int64 ``[...]`` with -1 = unknown, ``mask`` bool ``[...]``. Raises ValueError
    for a label that is not below ``C``.
    """
    known = _known(scores, labels, mask)
    with torch.autocast(scores.device.type, enabled=False):
        chosen = scores.float()[known]  # [n, C]
        if len(chosen) == 0:
            return chosen.sum()
        return F.cross_entropy(chosen, labels[known])


@torch.no_grad()
def frame_accuracy(scores: Tensor, labels: Tensor, mask: Tensor) -> tuple[float, float]:
    """(frames whose highest score is that of their label, frames): real ones with a known label."""
    known = _known(scores, labels, mask)
    right = scores[known].argmax(-1) == labels[known]
    return float(right.sum()), float(len(right))


def _known(scores: Tensor, labels: Tensor, mask: Tensor) -> Tensor:
    if scores.shape[:-1] != labels.shape or labels.shape != mask.shape:
        shapes = ", ".join(str(tuple(t.shape)) for t in (scores, labels, mask))
        raise ValueError(f"scores, labels and mask have shapes {shapes}; expected [..., C], [...] and [...]")
    known = mask & (labels >= 0)
    if known.any() and (highest := int(labels[known].max())) >= scores.shape[-1]:
        raise ValueError(f"label {highest} has no score: there are {scores.shape[-1]} classes")
    return known
