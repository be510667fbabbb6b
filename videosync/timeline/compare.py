"""What the pictures of two files say about their offset."""

from __future__ import annotations

from dataclasses import dataclass

from videosync.cues.cue import Cue
from videosync.cues.evidence import scores_with_evidence
from videosync.lags.scores import LagScores
from videosync.timeline.clips import Clip
from videosync.timeline.search import lag_range


@dataclass(frozen=True, eq=False)
class Compared:
    """Of two files (file 0, file 1)."""

    curve: LagScores  # of ``start_0 - start_1``


def compare(
    cue: Cue,
    clip0: Clip,
    clip1: Clip,
    *,
    max_offset: float | None = None,
    min_overlap: float | None = None,
    name: str | None = None,
) -> Compared | None:
    """Compare two clips of one rate; None where they are too short for any offset.

    Args:
        max_offset, min_overlap: seconds, as of ``sync``. name: of the cue, whose calibration is used later.
    """
    lags = lag_range(len(clip0), len(clip1), clip0.rate, max_offset=max_offset, min_overlap=min_overlap)
    if lags is None:
        return None
    return Compared(scores_with_evidence(cue, clip0.signals, clip1.signals, lags, name))
