"""The pictures of a clip themselves, tiny: enough to see hard changes, black, and pictures that two files share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import cv2
import numpy as np

from videosync.signals.grey import small_grey, small_size
from videosync.signals.hard_changes import PICTURES
from videosync.signals.measure import Signals, Source

HEIGHT, WIDTH = 12, 16
SIZE = 160  # pixels, the longer side of the pictures that are averaged


class ThumbnailMeter:
    """The channel "pictures": each frame, squeezed to 12 x 16 grey levels (0 … 255), float32 [T, 192].

    No lag score is to be made of it: two cameras see different pictures. An hour at 30 frames/s takes 83 MB.
    """

    needs: Literal["pictures"] = "pictures"
    reach: Mapping[str, np.ndarray] = {PICTURES: np.zeros(HEIGHT * WIDTH, np.int64)}

    def pixels(self, height: int, width: int) -> tuple[int, int]:
        return small_size(height, width, SIZE)

    def begin(self, source: Source) -> _Thumbnails:
        return _Thumbnails()


class _Thumbnails:
    def __init__(self) -> None:
        self.rows: list[np.ndarray] = []

    def watch(self, frame: np.ndarray) -> None:
        grey = small_grey(frame, SIZE).astype(np.float32)
        self.rows.append(cv2.resize(grey, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA).ravel())

    def signals(self) -> Signals:
        return {PICTURES: np.array(self.rows, np.float32).reshape(len(self.rows), HEIGHT * WIDTH)}
