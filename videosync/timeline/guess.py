"""Where files that are not placed would most likely start, and how likely that is: for people to judge, never used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from videosync.timeline.confidence import half_width
from videosync.timeline.evidence import Evidence
from videosync.timeline.placement import Placement, judge
from videosync.timeline.solve import moved_curve, oriented
from videosync.timeline.sounds import half_seconds
from videosync.timeline.witnesses import NOTHING_HEARD, Pair, sureness, weighed


@dataclass(frozen=True)
class Guess:
    """The most likely start of a file that is not placed."""

    start: float  # seconds, on the timeline
    confidence: float  # probability of being right, no more than that of the guesses it rests on
    rivals: tuple[float, ...] = ()  # other starts that fit about as well, seconds
    around: float = 0.0  # seconds to either side: 95 %, if it is right
    by: str = "picture"  # or "sound"

    def moved(self, seconds: float) -> Guess:
        """The same on a clock whose zero is so much earlier."""
        rivals = tuple(rival + seconds for rival in self.rivals)
        return replace(self, start=self.start + seconds, rivals=rivals)


def best_guesses(evidence: Evidence, starts: Mapping[int, float], groups: Sequence[Placement]) -> dict[int, Guess]:
    """File → its best guess, of the files that evidence joins to others.

    The surest guess comes first; files that no evidence joins to the timeline rest on other guesses.

    Args:
        starts: of the files on the timeline, seconds. Where there are none, guesses count from any one of the files.
        groups: files that pictures hold together off the timeline keep their offsets.
    """
    seen: dict[int, float] = dict(starts)
    sure = dict.fromkeys(seen, 1.0)
    guesses: dict[int, Guess] = {}
    left = [n for n in evidence.files if n not in seen]
    first = None
    if not seen and left:
        pairs = [pair for pair in {**evidence.curves, **evidence.sounds.matches} if set(pair) <= set(left)]
        likely = {(i, j): max((g.confidence for g in _guesses(evidence, j, {i: 0.0})), default=0.0) for i, j in pairs}
        if not likely:
            return {}
        first = max(sorted(likely), key=lambda pair: likely[pair])[0]
        _take(evidence, first, Guess(0.0, 1.0), groups, guesses)
        seen = {n: guess.start for n, guess in guesses.items()}
        sure = {n: guess.confidence for n, guess in guesses.items()}
    found: dict[int, Guess] = {}
    stale = set(left)
    while left := [n for n in left if n not in seen]:
        for n in stale & set(left):
            if (guess := _best(evidence, n, seen, sure, starts)) is not None:
                found[n] = guess
        found = {n: guess for n, guess in found.items() if n not in seen}
        if not found:
            break
        known = set(seen)
        number = max(found, key=lambda n: (found[n].confidence, -n))
        if first is not None and len(guesses) == 1:  # of the first two each is as likely as the other
            best = found[number]
            mirrored = tuple(best.start - rival for rival in best.rivals)
            guesses[first] = replace(best, start=0.0, rivals=mirrored)
        _take(evidence, number, found[number], groups, guesses)
        seen |= {n: guess.start for n, guess in guesses.items()}
        sure |= {n: guess.confidence for n, guess in guesses.items()}
        new = seen.keys() - known
        stale = {n for n in left if any(_joined(evidence, (n, m)) for m in new)}
    return {} if len(seen) < 2 else guesses


def _take(
    evidence: Evidence, number: int, guess: Guess, groups: Sequence[Placement], guesses: dict[int, Guess]
) -> None:
    """A guess, and those of the files that pictures hold together with it."""
    guesses[number] = guess
    for group in groups:
        if number in group.starts:
            for other in group.starts.keys() - guesses.keys():
                apart = (group.starts[other] - group.starts[number]) / evidence.rate
                guesses[other] = guess.moved(apart)


def _best(
    evidence: Evidence, number: int, seen: Mapping[int, float], sure: Mapping[int, float], starts: Mapping[int, float]
) -> Guess | None:
    """The surest guess against the timeline, or else against guesses."""
    for others in (starts, seen):
        joined = {m: others[m] for m in others if _joined(evidence, (number, m))}
        if found := list(_guesses(evidence, number, joined)):
            best = max(found, key=lambda guess: guess.confidence)
            return replace(best, confidence=min(best.confidence, *(sure[m] for m in joined)))
    return None


def _joined(evidence: Evidence, pair: Pair) -> bool:
    return any(way in evidence.curves or way in evidence.sounds.matches for way in (pair, pair[::-1]))


def _guesses(evidence: Evidence, number: int, others: Mapping[int, float]) -> Iterator[Guess]:
    """What pictures say of one file against all ``others`` (their starts, seconds), and what sound says with each."""
    for rate in sorted({evidence.grid((number, m)) for m in others}):
        same = {m: start for m, start in others.items() if evidence.grid((number, m)) == rate}
        yield from _guesses_at(evidence, rate, number, same)
    for m, start in others.items():
        match = evidence.sounds.matches.get((min(number, m), max(number, m)))
        if match is None or match.reason in NOTHING_HEARD:
            continue
        sign = 1 if number < m else -1
        yield Guess(
            start + sign * match.seconds,
            sureness(match),
            tuple(start + sign * rival for rival in match.rivals),
            half_seconds(match, evidence.search.microphone_distance),
            "sound",
        )


def _guesses_at(evidence: Evidence, rate: float, number: int, others: Mapping[int, float]) -> Iterator[Guess]:
    """What pictures say of one file against all ``others`` with which it is compared at ``rate`` frames/s."""
    frames = {m: round(start * rate) for m, start in others.items()}
    curve = moved_curve(evidence.curves, {**frames, number: 0}, [number])
    if curve is None or not curve.scores.any():
        return
    said = judge(curve)
    tied = [m for m in others if oriented(evidence.curves, number, m) is not None]
    between = sum(others[m] - frames[m] / rate for m in tied) / len(tied)  # starts lie between frames
    start = curve.vertex(said.lag) / rate + between
    pairs: list[tuple[Pair, float]] = [
        ((number, m), start - others[m]) if number < m else ((m, number), others[m] - start) for m in others
    ]
    rivals = () if said.doubt is None else said.doubt.rivals
    yield Guess(
        start,
        weighed(said.confidence, evidence, pairs),
        tuple(start + away / rate for away in rivals),
        half_width(said.confidence, evidence.cue) / rate,
    )
