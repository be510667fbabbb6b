"""From evidence to the answer: what is placed, by which witness, and what is said of the rest."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np

from videosync.cues.named import CUES
from videosync.timeline.confidence import half_width
from videosync.timeline.evidence import NO_VIDEO, Evidence
from videosync.timeline.inputs import find_file
from videosync.timeline.joint import picture_groups, tie_by_sound
from videosync.timeline.networks import PathLike
from videosync.timeline.own_times import said_of_start
from videosync.timeline.placement import Doubt, DoubtKind, Placement, judge
from videosync.timeline.reasons import rivals_nearest, why_not, why_not_heard
from videosync.timeline.result import PlacedFile, Timeline, short_names
from videosync.timeline.sounds import GRID, LATEST, SILENT, half_seconds
from videosync.timeline.witnesses import Pair, echo, rate_of, sound_curves, weighed, weighed_group, witnesses
from videosync.types import OffsetEstimate
from videosync.video.recorded import UNKNOWN

ALONE = "no other file has sound that can be compared with it"
NO_SOUND = "it has no sound"
NO_PICTURES = "it has no sound, and no other file has pictures"
TORN = "its sound fits that of other files, at times that contradict each other"


def conclude(evidence: Evidence, reference: PathLike | None = None) -> Timeline:
    """The timeline that the evidence supports. Raises VideoError: ``reference`` is none of the files."""
    paths = evidence.paths
    chosen = None if reference is None else find_file(reference, paths)
    seen = [n for n in evidence.infos if n not in evidence.problems] if evidence.looks else []
    sounds = sound_curves(evidence)
    by_pictures = picture_groups(evidence.curves, seen, chosen)
    groups = [weighed_group(group, evidence) for group in by_pictures]
    files = sorted({*seen, *(n for pair in sounds for n in pair)})
    placement = tie_by_sound(groups, sounds, files, chosen, steps=GRID / evidence.rate)
    found = _Found(evidence, placement, by_pictures, groups)
    starts = found.starts
    base = chosen if chosen in starts else min(starts, key=lambda n: (starts[n], n), default=None)
    joined = list(combinations(evidence.files, 2))
    pairs = tuple(found.pair(pair) for pair in joined)
    if evidence.looks and CUES[evidence.cue].uses_sound_encoder:  # sound says what pictures would
        pairs = tuple(_of_sound(pair) for pair in pairs)
    fits: dict[int, list[str]] = {}  # file that is not placed → others that it goes with
    names = short_names(list(paths))
    for (i, j), pair in zip(joined, pairs):
        if pair.placed and i not in starts and j not in starts:
            fits.setdefault(i, []).append(names[paths[j]])
            fits.setdefault(j, []).append(names[paths[i]])
    return Timeline(
        None if base is None else paths[base],
        tuple(found.file(number, base, fits.get(number, ())) for number in range(len(paths))),
        pairs,
        evidence.cue,
        evidence.encoder,
        evidence.detector,
        evidence.notes,
        evidence.audio,
    )


@dataclass(frozen=True)
class _Found:
    """Where files are, and why (files are numbers)."""

    evidence: Evidence
    placement: Placement
    by_pictures: Sequence[Placement]  # groups that pictures place
    groups: Sequence[Placement]  # the same, as sure as sound leaves them

    @cached_property
    def starts(self) -> dict[int, float]:
        """Seconds, of the files on the timeline."""
        return {number: start / self.evidence.rate for number, start in self.placement.starts.items()}

    def file(self, number: int, base: int | None, fits: Sequence[str]) -> PlacedFile:
        """``base`` starts at 0; ``fits`` are names of others that the file goes with, where it is not placed."""
        evidence, path = self.evidence, self.evidence.paths[number]
        info = evidence.infos.get(number)
        fps = None if info is None else info.fps
        camera = None if info is None or not evidence.looks else "moving" if number in evidence.moving else "fixed"
        known: dict[str, Any] = dict(fps=fps, note=self._note(number), camera=camera)
        known |= dict(duration_seconds=self._lasts(number), recorded=evidence.recorded.get(number, UNKNOWN))
        if number not in self.starts or base is None:
            doubt = self.placement.doubts.get(number, Doubt(DoubtKind.UNKNOWN))
            reason = self._why_not(number, doubt)
            if fits and self.starts:
                reason = f"fits {' and '.join(fits)}, but not those on the timeline: {reason}"
            return PlacedFile(path, False, confidence=doubt.confidence, reason=reason, **known)
        start, confidence = self.starts[number] - self.starts[base], self.placement.confidence[number]
        around = 0.0 if number == base else self._around((base, number), (number,))
        interval = start - around, start + around
        return PlacedFile(path, True, start_seconds=start, interval_seconds=interval, confidence=confidence, **known)

    def _lasts(self, number: int) -> float | None:
        """Seconds of pictures, or else of sound, from the first on."""
        if (info := self.evidence.infos.get(number)) is not None:
            return info.duration
        span = self.evidence.sounds.spans.get(number)
        return None if span is None else span[1] - span[0]

    def pair(self, pair: Pair) -> OffsetEstimate:
        """What is known of one pair: from the timeline if both are on it, else from its own witnesses."""
        evidence, (i, j) = self.evidence, pair
        said = witnesses(evidence, pair)
        estimate = OffsetEstimate(
            evidence.paths[i],
            evidence.paths[j],
            placed=False,
            fps=rate_of(evidence, pair),
            alone_seconds=next((witness.seconds for witness in said if witness.seconds is not None), None),
            witnesses=said,
        )
        picture, sound = estimate.witness("picture"), estimate.witness("sound")
        group = _group(self.groups, pair)
        if i in self.starts and j in self.starts:
            seconds, sure = self.starts[i] - self.starts[j], (group or self.placement).confidence
            decided, confidence = "sound" if group is None else "picture", min(sure[i], sure[j])
            around = self._around(pair, pair)
        elif picture is not None and picture.placed and picture.seconds is not None:
            decided, seconds = "picture", picture.seconds
            confidence = weighed(picture.confidence, evidence, [(pair, seconds)])
            around = half_width(picture.confidence, evidence.cue) / evidence.rate
        elif sound is not None and sound.placed and sound.seconds is not None:
            decided, seconds, confidence = "sound", sound.seconds, sound.confidence
            around = half_seconds(evidence.sounds.matches[pair], evidence.search.microphone_distance)
        else:
            return self._refused(estimate, pair)
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

    def _refused(self, estimate: OffsetEstimate, pair: Pair) -> OffsetEstimate:
        """A pair without an answer: what the pictures say, if there are any, is the reason."""
        evidence, curve, match = self.evidence, self.evidence.curves.get(pair), self.evidence.sounds.matches.get(pair)
        rivals: tuple[float, ...] = ()
        if curve is not None and (doubt := judge(curve).doubt) is not None:
            rivals = tuple(((doubt.best or 0) + away) / evidence.rate for away in doubt.rivals)
        elif match is not None:
            rivals = rivals_nearest(match)
        said = estimate.witnesses
        deaf = [evidence.paths[n] for n in pair if n not in evidence.sounds.present]
        return replace(
            estimate,
            confidence=max((witness.confidence for witness in said), default=0.0),
            reason=said[0].reason if said else f"{' and '.join(deaf)}: no sound to compare",
            rivals_seconds=rivals,
        )

    def _around(self, pair: Pair, judged: Sequence[int]) -> float:
        """Seconds to either side of the offset of a pair on the timeline, by the confidence of the files ``judged``."""
        group = _group(self.by_pictures, pair)
        if group is not None:
            return half_width(min(group.confidence[n] for n in judged), self.evidence.cue) / self.evidence.rate
        return float(self._spread[pair])

    @cached_property
    def _spread(self) -> np.ndarray:
        """[N, N] seconds: the least sum of what is uncertain along a chain of pairs that place each other."""
        from scipy.sparse.csgraph import floyd_warshall

        evidence = self.evidence
        links = np.full((len(evidence.paths),) * 2, np.inf)
        for i, j in combinations(sorted(self.starts), 2):
            group, match = _group(self.by_pictures, (i, j)), evidence.sounds.matches.get((i, j))
            if group is not None:
                links[i, j] = half_width(min(group.confidence[i], group.confidence[j]), evidence.cue) / evidence.rate
            elif match is not None:
                around = half_seconds(match, evidence.search.microphone_distance)
                if abs(match.seconds - (self.starts[i] - self.starts[j])) <= around + LATEST:
                    links[i, j] = around
        return np.asarray(floyd_warshall(np.minimum(links, links.T), directed=False))

    def _why_not(self, number: int, doubt: Doubt) -> str:
        evidence = self.evidence
        seen = number in evidence.infos or number not in evidence.sounds.present
        reasons = []
        if evidence.looks and seen:
            reasons.append(evidence.problems.get(number) or why_not(doubt, evidence.rate, evidence.search))
        heard = [match for pair, match in evidence.sounds.matches.items() if number in pair]
        if heard:
            best = max(heard, key=lambda match: match.confidence)
            said = TORN if best.placed else why_not_heard(best, evidence.search)
            reasons.append(f"by sound: {said}" if reasons else said)
        elif not reasons:
            reasons.append(self._unheard(number))
        return "; ".join(reasons)

    def _unheard(self, number: int) -> str:
        """Why a file that could be placed by sound alone has none that was compared."""
        evidence = self.evidence
        if number in evidence.sounds.problems:
            return evidence.sounds.problems[number]
        if number in evidence.sounds.present:
            return ALONE if number in evidence.infos else f"it has sound only, and {ALONE}"
        if number not in evidence.infos:
            return evidence.problems[number]
        return NO_SOUND if evidence.audio == "only" else NO_PICTURES

    def _note(self, number: int) -> str | None:
        """What to know of a file: cut off, sound that is damaged, pictures that are of no use."""
        evidence, path = self.evidence, self.evidence.paths[number]
        info, mute = evidence.infos.get(number), evidence.sounds.problems.get(number)
        unseen = evidence.problems.get(number, NO_VIDEO)
        said = list(evidence.sounds.notes.get(number, ()))
        if mute is not None and mute != SILENT and evidence.looks and info is not None:
            said.append(f"{_clause(mute, path)}; its pictures alone were used")
        known = NO_VIDEO in unseen or any("its pictures cannot be read" in note for note in said)
        if evidence.looks and number in self.starts and not known:
            said.append(f"its pictures were not compared ({_clause(unseen, path)}); its sound places it")
        if info is not None and (late := said_of_start(evidence.recorded.get(number, UNKNOWN))) is not None:
            said.insert(0, late)
        notes = [] if info is None or info.note is None else [info.note]
        notes += [f"{path}: {'; '.join(said)}"] if said else []
        return "; ".join(notes) or None


def _clause(error: str, path: str) -> str:
    """What an error says of a file, without its name."""
    return error.removeprefix(f"{os.path.abspath(path)}: ").rstrip(".")


def _of_sound(pair: OffsetEstimate) -> OffsetEstimate:
    """The same pair, where the cue is one of sound."""
    witnesses = tuple(replace(witness, name="sound") for witness in pair.witnesses)
    return replace(pair, witnesses=witnesses, decided_by=pair.decided_by and "sound")


def _group(groups: Sequence[Placement], pair: Pair) -> Placement | None:
    """The group that holds both files; None: pictures do not place them together."""
    return next((group for group in groups if all(n in group.starts for n in pair)), None)
