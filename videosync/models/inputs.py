"""What a backbone sees of a clip: the frames, or how much each pixel changed.

An input module has ``context`` (frames before a window that it needs), ``channels(frames, mask, context)``,
which works on whole clips, and ``normalise``, which works on any number of frames.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from videosync.models.constants import MOTION_LAGS, MOTION_MEAN, MOTION_STD, MOTION_THRESHOLD, MOTION_UNIT
from videosync.video.transforms import IMAGENET_MEAN, IMAGENET_STD


class RGBInput(nn.Module):
    """The frames themselves, with ImageNet's mean and standard deviation."""

    context = 0
    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(3, 1, 1), persistent=False)

    def channels(self, frames: Tensor, mask: Tensor | None, context: int) -> Tensor:
        """``[B, T, 3, H, W]`` → ``[B, T - context, 3, H, W]``, unchanged (uint8 stays uint8)."""
        return frames[:, context:]

    def whole_clip_channels(self, frames: Tensor) -> Tensor:
        """``channels`` of clips without padding or context, for programs whose number of frames is open."""
        return frames

    def normalise(self, frames: Tensor) -> Tensor:
        """``[N, 3, H, W]`` in 0 … 1 (or uint8) → float with about zero mean and unit deviation."""
        if frames.dtype == torch.uint8:
            return torch.addcmul(-self.mean / self.std, frames.float(), 1 / (255 * self.std))
        return (frames - self.mean) / self.std


class MotionInput(nn.Module):
    """Three channels of log frame differences over s = 1, 2 and 4 frames.

    A channel is ``log(1 + max(|g(t) - g(t - s)| - noise, 0) / unit)``; ``g`` is the grey frame after a 3 ×
    3 binomial blur. The logarithm makes the *relative* change of motion count, the threshold keeps sensor
    noise out. The first frames, which have no frame ``t - s``, take the first difference there is;
    ``context`` frames before the window give exact values. Differences with a masked frame are not used.
    """

    context = max(MOTION_LAGS)
    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(MOTION_MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(MOTION_STD).view(3, 1, 1), persistent=False)

    def channels(self, frames: Tensor, mask: Tensor | None, context: int) -> Tensor:
        """``[B, T, 3, H, W]`` → float32 ``[B, T - context, 3, H, W]``, a channel a lag.

        ``mask`` bool ``[B, T - context]`` is True at real frames.
        """
        if mask is None and frames.shape[1] > self.context:
            return self.whole_clip_channels(frames)[:, context:]
        grey = self._grey(frames)  # [B, T, H, W]
        batch, total = grey.shape[:2]
        real = grey.new_ones(batch, total, dtype=torch.bool)
        if mask is not None:
            real[:, context:] = mask
        lags = [self._difference(grey, real, min(lag, total - 1))[:, context:] for lag in MOTION_LAGS]
        return torch.stack(lags, dim=2)  # [B, T - context, 3, H, W]

    def whole_clip_channels(self, frames: Tensor) -> Tensor:
        """``channels`` of clips ``[B, T, 3, H, W]`` without padding or context and longer than the longest lag.

        Nothing here depends on the numbers B and T, so that they stay open in an exported program.
        """
        grey = self._grey(frames)  # [B, T, H, W]
        lags = []
        for lag in MOTION_LAGS:
            change = self._log_change(grey, lag)  # [B, T - lag, H, W]
            lags.append(torch.cat([change[:, :1].expand(-1, lag, -1, -1), change], dim=1))
        return torch.stack(lags, dim=2)  # [B, T, 3, H, W]

    def normalise(self, channels: Tensor) -> Tensor:
        """Log differences ``[N, 3, H, W]`` → about zero mean and unit deviation."""
        return (channels - self.mean) / self.std

    @staticmethod
    def _grey(frames: Tensor) -> Tensor:
        """Blurred grey frames in 0 … 1, float32 ``[B, T, H, W]``.

        The blur is a sum of shifted frames: 60 times as fast on a CPU as ``conv2d`` with one channel.
        """
        scale = 1 / 255 if frames.dtype == torch.uint8 else 1.0
        red, green, blue = frames.unbind(2)
        grey = (0.299 * scale) * red + (0.587 * scale) * green + (0.114 * scale) * blue  # ITU-R BT.601
        x = F.pad(grey.float(), (1, 1, 1, 1), mode="replicate")  # [B, T, H + 2, W + 2]
        x = (x[..., :-2, :] + x[..., 2:, :]).add_(x[..., 1:-1, :], alpha=2)  # [B, T, H, W + 2]
        return (x[..., :-2] + x[..., 2:]).add_(x[..., 1:-1], alpha=2).div_(16)  # [B, T, H, W]

    @staticmethod
    def _log_change(grey: Tensor, lag: int) -> Tensor:
        """``[B, T, H, W]`` → ``[B, T - lag, H, W]``."""
        change = (grey[:, lag:] - grey[:, :-lag]).abs_()
        return change.sub_(MOTION_THRESHOLD).clamp_(min=0).div_(MOTION_UNIT).log1p_()

    @classmethod
    def _difference(cls, grey: Tensor, real: Tensor, lag: int) -> Tensor:
        """Log difference over ``lag`` frames, ``[B, T, H, W]``; zeros for a clip that has none."""
        if lag == 0:
            return torch.zeros_like(grey)
        change = cls._log_change(grey, lag)  # [B, T - lag, H, W]
        usable = real[:, lag:] & real[:, :-lag]  # [B, T - lag]
        first = usable.int().argmax(1, keepdim=True)  # [B, 1] the first difference of each clip
        place = torch.arange(-lag, usable.shape[1], device=grey.device).expand(len(grey), -1)  # [B, T]
        place = torch.where((place >= 0) & usable.gather(1, place.clamp(min=0)), place, first)
        change = change * usable.any(1)[:, None, None, None]
        return change[torch.arange(len(grey), device=grey.device)[:, None], place]


INPUTS: dict[str, type[RGBInput] | type[MotionInput]] = {"rgb": RGBInput, "motion": MotionInput}
