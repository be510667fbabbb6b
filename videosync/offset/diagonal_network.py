"""A network that scores lags: the same small convolutions for every diagonal of a matrix of any size."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from videosync.offset.diagonals import CHANNELS, by_diagonals, cell_features, inside_matrix

ALONG, ACROSS = 5, 3  # frames along a diagonal, and neighbouring diagonals, that a cell's first layer sees
LAGS = 5  # neighbouring lags that each layer over lags sees
HALO = 2 * (LAGS // 2) + ACROSS // 2  # lags beyond ±K that a score depends on
TYPICAL_FRAMES = 64  # overlap at which pooled evidence enters the layers over lags as it is
LOG, CHANCE = (0, 3), (2, 5)  # of ``cell_features``, both directions
BRIGHT = (0.2, 0.05, 0.15)  # start: weights of z and of z|z|; of ``log(1 + T S)`` inside z


class DiagonalNetwork(nn.Module):
    """Matrices of both directions → one score a lag, by weights that depend neither on the size nor on the lag.

    Two convolutions over cells in the coordinates (frame, lag); pooling along each diagonal (mean, and the logarithm
    of the mean exponential, which a few loud cells decide); three layers over neighbouring lags. Pooled evidence is
    taken relative to its mean over all lags and in units of the standard error of a mean over that many frames
    (times √overlap): short diagonals are noisier and would win by chance.

    The layers learn what is to be added to ``z + z|z|``, weighted, where ``z`` is the mean of the diagonal's cells in
    those units: under Gaussian noise ``z² / 2`` is the logarithm of the likelihood ratio of a bright diagonal of
    unknown brightness. The untrained network is the label-free method ``diagonal``.

    Args:
        channels: of the convolutions over cells, and of the first layer over lags.
    """

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        width, lag_width = channels
        self.near = nn.Conv2d(CHANNELS, width, (ALONG, ACROSS), padding=(ALONG // 2, ACROSS // 2))
        self.along = nn.Conv2d(width, width, (ALONG, 1), padding=(ALONG // 2, 0))
        self.lags = nn.Conv1d(CHANNELS + 2 * width + 1, lag_width, LAGS, padding=LAGS // 2)
        self.lags2 = nn.Conv1d(lag_width, lag_width, LAGS, padding=LAGS // 2)
        self.score = nn.Conv1d(lag_width, 1, 1, bias=False)  # a bias would cancel in the softmax
        nn.init.zeros_(self.score.weight)
        self.bright = nn.Parameter(torch.tensor(BRIGHT))

    def forward(self, forward: Tensor, backward: Tensor, max_offset: int) -> Tensor:
        """Scores of the lags -K ... K.

        Args:
            forward, backward: softmaxed similarities float32 ``[N, T, T]``; K may be anything.

        Returns:
            float32 ``[N, 2K + 1]``, exactly reversed for swapped videos; ``-inf`` at lags without a common frame.
        """
        ahead, overlap = self._direction(forward, backward, max_offset)
        back, _ = self._direction(backward, forward, max_offset)
        return ((ahead + back.flip(1)) / 2).masked_fill(overlap == 0, -torch.inf)

    def _direction(self, forward: Tensor, backward: Tensor, max_offset: int) -> tuple[Tensor, Tensor]:
        size, reach = forward.shape[-1], max_offset + HALO
        cells = by_diagonals(cell_features(forward, backward), reach)  # [N, C, T, 2R + 1]
        inside = inside_matrix(size, reach, forward.device)  # [T, 2R + 1]
        overlap = inside.sum(0)  # [2R + 1] frames
        hidden = F.relu(self.near(cells)) * inside
        hidden = F.relu(self.along(hidden)) * inside
        pooled = self._pooled(cells, hidden, inside, overlap)  # [N, F, 2R + 1]
        present = (overlap > 0).float()
        scores = F.relu(self.lags(pooled * present)) * present
        scores = F.relu(self.lags2(scores)) * present
        kept = slice(HALO, HALO + 2 * max_offset + 1)
        return (self._bright(pooled) + self.score(scores)[:, 0])[:, kept], overlap[kept]

    def _bright(self, pooled: Tensor) -> Tensor:
        """``[N, F, L]`` → weighted ``z + z|z|``, float32 ``[N, L]``."""
        linear, square, chance = self.bright
        z = pooled[:, LOG].mean(1) + chance * pooled[:, CHANCE].mean(1)
        z = z * TYPICAL_FRAMES**0.5  # a standard error is 1 / √frames
        return linear * z + square * z * z.abs()

    @staticmethod
    def _pooled(cells: Tensor, hidden: Tensor, inside: Tensor, overlap: Tensor) -> Tensor:
        frames = overlap.clamp(min=1)
        loud = hidden.masked_fill(inside == 0, -1e9).logsumexp(2) - frames.log()
        pooled = torch.cat([cells.sum(2) / frames, hidden.sum(2) / frames, loud], dim=1)  # [N, F, 2R + 1]
        pooled = pooled * (overlap > 0)
        background = (pooled * overlap).sum(2, keepdim=True) / overlap.sum()
        evidence = (pooled - background) * (frames / TYPICAL_FRAMES).sqrt()
        length = (frames / TYPICAL_FRAMES).log().expand(len(cells), 1, -1)
        return torch.cat([evidence, length], dim=1)
