"""Which offsets of two clips are searched, and which clips can be searched at all."""

from __future__ import annotations

import math

from videosync.timeline.clips import Clip

LEAST_SHARE = 0.25  # of the shorter clip that overlaps by default; answers at the ends are refused …
USUAL_FRAMES = 30  # … but at least so many frames, or half of a clip of less than 60 …
MOST_SECONDS = 10.0  # … and at most so long
LEAST_FRAMES = 10  # fewer are no evidence
SHORTEST = 20  # frames of a clip
STILL = 0.02  # standard deviation of log energy below which nothing moves


def least_overlap(frames0: int, frames1: int, rate: float, min_overlap: float | None) -> int:
    """Frames by which two clips overlap at least at every offset that is tried.

    ``min_overlap`` in seconds; None: a quarter of the shorter clip, but 30 frames or half of it at least, and 10 s
    at most.
    """
    if min_overlap is not None:
        return max(LEAST_FRAMES, round(min_overlap * rate))
    shorter = min(frames0, frames1)
    frames = max(min(LEAST_SHARE * shorter, MOST_SECONDS * rate), min(USUAL_FRAMES, shorter / 2))
    return max(LEAST_FRAMES, math.ceil(frames))


def lag_range(
    frames0: int, frames1: int, rate: float, *, max_offset: float | None = None, min_overlap: float | None = None
) -> range | None:
    """The offsets to try, in frames; None where the clips are too short for any.

    ``max_offset`` and ``min_overlap`` in seconds. Frame ``i`` of clip 0 shows the moment of frame ``i + k`` of clip 1.
    """
    overlap = least_overlap(frames0, frames1, rate, min_overlap)
    if min(frames0, frames1) < max(overlap, SHORTEST):
        return None
    first, last = overlap - frames0, frames1 - overlap
    if max_offset is not None:
        limit = int(max_offset * rate + 1e-6)
        first, last = max(first, -limit), min(last, limit)
    return range(first, last + 1) if first <= last else None


def is_still(clip: Clip) -> bool:
    """Whether nothing moves in a clip."""
    return bool(clip.signals["energy"].std() < STILL)
