"""From when to when a file has both pictures and sound. Times count from its first picture."""

from __future__ import annotations

from videosync.audio.read import SoundInfo
from videosync.errors import VideoError
from videosync.video.read import VideoInfo

TOLERANCE = 0.05  # seconds that a file may be too short by; there the last picture stands, and the sound is silent


def common_time(info: VideoInfo, sound: SoundInfo, needed: float) -> tuple[float, float]:
    """From when to when a file has pictures and sound: ``needed`` seconds at least, if need be with ``TOLERANCE``.

    Raises:
        VideoError: less than that. AudioError: no sound.
    """
    pictures = info.times[-1] - info.times[0] + 1 / info.fps
    start, end = max(0.0, sound.start), min(pictures, sound.start + sound.seconds)
    if end - start < needed - TOLERANCE:
        raise VideoError(
            f"{info.path}: has pictures with sound for {max(0.0, end - start):.2f} s (pictures 0 … {pictures:.2f} s, "
            f"sound {sound.start:.2f} … {sound.start + sound.seconds:.2f} s), but {needed:g} s are needed"
        )
    return start, max(end, start + needed)
