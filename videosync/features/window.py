"""Signals of a window of a video file."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from videosync.features.grey import small_size
from videosync.features.motion import CHANNELS, motion_signals
from videosync.video.read import iter_frames, probe


def video_signals(
    path: str | os.PathLike[str],
    start: int = 0,
    stop: int | None = None,
    *,
    size: int = 160,
    channels: Sequence[str] = tuple(CHANNELS),
) -> dict[str, np.ndarray]:
    """Motion signals of frames ``start … stop - 1`` (to the end if None): name → float32 [T, F].

    The file is decoded once, at ``size`` pixels on the longer side; memory does not grow with the pictures.

    Raises:
        VideoError: the file or the window cannot be read.
    """
    info = probe(path)
    frames = iter_frames(path, start, stop, size=small_size(info.height, info.width, size))
    return motion_signals(frames, size=size, channels=channels)
