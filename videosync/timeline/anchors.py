"""Starts that the user gives."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence

from videosync.errors import VideoError
from videosync.timeline.inputs import find_file
from videosync.timeline.networks import PathLike
from videosync.timeline.result import short_names


def read_anchors(at: Mapping[PathLike, float], paths: Sequence[str], reference: int | None) -> dict[int, float]:
    """The number of each file of ``at`` and its start, seconds; the reference, if there is one, starts at 0.

    Files may be named by what tells them apart, as in the table.

    Raises:
        VideoError: a name that is none of ``paths``, two starts of one file, a start of the reference that is not 0.
        ValueError: a start is no finite number.
    """
    anchors = {reference: 0.0} if reference is not None and at else {}
    short = short_names(list(paths))
    for name, start in at.items():
        if not math.isfinite(start):
            raise ValueError(f"at: the start of {os.fspath(name)} must be a number of seconds, got {start}")
        alike = [n for n, path in enumerate(paths) if os.fspath(name) in (os.path.basename(path), short[path])]
        number = alike[0] if len(alike) == 1 else find_file(name, paths, "each file of --at")
        if anchors.setdefault(number, float(start)) != start:
            why = "it is the reference, which starts at 0" if number == reference else "it was given two starts"
            raise VideoError(
                f"{os.fspath(name)}: cannot start at {start:g} s and at {anchors[number]:g} s: {why}; leave one out."
            )
    return anchors
