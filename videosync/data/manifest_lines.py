"""One line of a manifest: a :class:`Sample` as JSON, and what its keys must be."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import asdict
from types import MappingProxyType
from typing import Any

from videosync.data.samples import Sample, View, quoted
from videosync.errors import ManifestError, did_you_mean
from videosync.files import parse_json, shown

_LARGEST = 2**53  # whole numbers that JSON and floats hold exactly
_LONGEST = 255  # bytes of a name, as file systems have it
_MOST_VIEWS = 1000  # whose pairs are looked at one by one
_LONGEST_TEXT = 1000  # letters
_LONGEST_LINE = 2**24  # bytes


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < _LARGEST


def is_text(value: Any) -> bool:
    """A name that can be a file's and can be printed: no control characters, no half of a surrogate pair."""
    fits = isinstance(value, str) and len(value) <= _LONGEST_TEXT
    return fits and bool(value.strip()) and not any(map(_unprintable, value))


def _unprintable(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cs")


def _is_path(value: Any) -> bool:
    return is_text(value) and all(len(part.encode()) <= _LONGEST for part in value.split("/"))


def _is_rate(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < _LARGEST


_PATH = "a path relative to the manifest, without control characters and with names of at most 255 bytes"
# key → (test, what is expected)
_SAMPLE_KEYS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "event": (is_text, "a name of at most 1000 letters, without control characters"),
    "split": (is_text, "a name such as 'train' or 'val'"),
    "views": (
        lambda v: isinstance(v, list) and 0 < len(v) <= _MOST_VIEWS,
        f"a list of one view or more, up to {_MOST_VIEWS}",
    ),
}
_OPTIONAL_SAMPLE_KEYS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "label": (is_text, "the name of a class, without control characters")
}
_VIEW_KEYS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "video": (_is_path, _PATH),
    "start_frame": (_is_int, "a whole number of frames"),
    "num_frames": (lambda v: _is_int(v) and v > 0, "a whole number of frames, 1 or more"),
    "fps": (_is_rate, "a number of frames per second above 0"),
}
_OPTIONAL_VIEW_KEYS: dict[str, tuple[Callable[[Any], bool], str]] = {"frame_labels": (_is_path, _PATH)}


def format_line(sample: Sample) -> str:
    """The sample as one line of JSON; optional keys that are not set are left out."""
    record = asdict(sample)
    for part, optional in ((record, _OPTIONAL_SAMPLE_KEYS), *((view, _OPTIONAL_VIEW_KEYS) for view in record["views"])):
        for key in optional:
            if part[key] is None:
                del part[key]
    return json.dumps(record, ensure_ascii=False)


def parse_line(line: str, where: str) -> Sample:
    """The sample that a line says; ``where`` (file and line) begins the message of a ManifestError."""
    if len(line) > _LONGEST_LINE:
        raise ManifestError(f"{where}: a line of {len(line) / 1e6:.0f} MB; expected an event of some views on a line")
    try:
        record = parse_json(line)
    except json.JSONDecodeError as error:
        raise ManifestError(f"{where}: not valid JSON at column {error.colno} ({error.msg})") from error
    except ValueError as error:
        raise ManifestError(f"{where}: {error}; expected an object with event, split and views") from error
    _check_keys(record, _SAMPLE_KEYS, where, "", _OPTIONAL_SAMPLE_KEYS)
    views = []
    for i, view in enumerate(record["views"]):
        _check_keys(view, _VIEW_KEYS, where, f"views[{i}]", _OPTIONAL_VIEW_KEYS)
        views.append(View(**{**view, "fps": float(view["fps"])}))
    return Sample(**{**record, "views": tuple(views)})


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
        raise ManifestError(f"{where}: {what} must be an object with the keys {quoted(keys)}, not {shown(record)}")
    dot = f"{prefix}." if prefix else ""
    for key in record:
        if key not in keys:
            raise ManifestError(
                f"{where}: unknown key {shown(dot + key)}; the keys are {quoted(keys)}.{did_you_mean(key, keys)}"
            )
    for key, (accepts, expected) in keys.items():
        if key not in record:
            if key in optional:
                continue
            raise ManifestError(f"{where}: key '{dot}{key}' is missing; it must be {expected}")
        if not accepts(record[key]):
            raise ManifestError(f"{where}: '{dot}{key}' is {shown(record[key])}, but must be {expected}")
