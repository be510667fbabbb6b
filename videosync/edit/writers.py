"""What an answer can be written as, by name. Adding a format is one file and one line in ``PROJECTS``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from videosync.edit.addresses import KINDS
from videosync.edit.curves import Curve
from videosync.edit.edl import edl
from videosync.edit.fcpxml import fcpxml
from videosync.edit.frames import frame_table, long_csv, wide_csv
from videosync.edit.manifest import add_to_manifest
from videosync.edit.mlt import mlt
from videosync.edit.otio import otio
from videosync.edit.premiere import premiere
from videosync.edit.report import write_report
from videosync.edit.sequence import Sequence as Timeline
from videosync.edit.sequence import sequence_of
from videosync.edit.trim import Progress, trim
from videosync.errors import require_known
from videosync.files import require_free, write_text

Text = Callable[[Timeline, Path, str], str]  # (timeline, where it will be, of ``KINDS``) → what it holds


PROJECTS: dict[str, Text] = {"premiere": premiere, "fcpxml": fcpxml, "otio": otio, "mlt": mlt}
LISTS = "edl"  # a folder: an edit list for each camera
KINDS_OF_OUTPUT = ("trim", *PROJECTS, LISTS, "frames-csv", "manifest", "report")


def write_answer(
    answer: Mapping[str, Any],
    kind: str,
    path: Path,
    *,
    rate: float | None = None,
    paths: str = "absolute",
    keep_names: bool = False,
    fast: bool = False,
    correct_drift: bool = False,
    force: bool = False,
    progress: Progress | None = None,
    curves: Sequence[Curve] = (),
) -> list[Path]:
    """Write an answer in one of all ways.

    Args:
        answer: what ``Timeline.to_json`` returns. kind: of ``KINDS_OF_OUTPUT``. path: a folder for "trim", "edl" and
            "manifest", else a file.
        rate: frames/s of a project, ticks/s of "frames-csv". paths: of projects, "absolute" or "relative".
        keep_names, fast, correct_drift: of "trim". progress: of "trim" and "report". curves: of "report". force:
            replace files that are there.

    Returns:
        The files that were written.

    Raises: as of ``trim``, ``write_project``, ``write_frames``, ``add_to_manifest``, ``write_report``.
    """
    require_known("output", kind, KINDS_OF_OUTPUT)
    if kind == "trim":
        return trim(
            answer, path, keep_names=keep_names, fast=fast, correct_drift=correct_drift, force=force, progress=progress
        )
    if kind == "report":
        return write_report(answer, path, curves=curves, force=force, progress=progress)
    if kind == "manifest":
        return [add_to_manifest(answer, path)]
    if kind == "frames-csv":
        return write_frames(answer, path, rate=rate, force=force)
    return write_project(answer, kind, path, rate=rate, paths=paths, force=force)


def write_project(
    answer: Mapping[str, Any],
    kind: str,
    path: Path,
    *,
    rate: float | None = None,
    paths: str = "absolute",
    force: bool = False,
) -> list[Path]:
    """Write an answer for an editor; nothing is decoded.

    Args:
        answer: what ``Timeline.to_json`` returns. kind: of ``PROJECTS``, or "edl", for which ``path`` is a folder.
        rate: frames/s of the timeline, as of ``sequence_of``. paths: of ``KINDS``. force: replace what is there.

    Returns:
        The files that were written.

    Raises:
        VideoError: as of ``sequence_of``. ConfigError: an unknown kind or rate, or an EDL of more than 60 frames/s.
        VideoWriteError: a file is there already, or cannot be written.
    """
    require_known("project", kind, [*PROJECTS, LISTS])
    require_known("paths", paths, KINDS)
    sequence = sequence_of(answer, rate=rate, name=path.stem if kind != LISTS else path.name or "videosync")
    if kind == LISTS:
        texts = {path / f"{source.name.replace('/', '_')}.edl": edl(sequence, source) for source in sequence.sources}
    else:
        texts = {path: PROJECTS[kind](sequence, path, paths)}
    _write(texts, force=force)
    return list(texts)


def write_frames(
    answer: Mapping[str, Any], path: Path, *, rate: float | None = None, force: bool = False
) -> list[Path]:
    """Write the frame of each camera at each tick: ``path``, a row for each camera, and ``…_wide.csv``, a row a tick.

    Raises: as of ``frame_table``; VideoWriteError: a file is there already, or cannot be written.
    """
    table = frame_table(answer, rate)
    texts = {path: long_csv(table), path.with_name(f"{path.stem}_wide{path.suffix}"): wide_csv(table)}
    _write(texts, force=force)
    return list(texts)


def _write(texts: Mapping[Path, str], *, force: bool) -> None:
    require_free(texts, force=force)
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, text)
