"""What an answer can be written as, by name. Adding a format is one file and one line in ``PROJECTS``."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from videosync.edit.addresses import KINDS, printable
from videosync.edit.curves import Curve
from videosync.edit.edl import edl
from videosync.edit.fcpxml import VERSION, VERSIONS, fcpxml
from videosync.edit.frames import frame_table, long_csv, wide_csv
from videosync.edit.manifest import add_to_manifest
from videosync.edit.mlt import mlt
from videosync.edit.otio import otio
from videosync.edit.premiere import premiere
from videosync.edit.preview import write_preview
from videosync.edit.report import write_report
from videosync.edit.sequence import Sequence as Timeline
from videosync.edit.sequence import sequence_of
from videosync.edit.trim import Progress, trim
from videosync.errors import ConfigError, VideoError, VideoWriteError, require_known
from videosync.files import require_free, write_text

Text = Callable[[Timeline, Path, str], str]  # (timeline, where it will be, of ``KINDS``) → what it holds


PROJECTS: dict[str, Text] = {"premiere": premiere, "fcpxml": fcpxml, "otio": otio, "mlt": mlt}
ENDINGS = {"premiere": ".xml", "fcpxml": ".fcpxml", "otio": ".otio", "mlt": ".mlt"}  # of their files
LISTS = "edl"  # a folder: an edit list for each camera
KINDS_OF_OUTPUT = ("trim", *PROJECTS, LISTS, "frames-csv", "manifest", "report", "preview")


def write_answer(
    answer: Mapping[str, Any],
    kind: str,
    path: Path,
    *,
    rate: float | None = None,
    paths: str = "absolute",
    version: str = VERSION,
    keep_names: bool = False,
    fast: bool = False,
    correct_drift: bool = False,
    force: bool = False,
    progress: Progress | None = None,
    curves: Sequence[Curve] = (),
    embed: bool | None = None,
    place: Path | None = None,
) -> list[Path]:
    """Write an answer in one of all ways.

    Args:
        answer: what ``Timeline.to_json`` returns. kind: of ``KINDS_OF_OUTPUT``. path: a folder for "trim", "edl" and
            "manifest", else a file.
        rate: frames/s of a project, ticks/s of "frames-csv". paths: of projects, "absolute" or "relative".
        version: of "fcpxml".
        keep_names, fast, correct_drift: of "trim". progress: of "trim", "report" and "preview".
        curves, embed: of "report". force: replace files that are there. place: where ``path`` will be moved to.

    Returns:
        The files that were written.

    Raises: as of ``trim``, ``write_project``, ``write_frames``, ``add_to_manifest``, ``write_report``,
        ``write_preview``; VideoWriteError: ``path`` is one of the answer's files.
    """
    require_known("output", kind, KINDS_OF_OUTPUT)
    sources = [file["path"] for file in answer.get("files") or ()]
    if path.exists() and any(os.path.exists(source) and path.samefile(source) for source in sources):
        raise VideoWriteError(f"{path}: is one of the files, and would be overwritten; name another one.")
    if kind == "trim":
        return trim(
            answer, path, keep_names=keep_names, fast=fast, correct_drift=correct_drift, force=force, progress=progress
        )
    if kind == "report":
        projects = page_projects(answer, place or path, rate=rate)
        return write_report(answer, path, curves=curves, projects=projects, embed=embed, force=force, progress=progress)
    if kind == "preview":
        return write_preview(answer, path, force=force, progress=progress)
    if kind == "manifest":
        return [add_to_manifest(answer, path)]
    if kind == "frames-csv":
        return write_frames(answer, path, rate=rate, force=force)
    return write_project(answer, kind, path, rate=rate, paths=paths, version=version, force=force, place=place)


def write_project(
    answer: Mapping[str, Any],
    kind: str,
    path: Path,
    *,
    rate: float | None = None,
    paths: str = "absolute",
    version: str = VERSION,
    force: bool = False,
    place: Path | None = None,
) -> list[Path]:
    """Write an answer for an editor; nothing is decoded.

    Args:
        answer: what ``Timeline.to_json`` returns. kind: of ``PROJECTS``, or "edl", for which ``path`` is a folder.
        rate: frames/s of the timeline, as of ``sequence_of``. paths: of ``KINDS``. version: of FCPXML, of ``VERSIONS``.
        force: replace what is there. place: where ``path`` will be moved to, from where relative paths count.

    Returns:
        The files that were written.

    Raises:
        VideoError: as of ``sequence_of``. ConfigError: an unknown kind or rate, or an EDL of more than 60 frames/s.
        VideoWriteError: a file is there already, or cannot be written.
    """
    require_known("project", kind, [*PROJECTS, LISTS])
    require_known("paths", paths, KINDS)
    require_known("version of FCPXML", version, VERSIONS)
    write = partial(fcpxml, version=version) if kind == "fcpxml" else PROJECTS.get(kind)
    sequence = sequence_of(answer, rate=rate, name=path.stem if kind != LISTS else path.name or "videosync")
    texts = edit_lists(sequence, path) if write is None else {path: write(sequence, place or path, paths)}
    _write(texts, force=force)
    return list(texts)


def edit_lists(sequence: Timeline, folder: Path) -> dict[Path, str]:
    """An edit list for each camera. Raises ConfigError: as of ``edl``."""
    return {folder / f"{source.name.replace('/', '_')}.edl": edl(sequence, source) for source in sequence.sources}


def page_projects(answer: Mapping[str, Any], path: Path, *, rate: float | None = None) -> dict[str, bytes]:
    """What a report page at ``path`` offers to save: name → content. A format that cannot hold the answer is left out.

    Files are named in full, as a browser saves to a folder of its own. Edit lists are in one archive.
    """
    try:
        sequence = sequence_of(answer, rate=rate, name=path.stem)
    except VideoError:  # fewer than two files
        return {}
    held = {
        f"{path.stem}{ENDINGS[kind]}": write(sequence, path, "absolute").encode("utf-8", "replace")
        for kind, write in PROJECTS.items()
    }
    archive = io.BytesIO()
    try:
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
            for file, text in edit_lists(sequence, Path()).items():
                packed.writestr(zipfile.ZipInfo(printable(file.name)), text.encode("utf-8", "replace"))
    except ConfigError:  # more frames a second than a list can count
        return held
    return {**held, f"{path.stem}_edl.zip": archive.getvalue()}


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
        write_text(path, text)
