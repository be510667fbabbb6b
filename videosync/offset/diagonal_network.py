"""A network that scores lags: the same small convolutions for every diagonal of a matrix of any size."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from videosync.lags.overlap import standard_errors
from videosync.lags.similarity import TINY

CHANNELS = 6  # of ``cell_features``
# chosen on synthetic events, and while looking at some sets of docs/results.md, real ones among them
ALONG, ACROSS = 5, 3  # frames along a diagonal, and neighbouring diagonals, that a cell's first layer sees
LAGS = 5  # neighbouring lags that each layer over lags sees
HALO = 2 * (LAGS // 2) + ACROSS // 2  # lags beyond ±K that a score depends on
TYPICAL_FRAMES = 64  # overlap at which pooled evidence enters the layers over lags as it is
LOG, CHANCE = (0, 3), (2, 5)  # of ``cell_features``, both directions
MOST = 2.0  # the layers over lags move a score by less than this
BRIGHT = (0.2, 0.05, 0.15)  # start: weights of z and of z|z|; of ``log(1 + T S)`` inside z


class DiagonalNetwork(nn.Module):
    """Matrices of both directions → one score a lag, by weights that depend neither on the size nor on the lag.

    The score of lag k is ``z + z|z|``, weighted, and what a network adds to it. ``z`` is the mean of the diagonal's
    cells against the mean of all lags, in units of the standard error of a mean over that many frames (times √overlap:
    short diagonals are noisier and would win by chance). Under Gaussian noise ``z² / 2`` is the logarithm of the
    likelihood ratio of a bright diagonal of unknown brightness; untrained, the network reads what ``diagonal`` reads.

    The network: two convolutions over cells in the coordinates (frame, lag); pooling along each diagonal (mean, and the
    logarithm of the mean exponential, which a few loud cells decide), in the same units; three layers over neighbouring
    lags. It adds less than ±2: enough to decide between lags that are almost as bright, too little to overrule long and
    clear diagonals of videos unlike those of the train set.

    Args:
        channels: of the convolutions over cells, and of the layers over lags.
    """

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        width, lag_width = channels
        self.near = nn.Conv2d(CHANNELS, width, (ALONG, ACROSS), padding=(ALONG // 2, ACROSS // 2))
        self.along = nn.Conv2d(width, width, (ALONG, 1), padding=(ALONG // 2, 0))
        self.lags = nn.Conv1d(2 * width, lag_width, LAGS, padding=LAGS // 2)
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
        loud = hidden.masked_fill(inside == 0, -1e9).logsumexp(2) - overlap.clamp(min=1).log()
        pooled = torch.cat([_mean(hidden, overlap), loud], dim=1)  # [N, F, 2R + 1]
        pooled = _in_standard_errors(pooled, overlap) / TYPICAL_FRAMES**0.5
        bright = self._bright(_in_standard_errors(_mean(cells, overlap), overlap))
        present = (overlap > 0).float()
        scores = F.relu(self.lags(pooled)) * present
        scores = F.relu(self.lags2(scores)) * present
        kept = slice(HALO, HALO + 2 * max_offset + 1)
        learned = MOST * torch.tanh(self.score(scores)[:, 0] / MOST)  # [N, 2R + 1]
        return (bright + learned)[:, kept], overlap[kept]

    def _bright(self, cells: Tensor) -> Tensor:
        """Mean cells in standard errors ``[N, C, L]`` → weighted ``z + z|z|``, float32 ``[N, L]``."""
        linear, square, chance = self.bright
        z = cells[:, LOG].mean(1) + chance * cells[:, CHANCE].mean(1)
        return linear * z + square * z * z.abs()


def _mean(values: Tensor, overlap: Tensor) -> Tensor:
    """Mean along diagonals of ``[N, C, T, L]`` that are 0 outside the matrix: ``[N, C, L]``."""
    return values.sum(2) / overlap.clamp(min=1)


def _in_standard_errors(means: Tensor, overlap: Tensor) -> Tensor:
    """Means over ``overlap`` frames ``[N, C, L]``, relative to the mean over all lags and times √overlap; 0 without."""
    means = means * (overlap > 0)
    background = (means * overlap).sum(2, keepdim=True) / overlap.sum()
    return standard_errors(means, overlap, background, 1.0)


def cell_features(forward: Tensor, backward: Tensor) -> Tensor:
    """What each cell (i, j) says, in units that hold for every temperature and number of frames.

    Three numbers of the direction itself and the same of the other, transposed: ``log S`` standardised over the
    matrix; standardised over its row (local contrast: this frame of the other video against all others); and
    ``log(1 + T S)``, where ``T S`` is the probability in units of chance.

    Args:
        forward, backward: softmaxed similarities float32 ``[N, T, T]``, of (0, 1) and of (1, 0).

    Returns:
        float32 ``[N, 6, T, T]``; a constant matrix has zeros in the standardised channels.
    """
    ahead, back = _one_direction(forward), _one_direction(backward)  # each [N, 3, T, T]
    return torch.cat([ahead, back.transpose(2, 3)], dim=1)


def by_diagonals(cells: Tensor, reach: int) -> Tensor:
    """Cells ``[N, C, T, T]`` → ``[N, C, T, 2R + 1]``: entry ``(i, R + k)`` is cell ``(i, i + k)``, 0 outside."""
    samples, channels, rows, _ = cells.shape
    padded = F.pad(cells, (reach, reach)).contiguous()  # [N, C, T, T + 2R]
    strides = padded.stride()
    shape = (samples, channels, rows, 2 * reach + 1)
    return padded.as_strided(shape, (strides[0], strides[1], strides[2] + 1, 1)).contiguous()


def inside_matrix(size: int, reach: int, device: torch.device) -> Tensor:
    """Which entries of ``by_diagonals`` are cells of a ``size x size`` matrix: float32 0 or 1, ``[T, 2R + 1]``."""
    columns = torch.arange(size, device=device)[:, None] + torch.arange(-reach, reach + 1, device=device)
    return ((columns >= 0) & (columns < size)).float()


def _one_direction(matrices: Tensor) -> Tensor:
    logs = matrices.clamp(min=TINY).log()
    chance = torch.log1p(matrices.shape[-1] * matrices)
    return torch.stack([_standardised(logs, (1, 2)), _standardised(logs, (2,)), chance], dim=1)


def _standardised(values: Tensor, dims: tuple[int, ...]) -> Tensor:
    centred = values - values.mean(dims, keepdim=True)
    return centred / (centred.square().mean(dims, keepdim=True).sqrt() + 1e-6)
