"""Why a file is not placed, in one sentence."""

from __future__ import annotations

from dataclasses import dataclass

from videosync.sync.timeline import Doubt


@dataclass(frozen=True)
class Search:
    """What the user said about the range of offsets (seconds; None: nothing)."""

    max_offset: float | None
    min_overlap: float | None


SENTENCES = {
    "flat": "nothing tells one offset from another: what moves in it, moves at no moment that the others show",
    "short": "ambiguous, as so few frames tell little{rivals}; longer videos would help",
    "periodic": "ambiguous: the motion repeats, and offsets that are whole periods apart fit nearly as well{rivals}",
    "disagree": "what is seen disagrees: how much moves, how it changes and where it moves speak for different "
    "offsets{rivals}",
    "ambiguous": "ambiguous: other offsets fit nearly as well{rivals}; too little of the motion is shared",
    "weak": "too little speaks for the offset that fits best; longer videos, or more that they share, would help",
    "unrelated": "nothing in common with the others was found; it may show another event, or too little of this one",
    "alone": "no other video is left that it could be compared with",
    "unknown": "no other video that could be used is long enough to be compared with it in the range searched",
}


def why_not(doubt: Doubt, rate: float, search: Search) -> str:
    """The sentence for a doubt; ``rate`` in frames/s."""
    if doubt.kind == "edge" and search.max_offset is not None:
        return (
            f"the best offset lies at the edge of the range searched (±{search.max_offset:g} s), so that a better "
            "one may lie beyond; search further with --max-offset"
        )
    if doubt.kind == "edge":
        return (
            "the best offset leaves the least overlap that was tried, so that a better one may lie beyond; if the "
            "videos share so little, try less with --min-overlap"
        )
    # without a sign: it would be another one for the other video
    away = ", ".join(dict.fromkeys(f"{abs(lag) / rate:.2f} s" for lag in doubt.rivals))
    return SENTENCES[doubt.kind].format(rivals=f" ({away} away from the best)" if away else "")
