"""What to know of a file, placed or not: cut off, sound that is damaged, pictures that are of no use."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from videosync.timeline.sounds import SILENT

if TYPE_CHECKING:
    from videosync.timeline.evidence import Evidence

NO_VIDEO = "no video stream"  # in what is said of a file without pictures
NOTED = ("cut_off", "sound", "sound_unused", "pictures_unused")  # codes of what the note of a file says


@dataclass(frozen=True)
class FileWarning:
    """One thing to know of a file: a word for programs, a clause for people."""

    code: str
    text: str


def file_warnings(evidence: Evidence, number: int, placed: str | None) -> list[FileWarning]:
    """What was found while the file was read and compared; ``placed``: what places it if its pictures do not."""
    path = evidence.paths[number]
    info, mute = evidence.infos.get(number), evidence.sounds.problems.get(number)
    unseen = evidence.problems.get(number, NO_VIDEO)
    found = [] if info is None or info.note is None else [FileWarning("cut_off", info.note)]
    heard = evidence.sounds.notes.get(number, ())
    found += [FileWarning("sound", note) for note in heard]
    if mute is not None and mute != SILENT and evidence.looks and info is not None:
        found.append(FileWarning("sound_unused", f"{_clause(mute, path)}; its pictures alone were used"))
    known = NO_VIDEO in unseen or any("its pictures cannot be read" in note for note in heard)
    if evidence.looks and placed is not None and not known:
        said = f"its pictures were not compared ({_clause(unseen, path)}); {placed}"
        found.append(FileWarning("pictures_unused", said))
    if number in evidence.moving:
        found.append(FileWarning("moving_camera", "its camera moves; its own motion was removed before comparing"))
    return found


def note_of(warnings: Sequence[FileWarning], path: str) -> str | None:
    """The note of a file: what was found of it in one line. Where it was cut off its name is already said."""
    whole = [warning.text for warning in warnings if warning.code == "cut_off"]
    clauses = [warning.text for warning in warnings if warning.code in NOTED and warning.code != "cut_off"]
    return "; ".join([*whole, *([f"{path}: {'; '.join(clauses)}"] if clauses else [])]) or None


def _clause(error: str, path: str) -> str:
    """What an error says of a file, without its name."""
    return error.removeprefix(f"{os.path.abspath(path)}: ").rstrip(".")
