"""An answer of ``sync`` as an editor sees it: recordings one above the other, on a timeline of whole frames.

Zero is where the earliest recording begins. A clip can only begin with a frame of the timeline: what is left of its
start, half a frame at most, is kept beside it (``Source.remainder``). Times are the answer's: nothing is decoded.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

from videosync.edit.source import SoundTrack, read_header
from videosync.errors import ConfigError, VideoError
from videosync.video.recorded import Recorded

SCHEMA = 2  # of the answers that are read
STANDARD = tuple(  # frames/s that editors know
    [Fraction(whole * 1000, 1001) for whole in (24, 30, 60, 120, 240)]
    + [Fraction(whole) for whole in (24, 25, 30, 48, 50, 60, 100, 120, 200, 240)]
)
NEAR = 3e-4  # rates that differ by less, relatively, are one: a third of what 30 and 29.97 differ by
WHOLE = 0.01  # frames: durations are rounded
SOUND_ONLY = Fraction(25)  # frames/s of a timeline without pictures
USUAL = (1920, 1080)  # pixels, of a sequence of files that are absent


@dataclass(frozen=True)
class Source:
    """One recording on the timeline."""

    path: str  # as the answer has it
    name: str  # of its file, or as much of its path as tells it from the others
    start: float  # seconds on the timeline, 0 or more
    duration: float  # seconds
    rate: Fraction  # frames/s of its clock: its pictures', or the timeline's where it has none
    size: tuple[int, int] | None  # (width, height), pixels; None: no pictures
    sounds: tuple[SoundTrack, ...]
    timecode: int  # frames since midnight that its first picture is labelled with; 0: it has none
    drop: bool  # whether that is drop-frame timecode
    absent: bool  # the file was not there to be read
    note: str  # one line on where it comes from
    recording: str = ""  # path of the first of several chapters, of which it is one

    @property
    def frames(self) -> int:
        """How many pictures it has (of sound only: how many would fit)."""
        return max(1, round(self.duration * self.rate))

    @property
    def channels(self) -> int:
        """Of all its sound tracks."""
        return sum(track.channels for track in self.sounds)


@dataclass(frozen=True)
class Sequence:
    """The timeline."""

    name: str
    rate: Fraction  # frames/s
    sources: tuple[Source, ...]

    def first(self, source: Source) -> int:
        """The frame of the timeline at which a recording begins."""
        return round(source.start * self.rate)

    def length(self, source: Source) -> int:
        """Whole frames of the timeline that it lasts, up to the next chapter at most."""
        track = next(track for track in self.tracks if source in track)
        after = [self.first(later) for later in track[track.index(source) + 1 :]]
        own = math.floor(source.duration * self.rate + WHOLE)
        return max(1, min([own, *(first - self.first(source) for first in after)]))

    @cached_property
    def tracks(self) -> tuple[tuple[Source, ...], ...]:
        """One for each recording, with its chapters in order."""
        found: dict[str, list[Source]] = {}
        for source in self.sources:
            found.setdefault(source.recording or source.path, []).append(source)
        return tuple(tuple(sorted(track, key=lambda source: source.start)) for track in found.values())

    def gaps(self, track: Iterable[Source]) -> Iterator[tuple[int, Source]]:
        """The recordings of a track, and how many frames of the timeline are empty before each of them."""
        end = 0
        for source in track:
            yield self.first(source) - end, source
            end = self.first(source) + self.length(source)

    def number(self, source: Source) -> int:
        """Which of all sources it is, from 1 on."""
        return self.sources.index(source) + 1

    def remainder(self, source: Source) -> float:
        """Seconds by which it really begins later than that frame: half a frame at most, to either side."""
        return source.start - float(self.first(source) / self.rate)

    @property
    def frames(self) -> int:
        """Frames of the timeline from the first beginning to the last end."""
        return max(self.first(source) + self.length(source) for source in self.sources)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the largest picture, pixels."""
        return max((source.size for source in self.sources if source.size), key=math.prod, default=USUAL)


