"""A loss over lags: how surely the mean along a diagonal of the similarity matrix tells the true offset.

SCL asks every frame to find its own moment; this loss asks only that a whole clip does, with the read-out that offsets
are estimated with. Its negatives are the other lags of the same two clips: the same bodies, cameras and light.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

LEAST_OVERLAP = 0.2  # of the shorter clip: smaller overlaps are no candidates


def lag_loss(
    embeddings: Tensor, steps: Tensor, mask: Tensor, *, temperature: float, label_variance: float
) -> Tensor:
    """Mean over the pairs of a batch whose true lag leaves enough overlap; a float32 scalar.

    ``embeddings`` ``[B, 2, T, D]`` unit length; ``steps`` ``[B, 2, T]`` consecutive frame numbers on one timeline;
    ``mask`` ``[B, 2, T]`` True = a real frame. Scores of lags are those of
    :func:`videosync.lags.correlation.similarity_scores`; with ``p`` their softmax, the loss is minus the logarithm of
    ``Σ_k p(k) exp(-(k - true)² / (2 label_variance))``: an answer near the true lag counts for as much as it is near.
    """
    with torch.autocast(embeddings.device.type, enabled=False):
        scores, overlap = diagonal_scores(embeddings.float(), mask, temperature)  # [B, 2T - 1]
        frames = embeddings.shape[2]
        lags = torch.arange(1 - frames, frames, device=scores.device)
        true = steps[:, 0, 0] - steps[:, 1, 0]  # frame i of view 0 shows the moment of frame i + k of view 1
        shorter = mask.sum(-1).amin(-1)  # [B]
        candidate = overlap >= (LEAST_OVERLAP * shorter)[:, None].clamp(min=1)
        inside = (true.abs() < frames) & (shorter > 0)
        place = (true.clamp(1 - frames, frames - 1) + frames - 1)[:, None]
        inside &= candidate.gather(1, place)[:, 0]
        if not inside.any():
            return embeddings.float().sum() * 0.0
        scores, candidate, true = scores[inside], candidate[inside], true[inside]
        distance = -((lags - true[:, None]).double() ** 2) / (2 * label_variance)
        logs = scores.masked_fill(~candidate, -torch.inf).log_softmax(-1)
        return -(logs + distance.float()).logsumexp(-1).mean()


def diagonal_scores(embeddings: Tensor, mask: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """Scores float32 and overlaps int64 of the lags ``1 - T … T - 1``: ``[B, 2T - 1]`` each."""
    e0, e1 = embeddings.unbind(1)
    both = mask[:, 0, :, None] & mask[:, 1, None, :]  # [B, T, T]
    logits = (e0 @ e1.transpose(1, 2) / temperature).masked_fill(~both, -1e4)
    similarity = (logits.softmax(1) + logits.softmax(2)) / 2 * both  # [B, T, T]
    cells = both.sum((1, 2)).clamp(min=1)
    mean = similarity.sum((1, 2)) / cells
    variance = (similarity**2).sum((1, 2)) / cells - mean**2
    spread = variance.clamp(min=1e-12).sqrt()
    overlap = _diagonal_sums(both.long())
    centred = (similarity - mean[:, None, None]) * both
    scores = _diagonal_sums(centred) / (spread[:, None] * overlap.clamp(min=1).sqrt())
    return scores, overlap


def _diagonal_sums(matrix: Tensor) -> Tensor:
    """Sums along the diagonals of ``[B, T, T]``, from the lower left corner to the upper right: ``[B, 2T - 1]``."""
    frames = matrix.shape[-1]
    skewed = F.pad(matrix.flip(1), (0, frames)).flatten(1)[
        :, : frames * (2 * frames - 1)
    ]  # a row shifts by one
    return skewed.unflatten(1, (frames, 2 * frames - 1)).sum(1)
