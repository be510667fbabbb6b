"""What ``sync`` reads of a file's sound: as much as can be decoded, as one channel, and what is wrong with it."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from videosync.audio.decode import NO_PICTURES, Lost, Opening, as_audio_error, opening, pieces
from videosync.audio.mix import DEAD, SILENT, Tally, mixed
from videosync.audio.resample import resampled
from videosync.video.index import file_version, scan_video

RATE = 16_000  # samples/s
NEAR = 0.1  # seconds between damaged packets that count as one place
CUT_OFF = 0.5  # seconds that may be missing from what a header lists
CLIPPED = 0.01  # share of the samples
CONSTANT = 0.01  # of full scale
UNLIKE = 1.25  # factor between the lengths of sound and pictures, each one second longer


@dataclass(frozen=True, eq=False)
class SoundOfFile:
    """The sound of one file, n samples of one channel at 16 kHz."""

    path: str  # absolute
    samples: np.ndarray  # float32 [n]; zeros where there is no sound, or where it is damaged
    start: float  # seconds of the first sample; 0 is the first picture, or, without pictures, the first sample
    has_picture: bool  # whether it has pictures that can be read; a cover picture is none
    notes: tuple[str, ...] = ()  # clauses on what is wrong with it: "0.98 s of its sound at 4.03 s …"

    @property
    def seconds(self) -> float:
        return len(self.samples) / RATE


def sync_sound(path: str | os.PathLike[str]) -> SoundOfFile:
    """All the sound of a file, in step with its pictures, in one pass and with little more memory than the result.

    What is damaged is zeros, and named in the notes. Of several channels all that are heard count alike, as
    ``mix.channel_weights`` says; of several sound tracks the file's main one is read.

    Raises AudioError: no such file, nothing that can be decoded; NoSoundError: no sound track.
    """
    with as_audio_error():
        version = file_version(path)
        at = opening(*version, whatever=True)
        lost: list[Lost] = []
        tally = Tally()
        first = round(at.start * RATE)
        one = mixed(pieces(version[0], at, at.start, None, lost), at.rate, tally)
        samples = resampled(one, at.rate, RATE, first, None)
        pictures = _pictures_last(version[0]) if at.pictures is None else None
    notes = _notes(at, lost, tally, (first + len(samples)) / RATE, pictures)
    return SoundOfFile(version[0], samples, first / RATE, at.pictures is None, notes)


def _pictures_last(path: str) -> float:
    """Seconds."""
    scan = scan_video(path)
    stamps = scan.packets.stamps
    return (max(stamps) - min(stamps)) * float(scan.time_base) + 1 / scan.fps if stamps else scan.about / scan.fps


def _notes(at: Opening, lost: Sequence[Lost], tally: Tally, stop: float, pictures: float | None) -> tuple[str, ...]:
    """``stop``, ``pictures``: where the sound ends, and how long the pictures last (None: there are none); seconds."""
    notes = []
    if at.pictures not in (None, NO_PICTURES):
        notes.append(f"its pictures cannot be read, so that time 0 is where its sound begins ({at.pictures})")
    notes += _damage(at, lost, stop)
    notes += _channels(tally)
    seconds = stop - max(at.start, 0.0)
    if pictures is not None and not 1 / UNLIKE < (seconds + 1) / (pictures + 1) < UNLIKE:
        notes.append(f"its sound lasts {seconds:.2f} s, its pictures {pictures:.2f} s")
    return tuple(notes)


def _damage(at: Opening, lost: Sequence[Lost], stop: float) -> list[str]:
    notes = []
    stretches: list[list[float]] = []  # seconds from time 0: begin and end
    for one in sorted(lost, key=lambda one: one.time):
        begin = one.time - at.zero
        if math.isinf(one.seconds):
            notes.append(f"its sound cannot be read further than {begin:.2f} s ({one.why})")
        elif stretches and begin <= stretches[-1][1] + NEAR:
            stretches[-1][1] = max(stretches[-1][1], begin + one.seconds)
        else:
            stretches.append([begin, begin + one.seconds])
    promised = stop if at.promised is None else at.promised - at.zero
    last = bool(stretches) and stretches[-1][1] > stop and stretches[-1][1] - stretches[-1][0] < NEAR
    if last:
        stretches.pop()
    early = at.counted and bool(stretches)
    cut_off = not notes and not early and promised > stop + CUT_OFF
    if last and not cut_off:
        notes.append(f"the last packet of its sound, at {stop:.2f} s, is incomplete: it may be cut off")
    if stretches:
        whole = sum(end - begin for begin, end in stretches)
        places = f" ({len(stretches)} places)" if len(stretches) > 1 else ""
        said = f"{whole:.2f} s of its sound are damaged and left out, from {stretches[0][0]:.2f} s on{places}"
        if early and (at.promised is None or promised > stop + NEAR):
            most = "somewhat" if at.promised is None else f"up to {promised - stop:.2f} s"
            said += f"; the file has no time stamps, so that what follows may be {most} too early"
        notes.insert(0, said)
    if cut_off:
        more = f"sound up to {promised:.2f} s" if math.isfinite(promised) else "more"
        notes.append(f"its sound is cut off after {stop:.2f} s, though its header lists {more}")
    return notes


def _channels(tally: Tally) -> list[str]:
    """What is wrong with the level of the channels."""
    if not tally.count:
        return []
    level = np.sqrt(tally.energy / tally.count)
    heard = level > max(SILENT, DEAD * level.max())
    mean = np.abs(tally.total).max() / tally.count
    notes = []
    if not heard.any():
        notes.append("its sound is silent")
    elif len(level) == 2 and not heard.all():
        dead = "left" if heard[1] else "right"
        notes.append(f"nothing is to be heard in its {dead} channel, and the other is used alone")
    if tally.opposite > tally.blocks / 2:
        notes.append("its channels are opposite in phase, and one is turned over")
    clipped = (tally.full / tally.count).max()
    if clipped > CLIPPED:
        notes.append(f"its sound is clipped: {100 * clipped:.1f} % of it lies at full scale")
    if mean > CONSTANT:
        notes.append(f"its sound is shifted by a constant {100 * mean:.1f} % of full scale, which is taken off")
    return notes
