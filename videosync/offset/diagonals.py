"""Similarity matrices as diagonals: what lies at lag k of any matrix, whatever its size, in one row of a picture."""

from __future__ import annotations

import torch
from torch import Tensor

from videosync.offset.predictor import TINY

CHANNELS = 6  # of ``cell_features``


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
