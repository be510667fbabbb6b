"""What to know of a file, placed or not: cut off, time stamps, sound that is damaged, pictures that are of no use."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from videosync.timeline.clips import FileWarning
from videosync.timeline.own_times import said_of_start
from videosync.timeline.sounds import SILENT
from videosync.video.recorded import UNKNOWN

if TYPE_CHECKING:
    from videosync.timeline.evidence import Evidence

NO_VIDEO = "no video stream"  # in what is said of a file without pictures
WHOLE = ("cut_off", "frames_lost", "time_stamps")  # codes of sentences that name the file
NOTED = ("start", "sound", "sound_unused", "pictures_unused")  # of clauses; the note of a file says both


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
    """The note of a file: what was found of it in one line. Sentences of ``WHOLE`` say its name already."""
    whole = [warning.text for warning in warnings if warning.code in WHOLE]
    clauses = [warning.text for warning in warnings if warning.code in NOTED]
    return "; ".join([*whole, *([f"{path}: {'; '.join(clauses)}"] if clauses else [])]) or None


def _clause(error: str, path: str) -> str:
    """What an error says of a file, without its name."""
    return error.removeprefix(f"{os.path.abspath(path)}: ").rstrip(".")
