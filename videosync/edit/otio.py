"""OpenTimelineIO, the format of files of its own (``.otio``): JSON with tracks of gaps and clips.

Schemata of OpenTimelineIO 0.15 to 0.18 (Timeline.1, Stack.1, Track.1, Clip.2, Gap.1, ExternalReference.1).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

from videosync.edit.addresses import printable, url
from videosync.edit.sequence import Sequence, Source

MEDIA = "DEFAULT_MEDIA"


def otio(sequence: Sequence, path: Path, paths: str) -> str:
    """The text of the project. ``paths``: of ``addresses.KINDS``, relative to the folder of ``path``."""
    tracks = []
    for chapters in sequence.tracks:
        kinds = ["Video"] * (chapters[0].size is not None) + ["Audio"] * bool(chapters[0].sounds)
        addresses = [url(source.path, path.parent, paths) for source in chapters]
        tracks += [_track(sequence, chapters, kind, addresses) for kind in kinds or ["Audio"]]
    stack = {"OTIO_SCHEMA": "Stack.1", **_common("tracks"), "source_range": None, "children": tracks}
    top = {
        "OTIO_SCHEMA": "Timeline.1", "name": printable(sequence.name), "metadata": {},
        "global_start_time": _time(0, sequence.rate), "tracks": stack,
    }  # fmt: skip
    return json.dumps(top, indent=1) + "\n"


def _track(sequence: Sequence, chapters: Iterable[Source], kind: str, addresses: Iterable[str]) -> dict[str, Any]:
    children: list[dict[str, Any]] = []
    names = []
    end = 0.0  # of the clips so far, which are not cut to frames of the timeline
    for source, address in zip(chapters, addresses):
        gap = max(0, round(source.start * sequence.rate - end))
        end += gap + source.frames * sequence.rate / source.rate
        if gap:
            empty = {"OTIO_SCHEMA": "Gap.1", **_common(""), "source_range": _range(0, gap, sequence.rate)}
            children.append(empty)
        children.append(_clip(sequence, source, address))
        names.append(source.name)
    return {
        "OTIO_SCHEMA": "Track.1", **_common(names[0]), "kind": kind, "source_range": None, "children": children,
    }  # fmt: skip


def _clip(sequence: Sequence, source: Source, address: str) -> dict[str, Any]:
    media = {
        "OTIO_SCHEMA": "ExternalReference.1", "name": printable(source.name), "metadata": {}, "target_url": address,
        "available_range": _range(source.timecode, source.frames, source.rate), "available_image_bounds": None,
    }  # fmt: skip
    told = {"start_seconds": source.start, "remainder_seconds": sequence.remainder(source), "note": source.note}
    return {
        "OTIO_SCHEMA": "Clip.2", **_common(source.name), "metadata": {"videosync": told},
        "source_range": _range(source.timecode, source.frames, source.rate),
        "media_references": {MEDIA: media}, "active_media_reference_key": MEDIA,
    }  # fmt: skip


def _common(name: str) -> dict[str, Any]:
    return {"name": printable(name), "metadata": {}, "effects": [], "markers": [], "enabled": True}


def _range(start: int, length: int, rate: Fraction) -> dict[str, Any]:
    return {"OTIO_SCHEMA": "TimeRange.1", "start_time": _time(start, rate), "duration": _time(length, rate)}


def _time(value: int, rate: Fraction) -> dict[str, Any]:
    return {"OTIO_SCHEMA": "RationalTime.1", "value": float(value), "rate": float(rate)}
