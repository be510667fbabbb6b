"""What to know of a file, placed or not: cut off, time stamps, sound that is damaged, pictures that are of no use."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from videosync.timeline.clips import FileWarning
from videosync.timeline.own_times import said_of_start
from videosync.timeline.result import short_names
from videosync.timeline.sounds import COPIES, SILENT
from videosync.timeline.useful import Span
from videosync.video.recorded import UNKNOWN

if TYPE_CHECKING:
    from videosync.timeline.evidence import Evidence

NO_VIDEO = "no video stream"  # in what is said of a file without pictures
WHOLE = ("cut_off", "frames_lost", "time_stamps")  # codes of sentences that name the file
NOTED = (
    "start",
    "sound",
    "sound_unused",
    "pictures_unused",
    "same_pictures",
    "same_graphic",
    "copy",
)  # of clauses; the note of a file says both

MOST_SPANS = 4  # that are named one by one


def file_warnings(evidence: Evidence, number: int, placed: str | None) -> list[FileWarning]:
    """What was found while the file was read and compared; ``placed``: what places it if its pictures do not."""
    path = evidence.paths[number]
    info, mute = evidence.infos.get(number), evidence.sounds.problems.get(number)
    unseen = evidence.problems.get(number, NO_VIDEO)
    found = [] if info is None else list(info.warnings)
    if info is not None and (late := said_of_start(evidence.recorded.get(number, UNKNOWN))) is not None:
        found.append(FileWarning("start", late))
    heard = evidence.sounds.notes.get(number, ())
    found += [FileWarning("sound", note) for note in heard]
    for pair, match in evidence.sounds.matches.items():
        if number in pair and match.same_recording:
            other = evidence.paths[pair[pair[0] == number]]
            found.append(FileWarning("same_recording", f"its sound and that of {other} are {COPIES}"))
    if mute is not None and mute != SILENT and evidence.looks and info is not None:
        found.append(FileWarning("sound_unused", f"{_clause(mute, path)}; its pictures alone were used"))
    known = NO_VIDEO in unseen or any("its pictures cannot be read" in note for note in heard)
    if evidence.looks and placed is not None and not known:
        said = f"its pictures were not compared ({_clause(unseen, path)}); {placed}"
        found.append(FileWarning("pictures_unused", said))
    found += _left_out(evidence, number)
    if number in evidence.moving:
        found.append(FileWarning("moving_camera", "its camera moves; its own motion was removed before comparing"))
    return found


def _left_out(evidence: Evidence, number: int) -> list[FileWarning]:
    """Pictures that are no evidence of an event, and what is a copy."""
    names = short_names(list(evidence.paths))
    plain, found = tuple[Span, ...](), []
    for pair, compared in evidence.compared.items():
        if number not in pair:
            continue
        place = pair.index(number)
        other = names[evidence.paths[pair[1 - place]]]
        left_out = compared.left_out[place]
        plain = plain or left_out.plain
        if left_out.same:
            said = f"the same pictures as in {other} are shown {_when(left_out.same)}; they were left out there"
            found.append(FileWarning("same_pictures", said))
        if compared.graphics:
            said = f"the same graphic moves in {other} (a clock, a lamp, a caption); alone it is no evidence"
            found.append(FileWarning("same_graphic", said))
        if compared.copy:
            said = f"it shows the same pictures as {other}: a copy of it, or the same camera"
            found.append(FileWarning("copy", said))
    if plain:
        found.insert(0, FileWarning("one_colour", f"black, or of one colour, {_when(plain)}: nothing to compare there"))
    return found


def _when(spans: Sequence[Span]) -> str:
    """At most so many of them that a line can hold."""
    said = [f"from {first:.2f} to {stop:.2f} s" for first, stop in spans[:MOST_SPANS]]
    return " and ".join([*said, *(["later"] if len(spans) > MOST_SPANS else [])])


def note_of(warnings: Sequence[FileWarning], path: str) -> str | None:
    """The note of a file: what was found of it in one line. Sentences of ``WHOLE`` say its name already."""
    whole = [warning.text for warning in warnings if warning.code in WHOLE]
    clauses = [warning.text for warning in warnings if warning.code in NOTED]
    return "; ".join([*whole, *([f"{path}: {'; '.join(clauses)}"] if clauses else [])]) or None


def _clause(error: str, path: str) -> str:
    """What an error says of a file, without its name."""
    return error.removeprefix(f"{os.path.abspath(path)}: ").rstrip(".")
