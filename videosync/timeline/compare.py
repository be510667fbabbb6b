"""What the pictures of two files say about their offset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from videosync.cues.cue import Cue
from videosync.cues.evidence import scores_with_evidence
from videosync.lags.scores import LagScores
from videosync.timeline.clips import Clip
from videosync.timeline.clocks import Clocks, Pair
from videosync.timeline.closer import look_again, look_closer, unanswered
from videosync.timeline.search import lag_range


@dataclass(frozen=True, eq=False)
class Compared:
    """Of two files (file 0, file 1)."""

    curve: LagScores  # of ``start_0 - start_1``, of the longest part that one offset explains, at one speed
    clocks: Clocks | None = None  # how they run against each other; None: nothing is known of them


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
    curve = scores_with_evidence(cue, clip0.signals, clip1.signals, lags, name)
    return Compared(*look_closer(cue, clip0.signals, clip1.signals, clip0.rate, curve))


def compare_again(
    cue: Cue,
    clips: Mapping[Pair, tuple[Clip, Clip]],
    compared: Mapping[Pair, Compared],
    *,
    max_offset: float | None = None,
    min_overlap: float | None = None,
) -> dict[Pair, Compared]:
    """What pairs say that had no answer, once breaks and other speeds are tried.

    Args:
        clips: of each pair. max_offset, min_overlap: seconds, as of ``sync``.

    Returns:
        The pairs that were looked at again: of files that no pair has an answer for.
    """
    found = {}
    for pair in unanswered({pair: said.curve for pair, said in compared.items()}):
        signals0, signals1 = (clip.signals for clip in clips[pair])
        curve, rate = compared[pair].curve, clips[pair][0].rate
        closer = look_again(cue, signals0, signals1, rate, curve, max_offset=max_offset, min_overlap=min_overlap)
        found[pair] = Compared(*closer)
    return found
