"""Random changes of a clip's sound: of its volume, and of its log-mel spectrogram."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from videosync.option import option

if TYPE_CHECKING:
    from torch import Generator, Tensor


@dataclass(frozen=True)
class SoundAugment:
    """Volume, masks in time and frequency (SpecAugment, arXiv 1904.08779), and a random resized crop (BYOL-A,
    arXiv 2103.06695).

    One draw for each call. The same generator state gives the same draw, whatever is switched off.
    """

    volume: float = option(0.2, "largest relative change of the volume, up or down", "[0, 1]")
    time_masks: int = option(2, "how many stretches of time are masked", "[0, 16]")
    time_mask: int = option(20, "longest stretch of time that is masked, frames of 10 ms", "[0, inf)")
    frequency_masks: int = option(2, "how many bands of frequency are masked", "[0, 16]")
    frequency_mask: int = option(10, "widest band of frequency that is masked, mels", "[0, 80]")
    crop: bool = option(True, "cut a random piece out of the spectrogram and stretch it to the size of the whole")
    canvas: float = option(1.5, "length of the empty canvas the piece is cut from, in lengths of the clip", "[1, 4]")
    crop_scale: list[float] = option([0.6, 1.5], "smallest and largest size of the piece along each axis, in sizes of "
                                     "the clip; never larger than the canvas", "(0, 4]", size=2)  # fmt: skip

    def waveform(self, samples: Tensor, generator: Generator) -> Tensor:
        """float [..., n] at another volume."""
        return samples * (1 + self.volume * (2 * _uniform(1, generator)[0] - 1))

    def spectrogram(self, mel: Tensor, generator: Generator) -> Tensor:
        """Standardised log-mel [..., M, F] → the same shape. What is masked, and the empty canvas, are 0: the mean."""
        draws = _uniform(4 + 2 * (self.time_masks + self.frequency_masks), generator)
        crop, masks = draws[:4], draws[4:]
        masked = mel.clone()
        for axis, count, widest in (
            (-1, self.time_masks, self.time_mask),
            (-2, self.frequency_masks, self.frequency_mask),
        ):
            size = mel.shape[axis]
            for width, place in zip(masks[:count], masks[count : 2 * count], strict=True):
                length = min(int(width * (widest + 1)), size)
                masked.narrow(axis, int(place * (size - length + 1)), length).zero_()
            masks = masks[2 * count :]
        return self._crop(masked, crop) if self.crop else masked

    def _crop(self, mel: Tensor, draws: list[float]) -> Tensor:
        """A random piece of the canvas, which has the clip in its middle, stretched to the clip's size (bicubic)."""
        import torch.nn.functional as F

        mels, frames = mel.shape[-2:]
        length = int(frames * self.canvas)
        before = (length - frames) // 2
        canvas = F.pad(mel, (before, length - frames - before))  # [..., M, length]
        low, high = self.crop_scale
        height = max(1, min(int(mels * (low + (high - low) * draws[0])), mels))
        width = max(1, min(int(frames * (low + (high - low) * draws[1])), length))
        top, left = int(draws[2] * (mels - height + 1)), int(draws[3] * (length - width + 1))
        piece = canvas[..., top : top + height, left : left + width].reshape(-1, 1, height, width)
        stretched = F.interpolate(piece, (mels, frames), mode="bicubic", align_corners=True)
        return stretched.reshape(mel.shape)


def _uniform(count: int, generator: Generator) -> list[float]:
    import torch

    return torch.rand(count, generator=generator, device=generator.device, dtype=torch.float64).tolist()
