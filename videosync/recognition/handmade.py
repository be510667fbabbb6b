"""Statistics of pictures and sound that need no training, in place of a network: what one must at least do better than.

Two kinds: ``means`` of pixels and of mel bands, which hold neither motion nor rhythm; and ``statistics`` of both.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

CELLS = 16  # across and down a picture
BANDS = 16


def mean_pixels(video: Tensor) -> Tensor:
    """``[N, 3, T, H, W]`` → ``[N, 768]``: the mean picture."""
    return F.adaptive_avg_pool2d(video.mean(2), CELLS).permute(0, 2, 3, 1).flatten(1)


def motion_energy(video: Tensor) -> Tensor:
    """``[N, 3, T, H, W]`` → ``[N, 256]``: where, and by how much, one picture differs from the next."""
    changes = video.diff(dim=2).abs().mean((1, 2))  # [N, H, W]
    return F.adaptive_avg_pool2d(changes[:, None], CELLS).flatten(1)


def mean_bands(mel: Tensor) -> Tensor:
    """``[N, 1, 80, F]`` → ``[N, 80]``: the mean spectrum."""
    return mel.mean(3).flatten(1)


def band_statistics(mel: Tensor) -> Tensor:
    """``[N, 1, 80, F]`` → ``[N, 80]``: of 16 bands the mean, the deviation, and how fast they rise and fall."""
    bands = mel.flatten(0, 1).unflatten(1, (BANDS, -1)).mean(2)  # [N, BANDS, F]
    steps = bands.diff(dim=2)
    of_levels = bands.mean(2), bands.std(2, correction=0)
    return torch.cat([*of_levels, steps.abs().mean(2), steps.amax(2), steps.std(2, correction=0)], dim=1)


HANDMADE: dict[str, tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]] = {  # of pictures, of sound
    "means": (mean_pixels, mean_bands),
    "statistics": (motion_energy, band_statistics),
}


class Handmade(nn.Module):
    """One of them as if it were a backbone."""

    def __init__(self, statistic: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.statistic = statistic

    def forward(self, clips: Tensor) -> Tensor:
        return self.statistic(clips)
