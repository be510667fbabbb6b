"""Small grey pictures: all that the motion signals see of a video."""

from __future__ import annotations

import cv2
import numpy as np


def small_size(height: int, width: int, size: int) -> tuple[int, int]:
    """(height, width) with the longer side at most ``size`` pixels and the same proportions, never enlarged."""
    scale = min(1.0, size / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def small_grey(frame: np.ndarray, size: int) -> np.ndarray:
    """A frame, uint8 [H,W,3] RGB or [H,W] grey, as uint8 [h,w] with the longer side at most ``size`` pixels."""
    height, width = small_size(frame.shape[0], frame.shape[1], size)
    if (height, width) != frame.shape[:2]:
        frame = cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA)
    return frame if frame.ndim == 2 else cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
