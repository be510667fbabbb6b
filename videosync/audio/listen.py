"""What ``sync`` reads of a file's sound: as much as can be decoded, as one channel, and what is wrong with it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from videosync.audio.decode import Lost, Opening, as_audio_error, opening, pieces
from videosync.audio.mix import Tally, mixed
from videosync.audio.resample import resampled
from videosync.video.index import file_version

RATE = 16_000  # samples/s


@dataclass(frozen=True, eq=False)
class SoundOfFile:
    """The sound of one file, n samples of one channel at 16 kHz."""

    path: str  # absolute
    samples: np.ndarray  # float32 [n]; zeros where there is no sound, or where it is damaged
    start: float  # seconds of the first sample on the file's clock: 0 is its first picture, or without one its first sample
    has_picture: bool  # whether it has pictures that can be read; a cover picture is none
    notes: tuple[str, ...] = ()  # clauses on what is wrong with it: "0.98 s of its sound at 4.03 s …"

    @property
    def seconds(self) -> float:
        return len(self.samples) / RATE


def sync_sound(path: str | os.PathLike[str]) -> SoundOfFile:
    """All the sound of a file, in step with its pictures, in one pass and no more memory than the result.

    Raises AudioError: no such file, nothing that can be decoded; NoSoundError: no sound track.
    """
    with as_audio_error():
        version = file_version(path)
        at = opening(*version, whatever=True)
        lost: list[Lost] = []
        tally = Tally()
        first = round(at.start * RATE)
        samples = resampled(
            mixed(pieces(version[0], at, at.start, None, lost), at.rate, tally), at.rate, RATE, first, None
        )
    return SoundOfFile(version[0], samples, first / RATE, at.pictures is None, _notes(at, lost, tally))


def _notes(at: Opening, lost: Sequence[Lost], tally: Tally) -> tuple[str, ...]:
    return tuple(one.why for one in lost)
