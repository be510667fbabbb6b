"""The sound of a clip: the stretch of its source's sound that belongs to its pictures, as the models hear it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from videosync.audio.read import probe_sound, read_sound
from videosync.data.clock import MOST_DRIFT
from videosync.errors import AudioError, NoSoundError
from videosync.video.read import probe
from videosync.video.sound_track import Sound

RATE = 16_000  # samples/s, one channel
BIT_RATE = 64_000  # bits/s
SILENT = 1e-4  # of full scale: -80 dB
IN_STEP = 0.95  # share of frames that must be in step


@dataclass(frozen=True)
class ClipSound:
    """``sound`` None: the clip has none. ``kind`` and ``why``: what is wrong with its sound, else ""."""

    sound: Sound | None
    kind: str = ""  # one or two words that reasons are counted by
    why: str = ""  # the sentence


def clip_sound(path: str, first: int, num_frames: int | None, fps: float) -> ClipSound:
    """What sounds during frames ``first … first + num_frames - 1`` of the source, whose clip has ``fps`` frames/s.

    ``num_frames`` None: to the last frame. The sound begins with the first frame, and ends with the last or where the
    source's sound ends. It is held in memory: 3.8 MB a minute. Raises VideoError: the pictures cannot be read.
    """
    times = probe(path).times
    shown = times[first:][:num_frames] - times[0]
    shown -= np.arange(len(shown)) / fps
    start = float(np.median(shown))
    late = float(np.quantile(np.abs(shown - start), IN_STEP)) * fps
    try:
        info = probe_sound(path)
        if late > MOST_DRIFT:
            why = f"its frame rate varies, so that a clip of {fps:.6g} frames/s would be out of step with its sound"
            return ClipSound(None, "frame times", f"{path}: {why}; convert it to a constant one.")
        seconds = min(len(shown) / fps, info.start + info.seconds - start)
        if seconds <= 0 or start + seconds <= info.start:
            there = f"{info.start:.3f} s to {info.start + info.seconds:.3f} s"
            return ClipSound(None, "no sound", f"{path}: its sound, from {there}, is not where its pictures are.")
        samples = read_sound(path, start, seconds, rate=RATE)
    except NoSoundError as error:
        return ClipSound(None, "no sound", str(error))
    except AudioError as error:
        return ClipSound(None, "sound damaged", str(error))
    sound = Sound(samples, RATE, bit_rate=BIT_RATE)
    if np.abs(samples).max(initial=0.0) < SILENT:
        return ClipSound(sound, "silent", f"{path}: its sound is silent from {start:.3f} s on, for {seconds:.3f} s.")
    return ClipSound(sound)