def sequence_of(answer: Mapping[str, Any], *, rate: float | None = None, name: str = "videosync") -> Sequence:
    """The timeline of an answer.

    Args:
        answer: what ``Timeline.to_json`` returns, and ``--json`` writes.
        rate: frames/s of the timeline (default: the most frequent of the recordings', of equally frequent ones the
            highest; what no editor knows, and what varies, goes to the nearest rate that editors know).

    Raises:
        VideoError: it is no such answer, or places fewer than two files.
        ConfigError: a rate that editors do not know.
    """
    placed = placed_files(answer)
    if len(placed) < 2:
        raise VideoError("fewer than two files are placed, so there is no timeline to write; see the reasons above")
    rates = [standard_rate(file["fps"]) for file in placed if file["fps"]]
    if rate is None:
        counts = Counter(rates)
        chosen = max(counts, key=lambda one: (counts[one], one), default=SOUND_ONLY)
    else:
        chosen = standard_rate(rate)
        if not is_standard(rate):
            known = ", ".join(f"{float(one):.5g}" for one in sorted(STANDARD))
            raise ConfigError(f"a timeline of {rate:g} frames/s is none that editors know; choose one of {known}")
    zero = min(file["start_seconds"] for file in placed)
    names = unique_names([file["path"] for file in placed])
    sources = tuple(_source(file, short, zero, chosen) for file, short in zip(placed, names))
    return Sequence(name, chosen, sources)


def standard_rate(fps: float) -> Fraction:
    """The nearest rate that editors know, frames/s."""
    return min(STANDARD, key=lambda rate: (abs(math.log(float(rate) / fps)), rate))


def is_standard(fps: float) -> bool:
    """Whether editors know the rate."""
    return math.isclose(float(standard_rate(fps)), fps, rel_tol=NEAR)


def unique_names(paths: Iterable[str]) -> tuple[str, ...]:
    """The last part of each path, or as many parts as tell it from the others."""
    split = [os.path.normpath(path).replace("\\", "/").split("/") for path in paths]
    names = []
    for parts in split:
        others = [other for other in split if other is not parts]
        count = 1
        while count < len(parts) and any(other[-count:] == parts[-count:] for other in others):
            count += 1
        names.append("/".join(parts[-count:]))
    return tuple(names)


def _source(file: Mapping[str, Any], name: str, zero: float, timeline: Fraction) -> Source:
    header = read_header(file["path"])
    rate = standard_rate(file["fps"]) if file["fps"] else timeline
    recorded = Recorded(timecode=file["timecode"])
    labelled = recorded.timecode_seconds(float(rate))
    size = None if not file["fps"] else USUAL if header is None else header.size or USUAL
    note = f"starts at {file['start_seconds']:.6f} s; confidence {file['confidence']:.3f}"
    apart = (file["duration_seconds"] or 0.0) * (pace(file) - 1)
    if abs(apart) >= 0.5 / rate:
        note += f"; its clock drifts, and it is not stretched: {apart:+.3f} s at its end"
    return Source(
        file["path"], name, file["start_seconds"] - zero, file["duration_seconds"] or 0.0,
        rate, size, header.sounds if header else (), round((labelled or 0.0) * rate), ";" in (file["timecode"] or ""),
        header is None, note, (file.get("chapter") or {}).get("recording", ""),
    )  # fmt: skip


def placed_files(answer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What an answer says of the files that it places. Raises VideoError: this is no answer of ``sync``."""
    try:
        if answer["schema"] != SCHEMA:
            raise VideoError(f"its schema is {answer['schema']!r}, and {SCHEMA} is read; run videosync sync again")
        files = [file for file in answer["files"] if file["placed"]]
        for file in files:
            needed, others = (
                [file["start_seconds"], file["confidence"]],
                [file["fps"], file["duration_seconds"], file.get("drift_ppm")],
            )
            finite = all(map(_is_number, [*needed, *(one for one in others if one is not None)]))
            texts = isinstance(file["path"], str) and isinstance(file["timecode"] or "", str)
            if not (finite and texts and (file["fps"] is None or file["fps"] > 0)):
                raise TypeError
    except (KeyError, TypeError) as error:
        raise VideoError("this is no answer of videosync sync; name a file that its --json wrote") from error
    return files


def recordings(files: Iterable[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """Files by recording: the chapters of one together, in their order; any other file alone."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for file in files:
        found.setdefault((file.get("chapter") or {}).get("recording", file["path"]), []).append(file)
    return [sorted(group, key=lambda file: float(file["start_seconds"])) for group in found.values()]


def pace(file: Mapping[str, Any]) -> float:
    """Seconds of the timeline in one of the file's own."""
    return 1 + 1e-6 * (file.get("drift_ppm") or 0.0)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
