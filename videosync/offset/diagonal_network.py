"""A network that scores lags: the same small convolutions for every diagonal of a matrix of any size and shape."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from videosync.lags.overlap import standard_errors
from videosync.lags.similarity import TINY

CHANNELS = 6  # of ``cell_features``
# chosen on synthetic events, and while looking at some sets of docs/results.md, real ones among them
ALONG, ACROSS = 5, 3  # frames along a diagonal, and neighbouring diagonals, that a cell's first layer sees
LAGS = 5  # neighbouring lags that each layer over lags sees
HALO = 2 * (LAGS // 2) + ACROSS // 2  # lags to either side that a score depends on
AT_ONCE = 4_000_000  # cells of all matrices of a batch whose diagonals are held at a time
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

    def forward(
        self, forward: Tensor, backward: Tensor, lags: Sequence[int] | np.ndarray, both_ways: bool = True
    ) -> Tensor:
        """Scores of some lags.

        Args:
            forward, backward: softmaxed similarities float32 ``[N, T0, T1]`` of (0, 1) and ``[N, T1, T0]`` of (1, 0).
            lags: L offsets k in any order. All of their span are worked out: what a diagonal is measured against.
            both_ways: the mean of both orders of the videos; False: of this order alone.

        Returns:
            float32 ``[N, L]``, ``both_ways`` exactly reversed for swapped videos (``-k``); ``-inf`` at lags without a
            common frame.
        """
        frames0, frames1 = forward.shape[1:]
        span = range(max(min(lags) - HALO, 1 - frames0), min(max(lags) + HALO, frames1 - 1) + 1)
        scores = self._direction(forward, backward, span)  # [N, S]
        if both_ways:
            back = self._direction(backward, forward, range(1 - span.stop, 1 - span.start))
            scores = (scores + back.flip(1)) / 2
        asked = torch.as_tensor(lags, device=forward.device) - span.start  # [L]
        found = scores[:, asked.clamp(0, len(span) - 1)]
        return found.masked_fill((asked < 0) | (asked >= len(span)), -torch.inf)

    def _direction(self, forward: Tensor, backward: Tensor, lags: range) -> Tensor:
        """Scores ``[N, L]`` of neighbouring lags that all have a common frame."""
        cells = cell_features(forward, backward)  # [N, C, T0, T1]
        samples, _, frames0, frames1 = cells.shape
        most = AT_ONCE / samples  # of R·L, where R ≤ T0 and R < T1 + L
        step = max(1, int(most / frames0), int((frames1**2 / 4 + most) ** 0.5 - frames1 / 2))
        blocks = [lags[start : start + step] for start in range(0, len(lags), step)]
        parts = [self._along_diagonals(cells, block, lags) for block in blocks]
        pooled, overlap = (torch.cat(some, dim=-1) for some in zip(*parts))  # [N, C + F, L], [L]
        pooled = _in_standard_errors(pooled, overlap)
        scores = F.relu(self.lags(pooled[:, CHANNELS:] / TYPICAL_FRAMES**0.5))
        scores = F.relu(self.lags2(scores))
        learned = MOST * torch.tanh(self.score(scores)[:, 0] / MOST)  # [N, L]
        return self._bright(pooled[:, :CHANNELS]) + learned

    def _along_diagonals(self, cells: Tensor, lags: range, all_lags: range) -> tuple[Tensor, Tensor]:
        """What the diagonals of ``lags`` say, as means over their frames ``[N, C + F, L]``; and how many those are."""
        beside = ACROSS // 2
        seen = range(max(lags.start - beside, all_lags.start), min(lags.stop + beside, all_lags.stop))
        rows, inside = by_diagonals(cells, seen)  # [N, C, R, L + 2], [R, L + 2]
        overlap = inside.sum(0)  # [L + 2] frames
        hidden = F.relu(self.near(rows)) * inside
        hidden = F.relu(self.along(hidden)) * inside
        loud = hidden.masked_fill(inside == 0, -1e9).logsumexp(2) - overlap.log()
        pooled = torch.cat([_mean(rows, overlap), _mean(hidden, overlap), loud], dim=1)
        kept = slice(lags.start - seen.start, lags.stop - seen.start)
        return pooled[..., kept], overlap[kept]

    def _bright(self, cells: Tensor) -> Tensor:
        """Mean cells in standard errors ``[N, C, L]`` → weighted ``z + z|z|``, float32 ``[N, L]``."""
        linear, square, chance = self.bright
        z = cells[:, LOG].mean(1) + chance * cells[:, CHANCE].mean(1)
        return linear * z + square * z * z.abs()


def _mean(values: Tensor, overlap: Tensor) -> Tensor:
    """Mean along diagonals of ``[N, C, T, L]`` that are 0 outside the matrix: ``[N, C, L]``."""
    return values.sum(2) / overlap


def _in_standard_errors(means: Tensor, overlap: Tensor) -> Tensor:
    """Means over ``overlap`` frames ``[N, C, L]``, relative to the mean over all lags and times √overlap."""
    background = (means * overlap).sum(2, keepdim=True) / overlap.sum()
    return standard_errors(means, overlap, background, 1.0)


def cell_features(forward: Tensor, backward: Tensor) -> Tensor:
    """What each cell (i, j) says, in units that hold for every temperature and number of frames.

    Three numbers of the direction itself and the same of the other, transposed: ``log S`` standardised over the
    matrix; standardised over its row (local contrast: this frame of the other video against all others); and
    ``log(1 + T S)``, where ``T S`` is the probability in units of chance.

    Args:
        forward, backward: softmaxed similarities float32 ``[N, T0, T1]`` of (0, 1) and ``[N, T1, T0]`` of (1, 0).

    Returns:
        float32 ``[N, 6, T0, T1]``; a constant matrix has zeros in the standardised channels.
    """
    ahead, back = _one_direction(forward), _one_direction(backward)  # [N, 3, T0, T1], [N, 3, T1, T0]
    return torch.cat([ahead, back.transpose(2, 3)], dim=1)


def by_diagonals(cells: Tensor, lags: range) -> tuple[Tensor, Tensor]:
    """Cells ``[N, C, T0, T1]`` as rows of diagonals, without the frames that meet no other at any of ``lags``.

    Returns:
        ``[N, C, R, L]``, whose entry ``(i, n)`` is cell ``(r + i, r + i + lags[n])``, r the first row with one; and
        which of these are inside the matrix, float32 0 or 1, ``[R, L]``. Outside of it entries are 0.
    """
    frames0, frames1 = cells.shape[2:]
    first, stop = max(0, 1 - lags.stop), min(frames0, frames1 - lags.start)
    rows = torch.arange(first, stop, device=cells.device)[:, None]  # [R, 1]
    columns = rows + torch.arange(lags.start, lags.stop, device=cells.device)  # [R, L]
    inside = ((columns >= 0) & (columns < frames1)).float()
    return cells[:, :, rows, columns.clamp(0, frames1 - 1)] * inside, inside


def _one_direction(matrices: Tensor) -> Tensor:
    logs = matrices.clamp(min=TINY).log()
    chance = torch.log1p(matrices.shape[-1] * matrices)
    return torch.stack([_standardised(logs, (1, 2)), _standardised(logs, (2,)), chance], dim=1)


def _standardised(values: Tensor, dims: tuple[int, ...]) -> Tensor:
    centred = values - values.mean(dims, keepdim=True)
    return centred / (centred.square().mean(dims, keepdim=True).sqrt() + 1e-6)
