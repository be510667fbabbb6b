"""Why a file is not placed, in one sentence."""

from __future__ import annotations

from dataclasses import dataclass

from videosync.timeline.placement import Doubt, DoubtKind


@dataclass(frozen=True)
class Search:
    """The range of offsets that the user asked for (seconds; None: any)."""

    max_offset: float | None
    min_overlap: float | None


SENTENCES = {
    DoubtKind.EDGE: "the best offset lies at the limit of the search; if the videos overlap only briefly, lower "
    "--min-overlap",
    DoubtKind.FLAT: "all offsets fit equally well: the moments with motion in this video appear in no other",
    DoubtKind.SHORT: "ambiguous, since there are so few frames{rivals}; longer videos would help",
    DoubtKind.PERIODIC: "ambiguous: the motion repeats, and offsets that differ by whole periods fit nearly as "
    "well{rivals}",
    DoubtKind.DISAGREE: "the evidence is contradictory: how much moves, how it changes and where it moves point to "
    "different offsets{rivals}",
    DoubtKind.AMBIGUOUS: "ambiguous: other offsets fit nearly as well{rivals}; too little of the motion is shared",
    DoubtKind.WEAK: "the evidence for the best offset is too weak; longer videos, or a longer overlap, would help",
    DoubtKind.UNRELATED: "nothing in common with the others was found; it may show another event, or they overlap "
    "too little",
    DoubtKind.ALONE: "no other video is left to compare it with",
    DoubtKind.UNKNOWN: "no other usable video overlaps it enough within the range searched",
}


def why_not(doubt: Doubt, rate: float, search: Search) -> str:
    """The sentence for a doubt; ``rate`` in frames/s."""
    if doubt.kind is DoubtKind.EDGE and search.max_offset is not None:
        return (
            f"the best offset lies at the edge of the range searched (±{search.max_offset:g} s), so a better one may "
            "lie beyond; search further with --max-offset"
        )
    # without a sign: it would be another one for the other video
    away = ", ".join(dict.fromkeys(f"{abs(lag) / rate:.2f} s" for lag in doubt.rivals))
    return SENTENCES[doubt.kind].format(rivals=f" ({away} away from the best)" if away else "")
