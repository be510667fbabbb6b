"""How a stored picture is to be turned before it is shown: phones only note how they were held."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from av.video.frame import VideoFrame


@dataclass(frozen=True)
class Orientation:
    """A turn by quarters, possibly mirrored: transpose first, then mirror."""

    transpose: bool = False
    mirror_x: bool = False  # left-right
    mirror_y: bool = False  # top-bottom

    @property
    def rotation(self) -> int:
        """Clockwise turn in degrees: 0, 90, 180 or 270 (mirrored pictures count as 0 or 90)."""
        if self.transpose:
            return 270 if self.mirror_y and not self.mirror_x else 90
        return 180 if self.mirror_x and self.mirror_y else 0

    def stored_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """(height, width) of the stored picture for an upright (height, width), and the other way round."""
        return (size[1], size[0]) if self.transpose else size

    def apply(self, picture: np.ndarray) -> np.ndarray:
        """Stored [H,W,3] → upright, as a view."""
        if self.transpose:
            picture = picture.swapaxes(0, 1)
        if self.mirror_x:
            picture = picture[:, ::-1]
        if self.mirror_y:
            picture = picture[::-1]
        return picture


UPRIGHT = Orientation()


def frame_orientation(frame: VideoFrame) -> Orientation:
    """Read a frame's display matrix: ``x' = a·x + c·y``, ``y' = b·x + d·y`` (ISO/IEC 14496-12, 6.2.2).

    Angles between the quarters go to the nearest quarter.
    """
    data: Any = frame.side_data.get("DISPLAYMATRIX")
    if data is None:
        return UPRIGHT
    a, b, _, c, d = np.frombuffer(data, np.int32)[:5].tolist()
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return Orientation(False, a < 0, d < 0)
    return Orientation(True, c < 0, b < 0)
