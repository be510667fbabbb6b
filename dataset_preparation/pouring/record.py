"""One record of the Pouring archive: a video as JPEG files, with the phase of each frame."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dataset_preparation.pouring.sequence_example import Feature, parse_sequence_example
from dataset_preparation.pouring.tfrecord import Place, read_record
from videosync.errors import VideoError

VIEW = re.compile(r"(?P<event>.+)_view_(?P<view>\d+)")
SAFE_NAME = re.compile(r"\w[\w.+ -]*")


@dataclass(frozen=True)
class PouringRecord:
    name: str  # such as creamsoda_to_clear5_real_view_0
    frames: tuple[memoryview, ...]  # JPEG files
    labels: tuple[int, ...]  # phase of each frame; empty where the record has no usable ones
    labels_problem: str  # why it has none, else ""


def record_head(place: Place) -> tuple[str, int]:
    """Name and number of frames that a record says it has; nothing is decoded.

    Raises VideoError: the record is damaged, or has no name, or none that a file can have.
    """
    example = parse_sequence_example(read_record(place), str(place), context_only=True)
    return _head(place, example.context)


def pouring_record(place: Place) -> PouringRecord:
    """Read a record.

    Raises VideoError: as :func:`record_head`, or its frames are missing, of another kind, or not as many as the
    record says. Labels that are so are no error: the video can be used without them.
    """
    example = parse_sequence_example(read_record(place), str(place))
    name, length = _head(place, example.context)
    images = [f.bytes_values[0] for f in _list(place, example.feature_lists, "video", "bytes", length)]
    problem, labels = "", []
    try:
        labels = _list(place, example.feature_lists, "frame_labels", "int64", length)
    except VideoError as error:
        problem = str(error)
    return PouringRecord(name, tuple(images), tuple(f.int64_values[0] for f in labels), problem)


def event_of(name: str) -> tuple[str, int]:
    """Event and number of the view that a name says: ``x_view_1`` → ("x", 1); ``x`` → ("x", 0)."""
    match = VIEW.fullmatch(name)
    return (match["event"], int(match["view"])) if match else (name, 0)


def _head(place: Place, context: dict[str, Feature]) -> tuple[str, int]:
    raw = bytes(_one(place, context, "name", "bytes").bytes_values[0])
    name = raw.decode(errors="replace")
    if not SAFE_NAME.fullmatch(name):
        raise VideoError(
            f"{place}: its name {raw!r} cannot be a file name; expected letters, digits, '_', '-', '+', '.' and spaces."
        )
    return name, _one(place, context, "len", "int64").int64_values[0]


def _one(place: Place, features: dict[str, Feature], key: str, kind: str) -> Feature:
    if key not in features:
        raise VideoError(f"{place}: its context has no feature '{key}'; {_there(features)}.")
    return _checked(place, features[key], f"'{key}'", kind)


def _list(place: Place, lists: dict[str, list[Feature]], key: str, kind: str, length: int) -> list[Feature]:
    if key not in lists:
        raise VideoError(f"{place}: it has no feature list '{key}'; {_there(lists)}.")
    features = lists[key]
    if len(features) != length or not features:
        raise VideoError(f"{place}: 'len' is {length}, but '{key}' has {len(features)} entries; expected one a frame.")
    return [_checked(place, feature, f"entry {i} of '{key}'", kind) for i, feature in enumerate(features)]


def _checked(place: Place, feature: Feature, what: str, kind: str) -> Feature:
    count = len(feature.bytes_values) if kind == "bytes" else len(feature.int64_values)
    if feature.kind != kind or count != 1:
        found = f"{count} values" if feature.kind == kind else f"{feature.kind} values"
        raise VideoError(f"{place}: {what} has {found}, expected one {kind} value.")
    return feature


def _there(features: dict[str, Feature] | dict[str, list[Feature]]) -> str:
    return f"there are {', '.join(sorted(features)) or 'none'} (is it a record of the Pouring archive?)"
