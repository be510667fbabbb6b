"""Small copies of recordings that every browser plays, and in which it is quick to step: H.264, a keyframe every 15."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.frame import VideoFrame

from videosync.audio.read import read_sound
from videosync.edit.timed import TimedPictures
from videosync.errors import AudioError
from videosync.video.index import VideoIndex
from videosync.video.read import iter_frames
from videosync.video.sound_track import Sound, SoundTrack
from videosync.video.write import as_rate

HEIGHT = 360  # pixels, at most
KEYFRAMES = "15"  # frames apart
OPTIONS = {"crf": "28", "preset": "veryfast", "g": KEYFRAMES, "bf": "0"}
HEARD = 24_000  # samples/s
SMALL = 64  # pixels: width of the pictures whose changes are measured
LONGEST = 1800.0  # seconds; longer ones have no sound, which would be held in memory
Progress = Callable[[str, int, int], None]


def write_proxy(index: VideoIndex, path: Path, frames: int, progress: Progress | None = None) -> np.ndarray:
    """Write the first ``frames`` frames of a file, upright and at their times, and what is heard with them.

    Returns:
        float32 [frames]: by how much each differs from the one before, grey levels on average; 0 of the first.

    Raises VideoError: a frame cannot be decoded. OSError, FFmpegError: ``path`` cannot be written.
    """
    height, width = proxy_size(*index.orientation.stored_size((index.height, index.width)))
    times = index.times[:frames] - index.times[0]
    rate = as_rate(index.fps)
    regular = bool(np.abs(times - np.arange(frames) / float(rate)).max() < 0.25 / float(rate))
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as output:
        pictures = TimedPictures(output, "libx264", rate, size=(height, width), pixels="yuv420p", options=dict(OPTIONS))
        sound = _sound(index.path, float(times[-1]) + 1 / index.fps)
        track = None if sound is None else SoundTrack(path, output, sound)
        changes, before = np.zeros(frames, np.float32), None
        for number, picture in enumerate(iter_frames(index.path, 0, frames, size=(height, width))):
            grey = _small_grey(picture)
            changes[number] = 0 if before is None else np.abs(grey - before).mean()
            before = grey
            time = number / rate if regular else times[number]
            pictures.write(VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24"), time)
            if track is not None:
                track.write_until((number + 1) / rate)
            if progress is not None:
                progress(index.path, number + 1, frames)
        pictures.close()
        if track is not None:
            track.write_until(None)
    return changes


def proxy_size(height: int, width: int) -> tuple[int, int]:
    """(height, width): even, of the same shape, no higher than ``HEIGHT``."""
    scale = min(1.0, HEIGHT / height)
    return max(2, 2 * round(height * scale / 2)), max(2, 2 * round(width * scale / 2))


def _small_grey(picture: np.ndarray) -> np.ndarray:
    """uint8 [H,W,3] → float32 [h, SMALL]."""
    size = SMALL, max(1, round(SMALL * picture.shape[0] / picture.shape[1]))
    return cv2.cvtColor(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY).astype(np.float32)


def _sound(path: str, seconds: float) -> Sound | None:
    if not 0 < seconds < LONGEST:
        return None
    try:
        samples = read_sound(path, 0.0, seconds, rate=HEARD)
    except AudioError:
        return None
    return Sound(samples, HEARD, bit_rate=48_000)
