"""Similarity matrices as diagonals: what lies at lag k of any matrix, whatever its size, in one row of a picture."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from videosync.lags.similarity import TINY

CHANNELS = 6  # of ``cell_features``


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
