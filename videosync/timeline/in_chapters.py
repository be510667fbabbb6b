"""A timeline of recordings as one of files, where recordings have chapters."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace

from videosync.errors import VideoError
from videosync.timeline.chapters import Chapter, ChapterOf
from videosync.timeline.clips import FileWarning
from videosync.timeline.networks import PathLike
from videosync.timeline.result import PlacedFile, Timeline, short_names


def with_chapters(timeline: Timeline, given: Sequence[str], chapters: Mapping[int, Sequence[Chapter]]) -> Timeline:
    """Each chapter as a file of its own, in the order given. Pairs stay those of recordings.

    Args:
        given: all files. chapters: recording → its files.
    """
    if not chapters:
        return timeline
    names = short_names(list(given))
    found: dict[str, PlacedFile] = {}
    for number, file in enumerate(timeline.files):
        parts = chapters.get(number, ())
        found |= {part.path: _file(file, parts, place, names) for place, part in enumerate(parts)} or {file.path: file}
    return replace(timeline, files=tuple(found[path] for path in given))


def _file(file: PlacedFile, parts: Sequence[Chapter], place: int, names: Mapping[str, str]) -> PlacedFile:
    part = parts[place]
    away = part.begin * file.pace
    whole = ", ".join(names[one.path] for one in parts)
    said = f"chapter {place + 1} of {len(parts)} of one recording ({whole})"
    lasts = part.info.duration
    own = tuple(warning for warning in file.warnings if warning in part.info.warnings or place == 0)
    start, guess = file.start_seconds, file.best_guess_seconds
    cut = None if file.cut_seconds is None else min(max(file.cut_seconds - part.begin, 0.0), lasts)
    clock = file.clock
    if clock is not None:
        breaks = [each.later(-part.begin, 0.0) for each in clock.breaks if 0 <= each.before[0] - part.begin < lasts]
        clock = replace(clock, breaks=tuple(breaks))
    return replace(
        file,
        path=part.path,
        start_seconds=None if start is None else start + away,
        interval_seconds=None if (ends := file.interval_seconds) is None else (ends[0] + away, ends[1] + away),
        note=file.note if place == 0 else None,
        duration_seconds=lasts,
        recorded=part.recorded,
        best_guess_seconds=None if guess is None else guess + away,
        rivals_seconds=tuple(rival + away for rival in file.rivals_seconds),
        cut_seconds=cut,
        warnings=(*own, FileWarning("chapter", said)),
        times=part.info.times,
        chapter=ChapterOf(parts[0].path, place + 1, len(parts), part.begin),
        clock=clock,
    )


def check_names(names: Sequence[PathLike], chapters: Mapping[int, Sequence[Chapter]]) -> None:
    """Raises VideoError: one of the names is of a chapter that is not the first, which has no start of its own."""
    for name in names:
        for parts in chapters.values():
            for number, part in enumerate(parts[1:], 2):
                if os.fspath(name) in (part.path, os.path.basename(part.path)):
                    raise VideoError(
                        f"{os.fspath(name)}: is chapter {number} of the recording that begins with {parts[0].path}; "
                        "name that file, or turn --chapters off."
                    )
