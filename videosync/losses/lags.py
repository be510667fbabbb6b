"""A loss over lags: how surely the mean along a diagonal of the log similarity matrix tells the true offset.

SCL asks every frame to find its own moment; this loss asks only that a whole clip does, with the read-out that offsets
are estimated with. Its negatives are the other lags of the same two clips: the same bodies, cameras and light.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

LEAST_OVERLAP = 0.2  # of the shorter clip: smaller overlaps are no candidates


def lag_loss(embeddings: Tensor, steps: Tensor, mask: Tensor, *, temperature: float, label_variance: float) -> Tensor:
    """Mean over the pairs of a batch whose true lag leaves enough overlap; a float32 scalar.

    ``embeddings`` ``[B, 2, T, D]`` unit length; ``steps`` ``[B, 2, T]`` consecutive frame numbers on one timeline;
    ``mask`` ``[B, 2, T]`` True = a real frame. Scores of lags are those of
    :func:`videosync.lags.similarity.similarity_scores`; with ``p`` their softmax, the loss is minus the logarithm of
    ``Σ_k p(k) exp(-(k - true)² / (2 label_variance))``: an answer near the true lag counts for as much as it is near.

    The encoder that comes with the package was trained when scores were means of probabilities, not of logarithms.
    """
    import torch

    from videosync.lags.overlap import cross_products
    from videosync.lags.similarity import similarity_scores

    with torch.autocast(embeddings.device.type, enabled=False):
        frames = embeddings.shape[2]
        every_lag = np.arange(1 - frames, frames)
        (e0, e1), (mask0, mask1) = embeddings.float().unbind(1), mask.unbind(1)
        scores = similarity_scores(e0, e1, every_lag, temperature=temperature, mask0=mask0, mask1=mask1)
        scores = scores.float()  # [B, 2T - 1]
        ones = mask0[..., None].float(), mask1[..., None].float()
        overlap = cross_products(*ones, every_lag)[..., 0].round()  # [B, 2T - 1] frames
        lags = torch.from_numpy(every_lag).to(scores.device)
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
