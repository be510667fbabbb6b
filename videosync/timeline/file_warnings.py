"""What to know of a file, placed or not: cut off, time stamps, sound that is damaged, pictures that are of no use."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from videosync.timeline.clips import FileWarning
from videosync.timeline.own_times import said_of_start
from videosync.timeline.result import short_names
from videosync.timeline.sounds import SILENT, copies
from videosync.timeline.useful import Span
from videosync.video.recorded import UNKNOWN

if TYPE_CHECKING:
    from videosync.timeline.evidence import Evidence

NO_VIDEO = "no video stream"  # in what is said of a file without pictures
WHOLE = ("cut_off", "frames_lost", "time_stamps")  # codes of sentences that name the file
# of clauses; the note of a file says both
NOTED = ("start", "sound", "sound_unused", "pictures_unused", "same_pictures", "same_graphic", "copy")
MOST_SPANS = MOST_NAMES = 4  # that are named one by one


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
            other, both = evidence.paths[pair[pair[0] == number]], copies(not evidence.infos.keys().isdisjoint(pair))
            found.append(FileWarning("same_recording", f"its sound and that of {other} are {both}"))
    if mute is not None and mute != SILENT and evidence.looks and info is not None:
        found.append(FileWarning("sound_unused", f"{clause(mute, path)}; its pictures alone were used"))
    known = NO_VIDEO in unseen or any("its pictures cannot be read" in note for note in heard)
    if evidence.looks and placed is not None and not known:
        said = f"its pictures were not compared ({clause(unseen, path)}); {placed}"
        found.append(FileWarning("pictures_unused", said))
    found += _left_out(evidence, number)
    if number in evidence.moving:
        found.append(FileWarning("moving_camera", "its camera moves; its own motion was removed before comparing"))
    return found


def _left_out(evidence: Evidence, number: int) -> list[FileWarning]:
    """Pictures that are no evidence of an event, and copies: each said once, of all files that it concerns."""
    names = short_names(list(evidence.paths))
    plain, same = tuple[Span, ...](), dict[tuple[Span, ...], list[str]]()
    graphic, copies = list[str](), list[str]()
    for pair, compared in evidence.compared.items():
        if number not in pair:
            continue
        place = pair.index(number)
        other, left_out = names[evidence.paths[pair[1 - place]]], compared.left_out[place]
        plain = plain or left_out.plain
        if left_out.same:
            same.setdefault(left_out.same, []).append(other)
        graphic += [other] if compared.graphics else []
        copies += [other] if compared.copy else []
    said = [("one_colour", f"black, or of one colour, {_when(plain)}: nothing to compare there")] if plain else []
    for shown, others in same.items():
        text = f"the same pictures as in {_listed(others)} are shown {_when(shown)}; they were left out there"
        said.append(("same_pictures", text))
    if graphic:
        text = f"the same graphic moves in {_listed(graphic)} (a clock, a lamp, a caption); alone it is no evidence"
        said.append(("same_graphic", text))
    if copies:
        said.append(("copy", f"it shows the same pictures as {_listed(copies)}: a copy, or the same camera"))
    return [FileWarning(code, text) for code, text in said]


def _listed(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMES
    return _in_words([*names[:MOST_NAMES], *([f"{more} more"] if more > 0 else [])])


def _when(spans: Sequence[Span]) -> str:
    """At most so many of them that a line can hold."""
    said = [f"from {first:.2f} to {stop:.2f} s" for first, stop in spans[:MOST_SPANS]]
    return _in_words([*said, *(["later"] if len(spans) > MOST_SPANS else [])])


def _in_words(said: Sequence[str]) -> str:
    """a, b and c."""
    return " and ".join([", ".join(said[:-1]), said[-1]] if len(said) > 1 else said)


def note_of(warnings: Sequence[FileWarning], path: str) -> str | None:
    """The note of a file: what was found of it in one line. Sentences of ``WHOLE`` say its name already."""
    whole = [warning.text for warning in warnings if warning.code in WHOLE]
    clauses = [warning.text for warning in warnings if warning.code in NOTED]
    return "; ".join([*whole, *([f"{path}: {'; '.join(clauses)}"] if clauses else [])]) or None


def clause(error: str, path: str) -> str:
    """What an error says of a file, without its name."""
    return error.removeprefix(f"{os.path.abspath(path)}: ").rstrip(".")
