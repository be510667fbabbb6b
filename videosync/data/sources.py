"""Where the clips of a prepared dataset were cut from: ``sources.jsonl``, one JSON object a line, one line a clip.

::

    {"video": "run_07/cam0.mp4", "source": "run_07/raw0.avi", "first_frame": 30, "origin": 0}

Frame ``i`` of ``video`` is frame ``first_frame + i`` of ``source``, and frame 0 of ``source`` lies at ``origin`` on the
event's timeline (in the view's own frames), so the manifest must say ``start_frame = first_frame + origin`` up to one
shift for all views of an event. ``source`` is relative to the archive's folder (``data_root`` in report.json), or
absolute outside of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from videosync.errors import ManifestError
from videosync.files import parse_json, read_text, write_text

SOURCES_NAME = "sources.jsonl"


@dataclass(frozen=True)
class SourceOf:
    """Where one clip comes from."""

    video: str  # the clip, relative to the dataset folder
    source: str  # the file it was cut from
    first_frame: int  # of ``source``
    origin: int  # of the source's frame 0, on the event's timeline


def write_sources(folder: str | Path, sources: Iterable[SourceOf]) -> None:
    """Write ``folder/sources.jsonl``: complete or not at all, sorted by clip. VideoWriteError where it cannot be."""
    lines = [json.dumps(asdict(s), ensure_ascii=False) for s in sorted(sources, key=lambda s: s.video)]
    write_text(Path(folder) / SOURCES_NAME, "".join(line + "\n" for line in lines))


def read_sources(folder: str | Path) -> dict[str, SourceOf]:
    """Clip → where it comes from; empty where the folder has no ``sources.jsonl``.

    Raises:
        ManifestError: a line is malformed (file and line are named).
    """
    path = Path(folder) / SOURCES_NAME
    if not path.is_file():
        return {}
    found = {}
    try:
        lines = read_text(path).split("\n")
    except ValueError as error:
        raise ManifestError(f"{path}: {error}") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            record = parse_json(line)
            source = SourceOf(**record)
        except (ValueError, TypeError) as error:
            keys = ", ".join(field.name for field in fields(SourceOf))
            raise ManifestError(f"{path}:{number}: expected an object with {keys} ({error})") from error
        if not isinstance(source.first_frame, int) or not isinstance(source.origin, int):
            raise ManifestError(f"{path}:{number}: first_frame and origin must be whole numbers of frames")
        found[source.video] = source
    return found
