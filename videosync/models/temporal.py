"""What changes around a frame: one learned filter over time for each feature."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from videosync.errors import ConfigError


class TemporalFilter(nn.Module):
    """Depthwise convolution over time, ``[B, T, F] → [B, T, F]``, ``kernel`` frames wide (odd).

    The filters start with mean zero, so that they see how a feature changes and not how large it is: between two
    cameras the *rate of change* carries over, the level does not. A clip is continued by its first and last real
    frame, so padding changes nothing. Raises ConfigError for an even or negative kernel.
    """

    def __init__(self, *, size: int, kernel: int) -> None:
        super().__init__()
        if kernel < 1 or kernel % 2 == 0:
            raise ConfigError(
                f"model.temporal_kernel is {kernel}: expected 0 (none) or an odd number of frames"
            )
        self.reach = kernel // 2
        self.filter = nn.Conv1d(size, size, kernel, groups=size)
        with torch.no_grad():
            weight = torch.randn_like(self.filter.weight) / kernel**0.5
            self.filter.weight.copy_(weight - weight.mean(-1, keepdim=True))
            self.filter.bias.zero_()  # type: ignore[union-attr]

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        if mask is not None:  # padding repeats the last real frame before it
            places = torch.arange(x.shape[1], device=x.device).expand_as(mask)  # [B, T]
            last_real = torch.where(mask, places, 0).cummax(1).values
            x = x.gather(1, last_real[..., None].expand_as(x))
        padded = F.pad(
            x.transpose(1, 2), (self.reach, self.reach), mode="replicate"
        )  # [B, F, T + kernel - 1]
        return self.filter(padded).transpose(1, 2)  # [B, T, F]
