"""The moments that an answer can be checked by: what the cue compares changes there in several files at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from videosync.edit.telling import MOST, telling_moments
from videosync.timeline.evidence import Evidence
from videosync.timeline.result import PlacedFile


def telling_of(evidence: Evidence, clocks: Mapping[int, tuple[float, float]], most: int = MOST) -> tuple[float, ...]:
    """Seconds on the timeline, as of ``telling_moments``.

    Args:
        clocks: file → when its first picture is shown, and seconds of the timeline in one of its own.
        most: moments.
    """
    recordings = []
    for number, (start, pace) in clocks.items():
        if number in evidence.changes:
            rate, changes = evidence.changes[number]
            recordings.append((start + pace * np.arange(len(changes)) / rate, changes))
    return telling_moments(recordings, most)


def clocks_of(files: Iterable[PlacedFile]) -> dict[int, tuple[float, float]]:
    """Number → (start, pace) of the files that are placed."""
    return {n: (f.start_seconds, f.pace) for n, f in enumerate(files) if f.start_seconds is not None}
