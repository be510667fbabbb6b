"""Signals of a window of a video file."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from videosync.signals.grey import small_size
from videosync.signals.motion import CHANNELS, motion_signals
from videosync.video.index import video_index
from videosync.video.read import iter_frames


def video_signals(
    path: str | os.PathLike[str],
    start: int = 0,
    stop: int | None = None,
    *,
    size: int = 160,
    channels: Sequence[str] = tuple(CHANNELS),
) -> dict[str, np.ndarray]:
    """Motion signals of frames ``start … stop - 1`` (to the end if None): name → float32 [T, F].

    The file is decoded once, at ``size`` pixels on the longer side; memory does not grow with the pictures. What its
    keyframes change is bridged.

    Raises:
        VideoError: the file or the window cannot be read.
    """
    index = video_index(path)
    shown = index.orientation.stored_size((index.height, index.width))
    frames = iter_frames(path, start, stop, size=small_size(*shown, size))
    keyframes = [key.frame - start for key in index.keys]
    return motion_signals(frames, size=size, channels=channels, keyframes=keyframes)
