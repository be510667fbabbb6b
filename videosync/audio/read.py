"""Read the sound of a file, in step with its pictures.

Time 0 is the first picture (or, where there are none, the first sample). Samples lie where their time stamps say;
where there are none is silence. Containers whose stamps are whole milliseconds (Matroska, WebM) keep sound and pictures
in step to 1 ms; AVI has no stamps, so that MP3 in AVI may be 20 ms off (half a frame, at 25 frames/s).
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import av
import numpy as np

from videosync.audio.decode import LONGEST_GAP, as_audio_error, end, opening, pieces
from videosync.audio.resample import resampled
from videosync.errors import AudioError
from videosync.video.index import file_version


@dataclass(frozen=True)
class SoundInfo:
    """The sound of one file."""

    path: str  # absolute
    rate: int  # samples/s
    channels: int
    codec: str
    start: float  # seconds from the first picture to the first sample; 0 where the file has no pictures
    seconds: float  # length by time stamps


def decoder_version() -> str:
    """What decodes: e.g. ``"PyAV 18.1.0, FFmpeg 8.0.1"``."""
    return f"PyAV {av.__version__}, FFmpeg {av.ffmpeg_version_info}"


def probe_sound(path: str | os.PathLike[str]) -> SoundInfo:
    """What sound the file holds, from its packets. Raises AudioError: no such file, nothing decodable; NoSoundError."""
    with as_audio_error():
        version = file_version(path)
        at = opening(*version)
        seconds = max(end(*version) - at.first, 0.0)
    return SoundInfo(version[0], at.rate, at.channels, at.codec, at.start, seconds)


def read_sound(
    path: str | os.PathLike[str], start: float = 0.0, seconds: float | None = None, *, rate: int = 16_000
) -> np.ndarray:
    """Mono sound, float32 [round(seconds · rate)], the mean of all channels, from ``start`` seconds on.

    Time 0 is the first picture shown; in a file without pictures, the first sample. Gaps, and what lies outside of
    the sound, are zeros. ``seconds`` None: to the end of the sound. Only what is asked for is decoded.

    Raises AudioError: no such file, sound that is damaged there or changes its rate; NoSoundError: no sound track.
    """
    if seconds is not None and seconds < 0:
        raise ValueError(f"seconds is {seconds}; a stretch of sound has a length of 0 or more")
    with as_audio_error():
        version = file_version(path)
        at = opening(*version)
        if seconds is None and at.start - start > LONGEST_GAP:
            raise AudioError(
                f"{version[0]}: the time stamps of its sound begin {at.start:.0f} s after its first picture; convert "
                "it, which writes them anew."
            )
        stop = None if seconds is None else start + seconds
        mean = (
            (place, channels.mean(axis=0, dtype=np.float64).astype(np.float32))
            for place, channels in pieces(version[0], at, start, stop)
        )
        count = None if seconds is None else round(seconds * rate)
        return resampled(mean, at.rate, rate, round(start * rate), count)
