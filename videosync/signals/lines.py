"""How much moves on each straight line across a picture: counts of moving pixels in strips of several directions.

What moves on an epipolar line of one view moves on the matching line of the other (motion barcodes; Ben-Artzi et al.,
"Camera Calibration from Dynamic Silhouettes Using Motion Barcodes", CVPR 2016). Which line matches which is left open
here: strips of all directions are measured, and ``lags`` asks whether some mixture of those of one view goes with some
mixture of those of the other.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

DIRECTIONS = 12  # over half a turn
STRIPS = 24  # of each direction
REACH = 1.2  # times the longer side of the picture, across the strips; what lies outside counts in the last one
EDGE = 1e-9  # strips: a pixel between two of them, but for rounding, is in the second one


def line_counts(moving: np.ndarray) -> np.ndarray:
    """``sqrt`` of how many pixels move in each strip, direction by direction: float32 [DIRECTIONS · STRIPS].

    Args:
        moving: [h,w]; what is not 0 moves. A pixel counts once in each direction, however much it changes.
    """
    strips = _strips(*moving.shape)[np.flatnonzero(moving)]  # [N, DIRECTIONS]
    return np.sqrt(np.bincount(strips.ravel(), minlength=DIRECTIONS * STRIPS)).astype(np.float32)


@lru_cache(maxsize=4)
def _strips(height: int, width: int) -> np.ndarray:
    """In which strip of each direction a pixel lies: int [h·w, DIRECTIONS]."""
    y, x = np.mgrid[:height, :width].reshape(2, -1, 1) - np.array([height - 1, width - 1]).reshape(2, 1, 1) / 2
    angles = np.pi * np.arange(DIRECTIONS) / DIRECTIONS
    across = (x * np.cos(angles) + y * np.sin(angles)) / max(height, width)
    place = np.floor((across / REACH + 0.5) * STRIPS + EDGE).astype(np.intp)
    return np.clip(place, 0, STRIPS - 1) + STRIPS * np.arange(DIRECTIONS)
