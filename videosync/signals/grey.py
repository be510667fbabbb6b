"""Small grey pictures: all that the motion signals see of a video."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import cv2
import numpy as np


def small_size(height: int, width: int, size: int) -> tuple[int, int]:
    """(height, width) with the longer side at most ``size`` pixels and the same proportions, never enlarged."""
    scale = min(1.0, size / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def small_grey(frames: Iterable[np.ndarray], size: int) -> Iterator[np.ndarray]:
    """Frames, uint8 [H,W,3] RGB or [H,W] grey, as uint8 [h,w] with the longer side at most ``size`` pixels.

    Raises:
        ValueError: a frame of another type or shape, or of another size than the first.
    """
    first: tuple[int, ...] | None = None
    for number, frame in enumerate(frames):
        colour = frame.ndim == 3 and frame.shape[2] == 3
        if frame.dtype != np.uint8 or not (colour or frame.ndim == 2):
            raise ValueError(
                f"frame {number} is {frame.dtype} {list(frame.shape)}; expected uint8 [H,W,3] RGB or [H,W] grey"
            )
        first = first or frame.shape
        if frame.shape != first:
            raise ValueError(
                f"frame {number} is {list(frame.shape)}, frame 0 {list(first)}; sizes must agree"
            )
        height, width = small_size(frame.shape[0], frame.shape[1], size)
        if (height, width) != frame.shape[:2]:
            frame = cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA)
        yield cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) if colour else frame
