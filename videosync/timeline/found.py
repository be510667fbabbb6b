"""What is said of each file and of each pair, once it is known where files are."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np

from videosync.timeline.clips import FileWarning
from videosync.timeline.confidence import half_width
from videosync.timeline.evidence import Evidence
from videosync.timeline.file_warnings import NO_VIDEO, clause, file_warnings, note_of
from videosync.timeline.guess import Guess
from videosync.timeline.own_clocks import OwnClocks, clocks_of_pair
from videosync.timeline.placement import Doubt, DoubtKind, Placement, judge
from videosync.timeline.reasons import problem_code, rivals_nearest, why_not_heard
from videosync.timeline.result import PlacedFile, short_names
from videosync.timeline.sounds import LATEST, half_seconds
from videosync.timeline.witnesses import Pair, echo, rate_of, weighed, why_not_seen, witnesses
from videosync.types import OffsetEstimate
from videosync.video.recorded import UNKNOWN

ALONE = "no other file has sound that can be compared with it"
NO_SOUND = "it has no sound"
NO_PICTURES = "it has no sound, and no other file has pictures"
TORN = "its sound fits that of other files, at times that contradict each other"
CONTRADICTED = "contradicted"  # code of a pair whose own answer the other files do not bear out
EXACT = 1e-7  # seconds: the distance of starts set by hand


@dataclass(frozen=True)
class Found:
    """Where files are, and why (files are numbers)."""

    evidence: Evidence
    placement: Placement
    by_pictures: Sequence[Placement]  # groups that pictures place
    groups: Sequence[Placement]  # the same, as sure as sound leaves them
    base: int | None  # the file from which starts count
    starts: dict[int, float]  # seconds, of the files on the timeline
    confidence: dict[int, float]  # of these
    guesses: Mapping[int, Guess]  # of files that evidence does not place
    accepted: frozenset[int]  # files whose guess the user accepts
    by_hand: frozenset[int]  # files whose start the user gives
    clocks: OwnClocks  # of the files on the timeline

    def file(self, number: int, fits: Mapping[str, bool]) -> PlacedFile:
        """``fits``: where it is not placed, names of files that it goes with by itself; are they on the timeline?"""
        evidence, path = self.evidence, self.evidence.paths[number]
        info = evidence.infos.get(number)
        fps = None if info is None else info.fps
        camera = None if info is None or not evidence.looks else "moving" if number in evidence.moving else "fixed"
        by_sound = number in self.accepted or (number in self.placement.starts and number not in self.by_hand)
        placed = "its sound places it" if by_sound else "its start was set by hand" if number in self.by_hand else None
        warnings = file_warnings(evidence, number, placed)
        warnings += self.clocks.warnings(number, self._names)
        note = note_of(warnings, path)
        guess = self.guesses.get(number)
        own: dict[str, Any] = dict(
            duration_seconds=self._lasts(number),
            recorded=evidence.recorded.get(number, UNKNOWN),
            clock=self.clocks.of(number),
            times=None if info is None else info.times,
        )
        if number in self.starts:
            start, confidence = self.starts[number], self.confidence[number]
            around = 0.0
            if self.base is not None and number != self.base and number not in self.by_hand:
                around = math.hypot(self._around((self.base, number), (number,)), self.clocks.around(number))
            if number in self.accepted:
                sure = math.floor(100 * confidence)
                text = f"it is {sure} % sure that it starts here: placed because --accept asked for it"
                warnings.append(FileWarning("accepted", text))
            if number in self.by_hand:
                warnings.append(FileWarning("by_hand", "its start was set by hand"))
                warnings += self._against(number)
            return PlacedFile(
                path, True, fps, start, (start - around, start + around), confidence, note=note, camera=camera,
                accepted=number in self.accepted, by_hand=number in self.by_hand, warnings=tuple(warnings),
                rivals_seconds=guess.rivals if guess is not None and number in self.accepted else (), **own,
            )  # fmt: skip
        doubt = self.placement.doubts.get(number, Doubt(DoubtKind.UNKNOWN))
        code, reason = self._why_not(number, doubt)
        if fits and self.starts:
            off = [name for name, on in fits.items() if not on]
            with_others = "not those" if off else "by itself, and not with the others"
            reason = f"fits {' and '.join(off or fits)}, but {with_others} on the timeline: {reason}"
        return PlacedFile(
            path, False, fps, confidence=doubt.confidence, reason=reason, note=note, camera=camera, code=code,
            best_guess_seconds=None if guess is None else guess.start,
            best_guess_confidence=None if guess is None else guess.confidence,
            rivals_seconds=() if guess is None else guess.rivals, warnings=tuple(warnings), **own,
        )  # fmt: skip

    @cached_property
    def _names(self) -> dict[int, str]:
        names = short_names(list(self.evidence.paths))
        return {number: names[path] for number, path in enumerate(self.evidence.paths)}

    def _lasts(self, number: int) -> float | None:
        """Seconds of pictures, or else of sound, from the first on."""
        if (info := self.evidence.infos.get(number)) is not None:
            return info.duration
        span = self.evidence.sounds.spans.get(number)
        return None if span is None else span[1] - span[0]

    def _against(self, number: int) -> Iterator[FileWarning]:
        """Evidence that is sure of another place for a file than the one set by hand."""
        names = short_names(list(self.evidence.paths))
        for other in sorted(self.starts.keys() - {number}):
            if other in self.by_hand and other < number:
                continue
            i, j = sorted((number, other))
            for said in witnesses(self.evidence, (i, j)):
                away = abs((said.seconds or 0.0) - (self.starts[i] - self.starts[j]))
                if said.placed and said.interval_seconds is not None and away > LATEST + np.ptp(said.interval_seconds):
                    both = "its pictures and those of" if said.name == "picture" else "its sound and that of"
                    yield FileWarning(
                        "contradicted",
                        f"{both} {names[self.evidence.paths[other]]} fit {away:.2f} s away from what was set by hand",
                    )

    def pair(self, pair: Pair) -> OffsetEstimate:
        """What is known of one pair: from the timeline if both are on it, else from its own witnesses."""
        evidence, (i, j) = self.evidence, pair
        said = witnesses(evidence, pair)
        estimate = OffsetEstimate(
            evidence.paths[i],
            evidence.paths[j],
            placed=False,
            fps=rate_of(evidence, pair),
            **clocks_of_pair(evidence.clocks.get(pair)),
            alone_seconds=next((witness.seconds for witness in said if witness.seconds is not None), None),
            witnesses=said,
        )
        picture, sound = estimate.witness("picture"), estimate.witness("sound")
        group = _group(self.groups, pair)
        if i in self.starts and j in self.starts:
            seconds, sure = self.starts[i] - self.starts[j], self.confidence if group is None else group.confidence
            decided, confidence = self._decided(pair), min(sure[i], sure[j])
            around = 0.0 if decided == "hand" and self.by_hand.issuperset(pair) else self._around(pair, pair)
        elif picture is not None and picture.placed and picture.seconds is not None:
            decided, seconds = "picture", picture.seconds
            confidence = weighed(picture.confidence, evidence, [(pair, seconds)])
            around = half_width(picture.confidence, evidence.cue) / evidence.grid(pair)
        elif sound is not None and sound.placed and sound.seconds is not None:
            decided, seconds, confidence = "sound", sound.seconds, sound.confidence
            around = half_seconds(evidence.sounds.matches[pair], evidence.search.microphone_distance)
        else:
            return self._refused(estimate, pair)
        if len(self.starts.keys() & set(pair)) == 1:
            return self._contradicted(self._refused(estimate, pair), seconds, confidence)
        agree, compared = None, seconds if decided == "picture" else None if picture is None else picture.seconds
        if compared is not None:
            agree = echo(evidence, pair, compared)
        heard = sound is not None and sound.placed and decided == "picture" and agree
        return replace(
            estimate,
            placed=True,
            seconds=seconds,
            interval_seconds=(seconds - around, seconds + around),
            confidence=confidence,
            decided_by=decided,
            agree=agree,
            sound_delay_seconds=seconds - evidence.sounds.matches[pair].seconds if heard else None,
        )

    def _decided(self, pair: Pair) -> str:
        """What says the offset of two files on the timeline."""
        if self.by_hand.issuperset(pair):
            return "hand"
        if _group(self.groups, pair) is not None:
            return "picture"
        if weakest := [self.guesses[n] for n in pair if n in self.accepted]:
            return min(weakest, key=lambda guess: guess.confidence).by
        return "hand" if any(n not in self.placement.starts for n in pair) else "sound"

    def _refused(self, estimate: OffsetEstimate, pair: Pair) -> OffsetEstimate:
        """A pair without an answer: what the pictures say, if there are any, is the reason."""
        evidence, curve, match = self.evidence, self.evidence.curves.get(pair), self.evidence.sounds.matches.get(pair)
        rivals: tuple[float, ...] = ()
        if curve is not None and (doubt := judge(curve).doubt) is not None:
            rivals = tuple(((doubt.best or 0) + away) / evidence.grid(pair) for away in doubt.rivals)
        elif match is not None:
            rivals = rivals_nearest(match)
        said = estimate.witnesses
        deaf = [evidence.paths[n] for n in pair if n not in evidence.sounds.present]
        known = self.starts | {n: guess.start for n, guess in self.guesses.items()}
        sure = self.confidence | {n: guess.confidence for n, guess in self.guesses.items()}
        guessed = all(n in known for n in pair)
        return replace(
            estimate,
            best_guess_seconds=known[pair[0]] - known[pair[1]] if guessed else None,
            best_guess_confidence=min(sure[n] for n in pair) if guessed else None,
            code=said[0].code if said else "no_sound",
            confidence=max((witness.confidence for witness in said), default=0.0),
            reason=said[0].reason if said else f"{' and '.join(deaf)}: no sound to compare",
            rivals_seconds=rivals,
        )

    def _contradicted(self, refused: OffsetEstimate, seconds: float, confidence: float) -> OffsetEstimate:
        """A pair that would be placed by itself, of which one file is not on the timeline that the other is on."""
        reason = (
            f"by themselves they fit {abs(seconds):.2f} s apart ({math.floor(100 * confidence)} %), but together with "
            "the other files one of them is not placed"
        )
        return replace(refused, reason=reason, code=CONTRADICTED)

    def _around(self, pair: Pair, judged: Sequence[int]) -> float:
        """Seconds to either side of the offset of a pair on the timeline, by the confidence of the files ``judged``."""
        group = _group(self.by_pictures, pair)
        if group is not None:
            return half_width(min(group.confidence[n] for n in judged), self.evidence.cue) / self.evidence.grid(pair)
        return float(self._spread[pair])

    @cached_property
    def _spread(self) -> np.ndarray:
        """[N, N] seconds: the least sum of what is uncertain along a chain of pairs that place each other."""
        evidence = self.evidence
        links = np.full((len(evidence.paths),) * 2, np.inf)
        for i, j in combinations(sorted(self.starts), 2):
            if not {i, j} <= self.placement.starts.keys():
                said = [self.guesses[n].around for n in (i, j) if n in self.accepted]
                links[i, j] = max(said, default=EXACT)
                continue
            group, match = _group(self.by_pictures, (i, j)), evidence.sounds.matches.get((i, j))
            if group is not None:
                around = half_width(min(group.confidence[i], group.confidence[j]), evidence.cue)
                links[i, j] = around / evidence.grid((i, j))
            elif match is not None:
                around = half_seconds(match, evidence.search.microphone_distance)
                if abs(match.seconds - (self.starts[i] - self.starts[j])) <= around + LATEST:
                    links[i, j] = around
        links = np.minimum(links, links.T)
        np.fill_diagonal(links, 0.0)
        for via in range(len(links)):  # Floyd and Warshall
            links = np.minimum(links, links[:, via, None] + links[via])
        return links

    def _why_not(self, number: int, doubt: Doubt) -> tuple[str, str]:
        """Why a file is not placed: a code, and a sentence."""
        evidence = self.evidence
        seen = number in evidence.infos or number not in evidence.sounds.present
        reasons = []
        if evidence.looks and seen:
            problem = evidence.problems.get(number)
            reasons.append(
                self.clocks.why_not(number, self._names)
                or why_not_seen(evidence, doubt, (number,), [n for n in evidence.infos if n not in evidence.problems])
                if problem is None
                else (problem_code(problem), problem)
            )
        heard = [match for pair, match in evidence.sounds.matches.items() if number in pair]
        if heard:
            best = max(heard, key=lambda match: match.confidence)
            said = TORN if best.placed else why_not_heard(best, evidence.search)
            code = "contradictory" if best.placed else best.reason or "weak"
            reasons.append((code, f"by sound: {said}" if reasons else said))
        elif not reasons:
            reasons.append(self._unheard(number))
        return reasons[0][0], "; ".join(sentence for _, sentence in reasons)

    def _unheard(self, number: int) -> tuple[str, str]:
        """Why a file that could be placed by sound alone has none that was compared."""
        evidence = self.evidence
        if number in evidence.sounds.problems:
            problem = evidence.sounds.problems[number]
            return problem_code(problem), problem
        if number in evidence.sounds.present:
            unseen = evidence.problems.get(number, NO_VIDEO)
            if number not in evidence.infos and NO_VIDEO not in unseen:
                return problem_code(unseen), f"{clause(unseen, evidence.paths[number])}; by sound: {ALONE}"
            return "alone", ALONE if number in evidence.infos else f"it has sound only, and {ALONE}"
        if number not in evidence.infos:
            return problem_code(evidence.problems[number]), evidence.problems[number]
        return "no_sound", NO_SOUND if evidence.audio == "only" else NO_PICTURES


def _group(groups: Sequence[Placement], pair: Pair) -> Placement | None:
    """The group that holds both files; None: pictures do not place them together."""
    return next((group for group in groups if all(n in group.starts for n in pair)), None)
