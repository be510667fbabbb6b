"""From decoded clips to model input: resize, and random changes that are equal for all frames of a clip.

Frames stay uint8 until after the resize; blur and colour then take one pass (:mod:`videosync.video.filters`).
"""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass
from functools import partial
from itertools import permutations

import torch
from torch import Tensor

from videosync.video.color import JITTER, color_map
from videosync.video.filters import blur_and_color, frames_at_once, gaussian, mean_color, resize, unchanged

CROP_RATIO = 4 / 3  # largest change of a crop's shape against the frame's own
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
BLUR_SIGMA = (0.1, 2.0)  # pixels at an image size of 224
ORDERS = tuple(permutations(JITTER))


def to_model_input(clip: Tensor, size: int) -> Tensor:
    """uint8 [T,H,W,3] or [T,3,H,W] → float32 [T,3,size,size] in 0…1, squeezed to a square, antialiased."""
    small = resize(_frames_last(clip), size)
    return small.to(torch.float32, memory_format=torch.contiguous_format).div_(255)


def normalise(clip: Tensor) -> Tensor:
    """float [..., 3, H, W] in 0…1 → the same with ImageNet's mean and standard deviation taken out."""
    mean, std = (torch.tensor(three, device=clip.device).view(3, 1, 1) for three in (IMAGENET_MEAN, IMAGENET_STD))
    return (clip - mean) / std


@dataclass(frozen=True)
class AugmentDraw:
    """What happens to one clip."""

    top: int  # crop, pixels of the source
    left: int
    height: int
    width: int
    flip: bool
    brightness: float  # factors; 1: as it is
    contrast: float
    saturation: float
    hue: float  # share of the full circle
    gray: bool
    sigma: float  # pixels; 0: no blur
    order: tuple[str, ...] = JITTER  # of brightness, contrast, saturation and hue
    hole: tuple[int, int] | None = None  # top and left of the square that is cut out, pixels of the result

    @property
    def plain_color(self) -> bool:
        return (self.brightness, self.contrast, self.saturation, self.hue, self.gray) == (1, 1, 1, 0, False)


