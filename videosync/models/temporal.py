"""What happens around a frame: filters over time of each feature, its usual size in a clip, and local context."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from videosync.errors import ConfigError
from videosync.models.constants import SMALLEST_SPREAD


class TemporalFilter(nn.Module):
    """Depthwise convolution over time, ``[B, T, F] → [B, T, F]``, ``kernel`` frames wide (odd).

    The filters start with mean zero, so that they see how a feature changes and not how large it is: between two
    cameras the *rate of change* carries over, the level does not. A clip is continued by its first and last real
    frame, so padding changes nothing. Raises ConfigError for an even or negative kernel.
    """

    def __init__(self, *, size: int, kernel: int) -> None:
        super().__init__()
        if kernel < 1 or kernel % 2 == 0:
            raise ConfigError(f"temporal_kernel is {kernel}: expected 0 (none) or an odd number of frames")
        self.reach = kernel // 2
        self.filter = nn.Conv1d(size, size, kernel, groups=size)
        with torch.no_grad():
            weight = torch.randn_like(self.filter.weight) / kernel**0.5
            self.filter.weight.copy_(weight - weight.mean(-1, keepdim=True))
            self.filter.bias.zero_()  # type: ignore[union-attr]

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        # [B, F, T + kernel - 1]
        padded = F.pad(_continued(x, mask).transpose(1, 2), (self.reach, self.reach), mode="replicate")
        return self.filter(padded).transpose(1, 2)  # [B, T, F]


class TemporalBlock(nn.Module):
    """Residual block with a dilated convolution over ``KERNEL`` frames: local context that knows no place in a clip.

    ``[B, T, C] → [B, T, C]``, before normalisation: LayerNorm → convolution → ReLU → Linear, added to the input.
    A clip is continued by its first and last real frame, so padding changes nothing.
    """

    KERNEL = 5

    def __init__(self, *, size: int, dilation: int) -> None:
        super().__init__()
        self.reach = dilation * (self.KERNEL // 2)
        self.norm = nn.LayerNorm(size)
        self.conv = nn.Conv1d(size, size, self.KERNEL, dilation=dilation)
        self.out = nn.Linear(size, size)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        normed = self.norm(_continued(x, mask)).transpose(1, 2)  # [B, C, T]
        around = self.conv(F.pad(normed, (self.reach, self.reach), mode="replicate"))  # [B, C, T]
        return x + self.out(F.relu(around).transpose(1, 2))


def over_clip(x: Tensor, mask: Tensor | None = None) -> Tensor:
    """Each feature with mean 0 and deviation 1 over the real frames of its clip: ``[B, T, F] → [B, T, F]``.

    How large changes are differs between cameras by distance, lens and contrast; when they are large does not.
    """
    weight = x.new_ones(x.shape[:2]) if mask is None else mask.to(x.dtype)
    weight = (weight / weight.sum(1, keepdim=True).clamp(min=1))[..., None]  # [B, T, 1]
    centred = x - (x * weight).sum(1, keepdim=True)
    spread = (centred.square() * weight).sum(1, keepdim=True).add(SMALLEST_SPREAD**2).sqrt()
    return centred / spread


def _continued(x: Tensor, mask: Tensor | None) -> Tensor:
    """``x`` ``[B, T, F]`` with padding that repeats the last real frame before it."""
    if mask is None:
        return x
    places = torch.arange(x.shape[1], device=x.device).expand_as(mask)  # [B, T]
    last_real = torch.where(mask, places, 0).cummax(1).values
    return x.gather(1, last_real[..., None].expand_as(x))
