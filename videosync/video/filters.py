"""Size, blur and colour of the frames of a clip, a few at a time.

On a CPU OpenCV and NumPy work on one thread, and on pixels whose three colours lie side by side: frames are handed over
so between the two steps (``channels_last``). Other devices do the same with torch.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

VALUES_AT_ONCE = {"cpu": 600_000, "cuda": 10_000_000}  # as many as fit the cache, or fill the device


def frames_at_once(frames: Tensor) -> int:
    """How many of ``frames`` [T, …] are best worked on at a time."""
    return max(1, VALUES_AT_ONCE.get(frames.device.type, 2_000_000) // frames[0].numel())


def channels_last(memory: Tensor) -> Tensor:
    """The contiguous ``memory`` [T,3,H,W] taken as frames [T,3,H,W] whose three colours of a pixel lie side by side."""
    frames, _, height, width = memory.shape
    return memory.view(frames, height, width, 3).permute(0, 3, 1, 2)


def resize(frames: Tensor, size: int, *, flip: bool = False, out: Tensor | None = None) -> Tensor:
    """uint8 [T,H,W,3] → uint8 [T,3,size,size], squeezed to a square, antialiased; on a CPU with channels last."""
    if out is None:
        out = torch.empty((len(frames), 3, size, size), dtype=torch.uint8, device=frames.device)
        out = channels_last(out) if out.device.type == "cpu" else out
    at_once = frames_at_once(frames)
    for source, target in zip(frames.split(at_once), out.split(at_once), strict=True):
        if source.device.type == "cpu":
            _resize_on_cpu(source.numpy(), size, flip, target.permute(0, 2, 3, 1).numpy())
            continue
        picture = source.permute(0, 3, 1, 2)
        if picture.shape[2:] != (size, size):  # devices resize floats only
            picture = F.interpolate(picture.float(), size=(size, size), mode="bilinear", antialias=True).round_()
        target.copy_(picture.flip(3) if flip else picture)
    return out


def _resize_on_cpu(frames: np.ndarray, size: int, flip: bool, out: np.ndarray) -> None:
    """uint8 [t,H,W,3] → ``out`` [t,size,size,3]."""
    picture = np.ascontiguousarray(frames)
    if frames.shape[1:3] != (size, size):
        last = torch.from_numpy(picture).permute(0, 3, 1, 2)  # quickest in this order
        small = F.interpolate(last, size=(size, size), mode="bilinear", antialias=True)
        picture = np.ascontiguousarray(small.permute(0, 2, 3, 1).numpy())
    if flip:
        picture = cv2.flip(picture.reshape(-1, size, 3), 1)
    np.copyto(out, picture.reshape(out.shape))


def mean_color(frames: Tensor) -> Tensor:
    """uint8 [T,3,H,W] → float64 [3] in 0…1."""
    if frames.device.type != "cpu":
        return frames.double().mean((0, 2, 3)) / 255
    pixels = np.ascontiguousarray(frames.permute(0, 2, 3, 1).numpy()).reshape(-1, 1, 3)
    return torch.tensor(cv2.mean(pixels)[:3], dtype=torch.float64) / 255


def gaussian(sigma: float, size: int) -> list[float]:
    """Weights 0 … radius of a symmetric kernel that sums to 1."""
    radius = min(max(1, math.ceil(3 * sigma)), size - 1)
    half = [math.exp(-0.5 * (x / sigma) ** 2) for x in range(radius + 1)]
    total = half[0] + 2 * sum(half[1:])
    return [value / total for value in half]


def unchanged(frames: Tensor, out: Tensor) -> None:
    """uint8 [T,3,S,S] → ``out``, uint8 or float32 in 0…1, which may lie in the same memory."""
    if out.is_floating_point():
        torch.div(frames, 255, out=out)
    elif out.device.type != "cpu":
        out.copy_(frames)
    else:
        for source, target in zip(frames.permute(0, 2, 3, 1).numpy(), out.numpy()):
            cv2.split(source.copy(), list(target))


def blur_and_color(frames: Tensor, kernel: list[float] | None, matrix: Tensor, offset: Tensor, out: Tensor) -> None:
    """uint8 [t,3,S,S], blurred with mirrored edges → ``matrix`` [3,3] · colour + ``offset`` [3] or [t,3], clamped.

    ``out``: float32 in 0…1, or uint8, rounded; then it may lie in the memory of ``frames``.
    """
    white = 1 if out.is_floating_point() else 255
    matrix, offset = (white / 255 * matrix).to(out.device), (white * offset).to(out.device)
    if out.device.type == "cpu":
        for picture, target in zip(_changed_on_cpu(frames, kernel, matrix, offset, white), out.numpy()):
            cv2.split(picture, list(target))
        return
    values = (frames.float() if kernel is None else _blur(frames, kernel)).flatten(2)  # [t, 3, S*S]
    changed = torch.baddbmm(offset.view(-1, 3, 1), matrix.expand(len(values), 3, 3), values).clamp_(0, white)
    out.copy_((changed if white == 1 else changed.round_()).view(out.shape))


def _changed_on_cpu(
    frames: Tensor, kernel: list[float] | None, matrix: Tensor, offset: Tensor, white: int
) -> Iterator[np.ndarray]:
    """The changed frames [S,S,3]."""
    pictures = frames.permute(0, 2, 3, 1).numpy()
    values = np.empty(pictures.shape, np.float32)
    if kernel is None:
        np.copyto(values, pictures)
    else:
        whole = np.array(kernel[:0:-1] + kernel, np.float32)
        for picture, blurred in zip(pictures, values):
            picture = np.ascontiguousarray(picture)
            cv2.sepFilter2D(picture, cv2.CV_32F, whole, whole, dst=blurred, borderType=cv2.BORDER_REFLECT_101)
    offsets = offset.numpy().reshape(-1, 3, 1)
    for some, shift in zip(np.split(values, len(offsets)), offsets):
        changed = cv2.transform(some.reshape(-1, 1, 3), np.hstack([matrix.numpy(), shift]))
        cv2.threshold(changed, 0, 0, cv2.THRESH_TOZERO, dst=changed)  # what is below black
        if white == 1:
            cv2.threshold(changed, 1, 0, cv2.THRESH_TRUNC, dst=changed)
        else:
            changed = cv2.convertScaleAbs(changed)  # above white, rounded
        yield from changed.reshape(some.shape)


def _blur(pictures: Tensor, kernel: list[float]) -> Tensor:
    """uint8 [t,3,S,S] → float32, as shifted sums, quicker than a convolution."""
    values, radius, size = pictures.float(), len(kernel) - 1, pictures.shape[-1]
    for dim in (3, 2):
        padding = (radius, radius, 0, 0) if dim == 3 else (0, 0, radius, radius)
        wide = F.pad(values, padding, mode="reflect")
        values = wide.narrow(dim, radius, size) * kernel[0]
        for distance, weight in enumerate(kernel[1:], start=1):
            values.add_(wide.narrow(dim, radius - distance, size), alpha=weight)
            values.add_(wide.narrow(dim, radius + distance, size), alpha=weight)
    return values
