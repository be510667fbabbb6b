"""What an encoder of sound hears around each frame of a clip.

The encoder is a function from stretches of sound to numbers; ``models.sound_encoder`` makes one of CrissCross.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Protocol

import numpy as np

from videosync.audio.listen import RATE, sync_sound
from videosync.audio.mix import SILENT
from videosync.signals.measure import Signals, Source

SOUND = "sound-learned"  # the channel's name
HOP = 0.1  # seconds between the stretches that the encoder hears; between them, embeddings are interpolated
CHUNK = 64  # stretches that it hears at once


class SoundFeatures(Protocol):
    """Stretches of sound at 16 kHz, float32 [N, round(seconds · 16000)] → float32 [N, D]."""

    seconds: float  # of a stretch
    columns: int  # D

    def features(self, stretches: np.ndarray) -> np.ndarray: ...


class SoundMeter:
    """The channel "sound-learned": what the encoder makes of the sound around each frame, float32 [T, D].

    Rows are zeros where a file has no sound, or silence. Only the samples and the result are held. Raises AudioError
    (``begin``): the file's sound cannot be decoded; NoSoundError: it has none.
    """

    needs: Literal["sound"] = "sound"

    def __init__(self, encoder: SoundFeatures) -> None:
        self.encoder = encoder
        self.reach: Mapping[str, np.ndarray] = {SOUND: np.zeros(encoder.columns, np.int64)}

    def pixels(self, height: int, width: int) -> tuple[int, int]:
        return 1, 1

    def begin(self, source: Source) -> _Heard:
        if source.path is None or source.times is None:
            raise ValueError("a meter of sound needs the file that the frames come from, and their times")
        sound = sync_sound(source.path)
        return _Heard(sound_features(self.encoder, sound.samples, sound.start, source.times))


class _Heard:
    def __init__(self, signal: np.ndarray) -> None:
        self.signal = signal

    def watch(self, frame: np.ndarray) -> None:
        raise AssertionError("a meter of sound is shown no frames")

    def signals(self) -> Signals:
        return {SOUND: self.signal}


def sound_features(encoder: SoundFeatures, samples: np.ndarray, start: float, times: np.ndarray) -> np.ndarray:
    """Features float32 [T, D] of the sound around ``times`` [T], rising; sample 0 is heard at ``start`` (seconds)."""
    size = round(encoder.seconds * RATE)
    grid = times[0] + HOP * np.arange(int((times[-1] - times[0]) / HOP) + 2)  # [G]
    firsts = np.round((grid - start) * RATE).astype(np.int64) - size // 2
    found = np.zeros((len(grid), encoder.columns), np.float32)
    for begin in range(0, len(grid), CHUNK):
        stretches = np.stack([_stretch(samples, first, size) for first in firsts[begin : begin + CHUNK]])
        heard = np.sqrt(np.mean(stretches**2, axis=1)) > SILENT
        if heard.any():
            found[begin : begin + CHUNK][heard] = encoder.features(stretches[heard])
    place = (times - times[0]) / HOP
    before = place.astype(np.int64)
    share = (place - before)[:, None].astype(np.float32)
    result: np.ndarray = found[before] * (1 - share)
    result += found[before + 1] * share
    return result


def _stretch(samples: np.ndarray, first: int, size: int) -> np.ndarray:
    """``size`` samples from ``first`` on; zeros outside."""
    stretch = np.zeros(size, np.float32)
    low, high = max(first, 0), min(first + size, len(samples))
    if low < high:
        stretch[low - first : high - first] = samples[low:high]
    return stretch
