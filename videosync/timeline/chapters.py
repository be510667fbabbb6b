"""Chapters: the files that a camera writes of one recording, each of which goes on where the one before ends.

Names alone are no proof, but for those of GoPro, which are given to chapters only: two takes have names in a row too.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from videosync.edit.sequence import unique_names
from videosync.edit.source import read_header
from videosync.errors import VideoError
from videosync.timeline.clips import ClipInfo
from videosync.video.index import video_index
from videosync.video.recorded import DAY, Recorded, recorded

GOPRO = re.compile(r"(G[HXL])(\d\d)(\d{4})")  # HERO6 and later: chapter, number of the recording
GOPRO_FIRST, GOPRO_LATER = re.compile(r"GOPR(\d{4})"), re.compile(r"GP(\d\d)(\d{4})")  # before
NUMBERED = re.compile(r"(.*?)(\d{3,})")  # MVI_0001, 00001
FULL = ((1.9e9, 2.16e9), (3.8e9, 4.31e9))  # bytes: of 2 GB, and of the 4 GB that FAT32 holds
SHORTEST = 2.0  # seconds: of a shorter file, stamps that go on may be chance
SEAM = 1.0  # seconds by which the stamps of two chapters lie apart, or overlap (AVCHD repeats frames)
FRAMES = 2.0  # frames by which timecodes may be off
WHOLE = 2.0  # seconds: creation times are whole ones, …
SLOW = 5.0  # … and are written late at times: of names that are proof by themselves
NEAR = 1e-3  # of a frame rate
UNSURE = ("cut_off", "time_stamps")  # warnings of files whose end, or clock, is not to be believed


T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Chapter:
    """One file of a recording."""

    path: str
    begin: float  # seconds from the recording's first picture to its own
    info: ClipInfo
    recorded: Recorded


@dataclass(frozen=True)
class ChapterOf:
    """Which part of a recording a file is."""

    recording: str  # path of its first chapter
    number: int  # 1: the first
    count: int
    begin: float  # seconds of its own clock from the recording's first picture to this file's

    def to_json(self) -> dict[str, Any]:
        begin = round(self.begin, 6)
        return {"recording": self.recording, "number": self.number, "of": self.count, "begin_seconds": begin}


@dataclass(frozen=True)
class _Name:
    series: tuple[str, ...]  # what the names of chapters have in common
    number: int
    sure: bool  # of chapters only


def _name_of(path: str) -> _Name | None:
    folder, name = os.path.split(os.path.abspath(path))
    stem, ending = os.path.splitext(name.upper())
    if found := GOPRO.fullmatch(stem):
        return _Name((folder, ending, found[1], found[3]), int(found[2]), True)
    if found := GOPRO_FIRST.fullmatch(stem):
        return _Name((folder, ending, "GOPR", found[1]), 0, True)
    if found := GOPRO_LATER.fullmatch(stem):
        return _Name((folder, ending, "GOPR", found[2]), int(found[1]), True)
    if found := NUMBERED.fullmatch(stem):
        return _Name((folder, ending, found[1], str(len(found[2]))), int(found[2]), False)
    return None


Recordings = tuple[
    tuple[str, ...], dict[int, ClipInfo], dict[int, str], dict[int, tuple[Chapter, ...]], tuple[str, ...]
]


def recordings(paths: tuple[str, ...], infos: Mapping[int, ClipInfo], problems: Mapping[int, str]) -> Recordings:
    """The files again, those of one recording as one, which has the name of its first chapter.

    Args:
        paths: of all files. infos: file → its frames, where they can be read; problems: of the others.

    Returns:
        Paths, infos and problems of recordings, their chapters where there are several, and what is to be said.

    Raises:
        VideoError: all files are chapters of one recording.
    """
    groups, notes = find_chapters(paths, infos)
    if not groups:
        return paths, dict(infos), dict(problems), {}, notes
    first = {group[0].path: group for group in groups}
    later = {chapter.path for group in groups for chapter in group[1:]}
    kept = [n for n, path in enumerate(paths) if path not in later]
    if len(kept) < 2:
        raise VideoError(f"{notes[-1]}: name files of another camera too.")
    joined = {new: first[paths[n]] for new, n in enumerate(kept) if paths[n] in first}
    found = {new: joined_info(joined[new]) if new in joined else infos[n] for new, n in enumerate(kept) if n in infos}
    wrong = {new: problems[n] for new, n in enumerate(kept) if n in problems}
    return tuple(paths[n] for n in kept), found, wrong, joined, notes


def find_chapters(
    paths: Sequence[str], infos: Mapping[int, ClipInfo]
) -> tuple[list[tuple[Chapter, ...]], tuple[str, ...]]:
    """Recordings of two and more chapters, and sentences on what was joined, and what only looks like it.

    Args:
        paths: of all files. infos: file → its frames, where they can be read.
    """
    named = {n: name for n in infos if (name := _name_of(paths[n])) is not None}
    ranked = sorted(named, key=lambda n: (named[n].series, named[n].number))
    groups: list[list[Chapter]] = []
    notes: list[str] = []
    names = dict(zip(paths, unique_names(paths)))
    for before, n in zip([None, *ranked], ranked):
        if before is not None and _follows(named[before], named[n]):
            one, other = _chapter(paths[before], infos[before]), _chapter(paths[n], infos[n])
            away, why_not = _continued(one, other, sure=named[n].sure)
            if away is not None:
                if not groups or groups[-1][-1].path != one.path:
                    groups.append([one])
                groups[-1].append(replace(other, begin=groups[-1][-1].begin + away))
            elif named[n].sure:
                both = f"{names[one.path]} and {names[other.path]}"
                notes.append(f"{both} are named like chapters of one recording, but {why_not}: they are taken for two")
    for group in groups:
        listed = [names[chapter.path] for chapter in group]
        said = f"{', '.join(listed[:-1])} and {listed[-1]}"
        notes.append(f"{said} are chapters of one recording, and are compared as one (--chapters off: as {len(group)})")
    return [tuple(group) for group in groups], tuple(notes)


def _chapter(path: str, info: ClipInfo) -> Chapter:
    return Chapter(path, 0.0, info, recorded(path))


def _follows(one: _Name, other: _Name) -> bool:
    return one.series == other.series and other.number == one.number + 1


def _continued(one: Chapter, other: Chapter, *, sure: bool) -> tuple[float | None, str]:
    """Seconds from the first picture of a file to that of the next, where it goes on there; else None, and why not.

    ``sure``: the names are given to chapters only, so that they count unless something speaks against them. Else the
    clock of the pictures has to go on, or a file that is full is followed by one whose timecode or creation time says
    so: cameras that count timecode only while they record write such timecode into separate takes too.
    """
    if not _same_format(one, other):
        return None, "their formats differ"
    lasts = one.info.duration
    if lasts > SHORTEST and one.recorded.first_frame_seconds and other.recorded.first_frame_seconds:
        away = other.recorded.first_frame_seconds - one.recorded.first_frame_seconds
        if abs(away - lasts) <= SEAM:
            return away, ""
    if any(warning.code in UNSURE for warning in one.info.warnings):
        return None, f"how long {os.path.basename(one.path)} lasted is not known"
    said = [_by_timecode(one, other), _by_creation(one, other, SLOW if sure else WHOLE)]
    if False in said:
        return (
            None,
            f"their {('timecodes', 'creation times')[said.index(False)]} say that one does not follow the other",
        )
    if sure or (True in said and _full(one.path)):
        return lasts, ""
    return None, "nothing shows that one follows the other"


def _same_format(one: Chapter, other: Chapter) -> bool:
    first, second = video_index(one.path), video_index(other.path)
    if abs(first.fps / second.fps - 1) > NEAR:
        return False
    pictures = [(index.codec, index.width, index.height, index.orientation) for index in (first, second)]
    headers = [read_header(chapter.path) for chapter in (one, other)]
    return pictures[0] == pictures[1] and headers[0] == headers[1]


def _by_timecode(one: Chapter, other: Chapter) -> bool | None:
    """Whether the timecode of a file goes on in the next; None: it does not say."""
    codes = [chapter.recorded.timecode_seconds(chapter.info.fps) for chapter in (one, other)]
    if codes[0] is None or codes[1] is None or codes[0] == codes[1]:  # that of the recording, or one never set
        return None
    away = (codes[1] - codes[0] - one.info.duration + DAY / 2) % DAY - DAY / 2
    return abs(away) <= FRAMES / one.info.fps


def _by_creation(one: Chapter, other: Chapter, late: float) -> bool | None:
    """The same of creation times: of when files begin, or when they end."""
    made = [chapter.recorded.created() for chapter in (one, other)]
    if made[0] is None or made[1] is None or made[0] == made[1]:
        return None
    away = made[1] - made[0]
    return min(abs(away - one.info.duration), abs(away - other.info.duration)) <= late


def _full(path: str) -> bool:
    """Whether a file is as large as cards, or cameras, let files become."""
    size = os.path.getsize(path)
    return any(low <= size <= high for low, high in FULL)


def joined_info(chapters: Sequence[Chapter]) -> ClipInfo:
    """The frames of a recording, as of one file that has the first chapter's name."""
    kept = [chapter.begin + chapter.info.times for chapter in chapters]
    for number in range(1, len(kept)):  # frames that a chapter repeats
        kept[number] = kept[number][kept[number] > kept[number - 1][-1] + 0.5 / chapters[0].info.fps]
    warnings = tuple(warning for chapter in chapters for warning in chapter.info.warnings)
    return replace(chapters[0].info, times=np.concatenate(kept), warnings=warnings)


def frames_of(chapters: Sequence[Chapter], seconds: np.ndarray, read: Callable[[str, np.ndarray], T]) -> list[T]:
    """What ``read`` says of the frames at rising times [K] of a recording; it is given a file and frame numbers."""
    begins = [chapter.begin for chapter in chapters]
    place = np.clip(np.searchsorted(begins, seconds, side="right") - 1, 0, None)
    found = []
    for number in np.unique(place).tolist():
        chapter = chapters[number]
        own = seconds[place == number] - chapter.begin
        found.append(read(chapter.path, np.abs(chapter.info.times[None] - own[:, None]).argmin(axis=1)))
    return found
