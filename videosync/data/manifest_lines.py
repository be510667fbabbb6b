"""One line of a manifest: a :class:`Sample` as JSON, and what its keys must be."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict
from types import MappingProxyType
from typing import Any

from videosync.data.samples import Sample, View, nearest, quoted
from videosync.errors import ManifestError


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_rate(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf


# key → (test, what is expected)
_SAMPLE_KEYS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "event": (_is_text, "a name"),
    "split": (_is_text, "a name such as 'train' or 'val'"),
    "views": (lambda v: isinstance(v, list) and len(v) > 0, "a list of one view or more"),
}
_VIEW_KEYS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "video": (_is_text, "a path relative to the manifest"),
    "start_frame": (_is_int, "a whole number of frames"),
    "num_frames": (lambda v: _is_int(v) and v > 0, "a whole number of frames, 1 or more"),
    "fps": (_is_rate, "a number of frames per second above 0"),
}
_OPTIONAL_VIEW_KEYS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "frame_labels": (_is_text, "a path relative to the manifest"),
}


def format_line(sample: Sample) -> str:
    """The sample as one line of JSON; optional keys that are not set are left out."""
    record = asdict(sample)
    for view in record["views"]:
        for key in _OPTIONAL_VIEW_KEYS:
            if view[key] is None:
                del view[key]
    return json.dumps(record, ensure_ascii=False)


def parse_line(line: str, where: str) -> Sample:
    """The sample that a line says; ``where`` (file and line) begins the message of a ManifestError."""
    try:
        record = json.loads(line)
    except json.JSONDecodeError as error:
        raise ManifestError(f"{where}: not valid JSON at column {error.colno} ({error.msg})") from error
    _check_keys(record, _SAMPLE_KEYS, where, "")
    views = []
    for i, view in enumerate(record["views"]):
        _check_keys(view, _VIEW_KEYS, where, f"views[{i}]", _OPTIONAL_VIEW_KEYS)
        views.append(View(**{**view, "fps": float(view["fps"])}))
    return Sample(event=record["event"], split=record["split"], views=tuple(views))


def _check_keys(
    record: Any,
    required: dict[str, tuple[Callable[[Any], bool], str]],
    where: str,
    prefix: str,
    optional: Mapping[str, tuple[Callable[[Any], bool], str]] = MappingProxyType({}),
) -> None:
    keys = {**required, **optional}
    if not isinstance(record, dict):
        what = prefix or "the line"
        raise ManifestError(f"{where}: {what} must be an object with the keys {quoted(keys)}, not {record!r}")
    dot = f"{prefix}." if prefix else ""
    for key in record:
        if key not in keys:
            raise ManifestError(
                f"{where}: unknown key '{dot}{key}'; the keys are {quoted(keys)}{nearest(key, keys)}"
            )
    for key, (accepts, expected) in keys.items():
        if key not in record:
            if key in optional:
                continue
            raise ManifestError(f"{where}: key '{dot}{key}' is missing; it must be {expected}")
        if not accepts(record[key]):
            raise ManifestError(f"{where}: '{dot}{key}' is {record[key]!r}, but must be {expected}")
