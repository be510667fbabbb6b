"""Why a file is not placed, in one sentence."""

from __future__ import annotations

from dataclasses import dataclass

from videosync.sync.timeline import Doubt


@dataclass(frozen=True)
class Search:
    """What the user said about the range of offsets (seconds; None: nothing)."""

    max_offset: float | None
    min_overlap: float | None


def why_not(doubt: Doubt, rate: float, search: Search) -> str:
    """The sentence for a doubt; ``rate`` in frames/s."""
    if doubt.kind == "edge":
        if search.max_offset is not None:
            return (
                f"the best offset lies at the edge of the range searched (±{search.max_offset:g} s), so that a better "
                "one may lie beyond; search further with --max_offset"
            )
        return (
            "the best offset leaves the least overlap that was tried, so that a better one may lie beyond; if the "
            "videos share so little, try less with --min_overlap"
        )
    if doubt.kind == "ambiguous":
        rivals = ", ".join(f"{lag / rate:+.2f} s" for lag in doubt.rivals)
        among = f" ({rivals} away from the best)" if rivals else ""
        return f"ambiguous: other offsets fit nearly as well{among}; the motion repeats, or too little of it is shared"
    if doubt.kind == "unrelated":
        return "nothing in common with the others was found; it may show another event, or too little of this one"
    return "no other video that could be used is long enough to be compared with it in the range searched"