@dataclass(frozen=True)
class ClipAugment:
    """Random resized crop, flip, colour jitter, grey, blur and cutout; one draw per clip.

    Calling it with a clip uint8 [T,3,H,W] or [T,H,W,3] and a generator gives float32 [T,3,size,size] in 0…1
    on the clip's device. Pass real frames only: contrast works around the clip's mean.
    The same generator state gives the same draw, whatever the options switch off.

    ``cutout`` (DeVries & Taylor, "Improved Regularization of Convolutional Neural Networks with Cutout", 2017): a
    square whose middle may lie anywhere, so that a part may fall outside, has ImageNet's mean colour.

    ``reference``: as CARL's public code does (torchvision's ColorJitter and, behind it, the blur, both applied with
    ``color_prob``): brightness, contrast, saturation and hue in random order, contrast around each frame's own
    mean, and blur, with ``blur_prob``, of clips with colour jitter alone.
    """

    size: int  # height and width of the result, pixels
    _: KW_ONLY
    crop_scale: float = 0.4  # smallest area share of the crop (the largest is 1), of about the frame's shape
    flip: float = 0.5  # probability, as all that end in _prob
    color_prob: float = 0.8
    brightness: float = 0.8  # largest relative changes
    contrast: float = 0.8
    saturation: float = 0.8
    hue: float = 0.2  # largest turn, as a share of the full circle
    gray_prob: float = 0.2
    blur_prob: float = 0.5
    reference: bool = False
    cutout: int = 0  # pixels of the square's side; 0: none

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ValueError(f"size is {self.size}; it must be at least 1 pixel")
        if not 0 < self.crop_scale <= 1:
            raise ValueError(f"crop_scale is {self.crop_scale}; it must be above 0 and at most 1 (no crop)")
        for name in ("flip", "color_prob", "gray_prob", "blur_prob"):
            if not 0 <= (value := getattr(self, name)) <= 1:
                raise ValueError(f"{name} is {value}; a probability lies between 0 and 1")
        if self.cutout < 0:
            raise ValueError(f"cutout is {self.cutout}; it must be at least 0 pixels")
        for name in JITTER:
            if (value := getattr(self, name)) < 0 or (name == "hue" and value > 0.5):
                raise ValueError(f"{name} is {value}; it must be at least 0 (and hue at most 0.5)")

    def draw(self, height: int, width: int, generator: torch.Generator) -> AugmentDraw:
        """Choose what happens to a clip of ``height`` x ``width`` pixels."""
        u = torch.rand(14, generator=generator, device=generator.device).tolist()
        share = self.crop_scale + (1 - self.crop_scale) * u[0]
        # The crop's shape against the frame's own, so that a crop of this area always fits.
        stretch = math.exp((2 * u[1] - 1) * min(math.log(CROP_RATIO), -math.log(share)))
        crop_height = max(1, min(height, round(height * math.sqrt(share / stretch))))
        crop_width = max(1, min(width, round(width * math.sqrt(share * stretch))))
        color = u[5] < self.color_prob
        blurred = u[11] < self.blur_prob and (color or not self.reference)
        low, high = (sigma * self.size / 224 for sigma in BLUR_SIGMA)
        return AugmentDraw(
            top=int(u[2] * (height - crop_height + 1)),
            left=int(u[3] * (width - crop_width + 1)),
            height=crop_height,
            width=crop_width,
            flip=u[4] < self.flip,
            brightness=_factor(u[6], color * self.brightness),
            contrast=_factor(u[7], color * self.contrast),
            saturation=_factor(u[8], color * self.saturation),
            hue=(2 * u[9] - 1) * color * self.hue,
            gray=u[10] < self.gray_prob,
            sigma=low + (high - low) * u[12] if blurred else 0.0,
            order=ORDERS[int(u[13] * len(ORDERS))] if self.reference else JITTER,
            hole=self._hole(generator) if self.cutout else None,
        )

    def _hole(self, generator: torch.Generator) -> tuple[int, int]:
        places = torch.randint(self.size, (2,), generator=generator, device=generator.device).tolist()
        return places[0] - self.cutout // 2, places[1] - self.cutout // 2

    def __call__(self, clip: Tensor, generator: torch.Generator) -> Tensor:
        frames = _frames_last(clip)
        return self.apply(frames, self.draw(frames.shape[1], frames.shape[2], generator))

    def apply(self, clip: Tensor, draw: AugmentDraw, *, mean: Tensor | None = None) -> Tensor:
        """Do to a clip (uint8 [T,3,H,W] or [T,H,W,3]) what was drawn → float32 [T,3,size,size] in 0…1.

        ``mean``: of the clip's colour [3] in 0…1, where the frames are a part of it (not read with ``reference``).
        """
        small = self.reshape(clip, draw)
        return self.recolor(small, draw, torch.empty(small.shape, device=small.device), mean=mean)

    def reshape(self, clip: Tensor, draw: AugmentDraw, out: Tensor | None = None) -> Tensor:
        """The first half of :meth:`apply`, of a clip or a part of one: crop, size and flip → uint8 [T,3,size,size].

        ``out``: where that goes; on a CPU it is quickest with channels last, as it is if none is given.
        """
        frames = _frames_last(clip)[:, draw.top : draw.top + draw.height, draw.left : draw.left + draw.width]
        return resize(frames, self.size, flip=draw.flip, out=out)

    def recolor(self, small: Tensor, draw: AugmentDraw, out: Tensor, *, mean: Tensor | None = None) -> Tensor:
        """The second half of :meth:`apply`, of a whole clip unless ``mean`` is given: blur, colour, hole.

        ``out`` [T,3,size,size] is float32, in 0…1, or uint8, rounded; then it may lie in the
        memory of ``small``. On a CPU it is contiguous.
        """
        self._recolor(small, draw, out, mean)
        if draw.hole is not None:
            top, left = (max(0, edge) for edge in draw.hole)
            bottom, right = (edge + self.cutout for edge in draw.hole)
            fill = torch.tensor(IMAGENET_MEAN, device=out.device).view(3, 1, 1)
            out[:, :, top:bottom, left:right] = fill if out.is_floating_point() else (255 * fill).round()
        return out

    def _recolor(self, small: Tensor, draw: AugmentDraw, out: Tensor, mean: Tensor | None) -> None:
        """Blur and colour."""
        if draw.plain_color and not draw.sigma:
            unchanged(small, out)
            return
        color = partial(
            color_map,
            brightness=draw.brightness,
            contrast=draw.contrast,
            saturation=draw.saturation,
            hue=draw.hue,
            gray=draw.gray,
            order=draw.order,
        )
        if mean is None:  # every fourth pixel says enough about it
            mean = mean_color(small[:, :, ::4, ::4])
        of_clip = None if self.reference else color(mean)
        kernel = gaussian(draw.sigma, self.size) if draw.sigma else None
        at_once = frames_at_once(small)
        for source, target in zip(small.split(at_once), out.split(at_once), strict=True):
            matrix, offset = of_clip or color(source.float().mean((2, 3)) / 255)  # [3, 3], [3] or [t, 3]
            blur_and_color(source, kernel, matrix, offset, target)


def _factor(uniform: float, largest_change: float) -> float:
    low = max(0.0, 1 - largest_change)
    return low + (1 + largest_change - low) * uniform


def _frames_last(clip: Tensor) -> Tensor:
    """A view [T,H,W,3] of either layout."""
    if clip.dtype != torch.uint8 or clip.ndim != 4 or 3 not in clip.shape[1::2] or not clip.numel():
        raise ValueError(f"clip must be uint8 [T,H,W,3] or [T,3,H,W], got {clip.dtype} {tuple(clip.shape)}")
    return clip if clip.shape[3] == 3 else clip.permute(0, 2, 3, 1)
