"""N-pairs loss of time-contrastive networks (Sermanet et al., "Time-Contrastive Networks", ICRA 2018, with the
multi-class N-pair objective of Sohn, "Improved Deep Metric Learning with Multi-class N-pair Loss Objective",
NeurIPS 2016, eq. 8).

Frames at one moment attract each other, all other pairs of the list repel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from videosync.losses.objective import FreeObjective
from videosync.option import option
from videosync.types import ClipBatch

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Tcn(FreeObjective):
    """TCN's n-pairs loss: frames of the two views at one moment against the other moments of the same video."""

    tcn_window: int = option(5, "the positive, the other view's nearest frame, is at most so far away", "[0, inf)")
    reg_lambda: float = option(0.002, "weight of the embeddings' squared lengths", "[0, inf)")

    def __call__(self, output: Tensor, batch: ClipBatch) -> Tensor:
        return two_view_n_pairs_loss(
            output, batch.steps, batch.mask, window=self.tcn_window, reg_lambda=self.reg_lambda
        )


def n_pairs_loss(anchors: Tensor, positives: Tensor, *, reg_lambda: float = 0.002) -> Tensor:
    """Cross-entropy of each anchor's positive among all positives, plus ``λ/4`` of the mean squared norms.

    ``anchors``, ``positives`` ``[N, D]``: row ``i`` of both shows one moment. Returns a float32 scalar (0 for no rows).
    Raises ValueError for shapes that differ.
    """
    import torch
    from torch.nn import functional as F

    if anchors.shape != positives.shape or anchors.dim() != 2:
        raise ValueError(f"anchors {tuple(anchors.shape)} and positives {tuple(positives.shape)}: expected two [N, D]")
    with torch.autocast(anchors.device.type, enabled=False):
        a, p = anchors.float(), positives.float()
        if len(a) == 0:
            return (a.sum() + p.sum()) * 0.0
        target = torch.arange(len(a), device=a.device)
        norms = (a * a).sum(-1).mean() + (p * p).sum(-1).mean()
        return F.cross_entropy(a @ p.T, target) + 0.25 * reg_lambda * norms


def two_view_n_pairs_loss(
    embeddings: Tensor, steps: Tensor, mask: Tensor, *, window: float, reg_lambda: float = 0.002
) -> Tensor:
    """The n-pairs loss of each video's two views, as a mean over videos; a float32 scalar.

    ``embeddings`` ``[B, 2, T, D]``, ``steps`` ``[B, 2, T]`` on one timeline a video, ``mask`` bool ``[B, 2, T]``. A
    frame's positive is the frame of the other view nearest in time, at most ``window`` frames away (multi-view TCN);
    negatives are the positives of the video's other moments. Both directions are averaged, so that the order of the
    views does not matter. A video without any positive is left out.

    The reference code, which reads one view, takes a frame 1 … window frames earlier as the positive instead.
    """
    import torch

    losses = []
    for e, s, m in zip(embeddings.float(), steps, mask):  # [2, T, D], [2, T], [2, T]
        for order in ([0, 1], [1, 0]):
            anchors, positives = nearest_in_time(s[order][None], m[order][None], window=window)
            if len(anchors):
                losses.append(n_pairs_loss(e[order[0]][anchors], e[order[1]][positives], reg_lambda=reg_lambda))
    return torch.stack(losses).mean() if losses else embeddings.float().sum() * 0.0


def nearest_in_time(steps: Tensor, mask: Tensor, *, window: float) -> tuple[Tensor, Tensor]:
    """For each real frame of view 0 the real frame of view 1 nearest in time, where one is within ``window`` frames.

    ``steps`` ``[B, 2, T]`` frame numbers on one timeline a video, ``mask`` bool ``[B, 2, T]``. Returns indices
    (into ``B * T`` frames of view 0, and of view 1), both ``[N]``; repeated frames of view 1 are allowed.
    """
    import torch

    distance = (steps[:, 0, :, None] - steps[:, 1, None, :]).abs().double()  # [B, T, T]
    distance = distance.masked_fill(~mask[:, 1, None, :], torch.inf)
    least, place = distance.min(-1)  # [B, T]
    found = mask[:, 0] & (least <= window)
    frames = steps.shape[-1]
    base = torch.arange(len(steps), device=steps.device)[:, None] * frames  # [B, 1]
    anchors = (base + torch.arange(frames, device=steps.device))[found]
    return anchors, (base + place)[found]
