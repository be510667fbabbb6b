"""Why a file is not placed, in one sentence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from videosync.timeline.placement import Doubt, DoubtKind

if TYPE_CHECKING:
    from videosync.sound.match import SoundMatch


@dataclass(frozen=True)
class Search:
    """What the user asked for (None: as usual)."""

    max_offset: float | None  # seconds
    min_overlap: float | None  # seconds
    microphone_distance: float | None = None  # metres


SENTENCES = {
    DoubtKind.EDGE: "the best offset lies at the limit of the search; if the videos overlap only briefly, lower "
    "--min-overlap",
    DoubtKind.FLAT: "all offsets fit equally well: the moments with motion in this video appear in no other; "
    "take a longer part of it, or another camera",
    DoubtKind.SHORT: "ambiguous, since there are so few frames{rivals}; longer videos would help",
    DoubtKind.PERIODIC: "ambiguous: the motion repeats, and offsets that differ by whole periods fit nearly as "
    "well{rivals}; where the offset is roughly known, --max-offset leaves the others out",
    DoubtKind.DISAGREE: "the evidence is contradictory: how much moves, how it changes and where it moves point to "
    "different offsets{rivals}; check that they show one event at one speed, or take longer parts",
    DoubtKind.AMBIGUOUS: "ambiguous: other offsets fit nearly as well{rivals}; too little of the motion is shared; "
    "longer videos, or sound in them, would help",
    DoubtKind.WEAK: "the evidence for the best offset is too weak; longer videos, or a longer overlap, would help",
    DoubtKind.FRAGILE: "the answer rests on one thing: without the half second that says most, or without a graphic "
    "that moves in both files, no offset is sure{rivals}; longer videos, or a longer overlap, would help",
    DoubtKind.UNRELATED: "nothing in common with the others was found; it may show another event, or they overlap "
    "too little (if so, lower --min-overlap)",
    DoubtKind.ALONE: "no other video is left to compare it with",
    DoubtKind.UNKNOWN: "no other usable video overlaps it enough within the range searched; lower --min-overlap, or "
    "raise --max-offset if it was given",
}


SOUND_SENTENCES = {  # by the reason of a match
    "edge": SENTENCES[DoubtKind.EDGE],
    "short": "too little sound for a comparison; longer recordings would help",
    "repeats": "the sound repeats itself (a loop, a beat), and offsets that differ by whole repetitions fit nearly as "
    "well{rivals}; where the offset is roughly known, --max-offset leaves the others out",
    "ambiguous": "other offsets of the sound fit nearly as well{rivals}; longer recordings would help",
    "weak": "too little of the sound is shared; it may be of another event, or they overlap too little (if so, longer "
    "recordings would help)",
}
BEYOND = (
    "the best offset lies at the edge of the range searched (±{limit:g} s), so a better one may lie beyond; search "
    "further with --max-offset"
)
NARROW = "the range searched leaves hardly an offset to compare at; raise --max-offset or lower --min-overlap"


PROBLEMS = {  # what is said of a file that cannot be compared begins with → the same in one word
    "too short": "too_short",
    "nothing moves": "still",
    "its camera moves": "moving_camera",
    "its sound is silent": "silent",
}


def problem_code(problem: str) -> str:
    """One word for what keeps a file out of the comparison."""
    return next((code for start, code in PROBLEMS.items() if problem.startswith(start)), "unreadable")


def why_not(doubt: Doubt, rate: float, search: Search) -> str:
    """The sentence for a doubt; ``rate`` in frames/s."""
    if doubt.kind is DoubtKind.EDGE and search.max_offset is not None:
        return BEYOND.format(limit=search.max_offset)
    return SENTENCES[doubt.kind].format(rivals=_away(lag / rate for lag in doubt.rivals))


def why_not_heard(match: SoundMatch, search: Search) -> str:
    """The sentence for a match that is not placed."""
    from videosync.sound.match import LEAST_CELLS

    code = match.reason or "weak"
    if code == "edge" and search.max_offset is not None:
        return BEYOND.format(limit=search.max_offset)
    if code == "short" and len(match.lags) < LEAST_CELLS:
        return NARROW
    sentence = SOUND_SENTENCES.get(code, SOUND_SENTENCES["weak"])
    return sentence.format(rivals=_away(rival - match.seconds for rival in rivals_nearest(match)))


def rivals_nearest(match: SoundMatch) -> tuple[float, ...]:
    """The rivals of a match, those next to its offset first: in the same order when the files are swapped."""
    return tuple(sorted(match.rivals, key=lambda rival: abs(rival - match.seconds)))


def _away(seconds: Iterable[float]) -> str:
    """How far rivals are from the best answer, without a sign: it would be another one for the other video."""
    away = ", ".join(dict.fromkeys(f"{abs(value):.2f} s" for value in seconds))
    return f" ({away} away from the best)" if away else ""
