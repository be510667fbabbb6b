"""What pictures and sound of two files say about their offset, each by itself, and what the two are worth together.

If they agree, both would have to be wrong for the answer to be wrong: 1 - (1 - p)(1 - q). If they do not, sound never
outweighs pictures that are sure: sound tracks are put under, and music is played again, but pictures are not.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from videosync.lags.scores import LagScores
from videosync.timeline.calibration import SOUND, calibration_for
from videosync.timeline.confidence import half_width
from videosync.timeline.evidence import Evidence
from videosync.timeline.placement import Doubt, DoubtKind, Placement, in_frames, judge
from videosync.timeline.rates import too_slow
from videosync.timeline.reasons import why_not, why_not_heard
from videosync.timeline.sounds import agrees, sound_scores
from videosync.types import Witness

if TYPE_CHECKING:
    from videosync.sound.match import SoundMatch

Pair = tuple[int, int]  # of files, the smaller number first
NOTHING_HEARD = ("silent", "short")  # reasons of matches that say nothing of any offset
NOT_ONE = ("repeats", "edge")  # of those whose offset is one of many, or the last that was tried: they bear nothing out
NOT_COMPARED = "their pictures were not compared: of many files, each is compared with those it most likely goes with"
WHATEVER_RATE = (DoubtKind.EDGE, DoubtKind.FLAT, DoubtKind.PERIODIC)  # doubts that more frames/s would not resolve
MARGIN = 0.01  # by which sound that is placed is surer than the least confidence that places, and other sound less


def rate_of(evidence: Evidence, pair: Pair) -> float | None:
    """Frames/s of the slower file; None: neither has pictures."""
    return min((evidence.infos[n].fps for n in pair if n in evidence.infos), default=None)


def witnesses(evidence: Evidence, pair: Pair) -> tuple[Witness, ...]:
    """Those that a pair has: the cue's where pictures of both files were read, sound where both have a track."""
    found = [_cue(evidence, pair)] if evidence.looks and all(n in evidence.infos for n in pair) else []
    found += [_sound(evidence, pair)] if all(n in evidence.sounds.present for n in pair) else []
    return tuple(found)


def _cue(evidence: Evidence, pair: Pair) -> Witness:
    curve, rate = evidence.curves.get(pair), evidence.grid(pair)
    if curve is None and pair in evidence.left_out:
        return Witness("picture", False, 0.0, reason=NOT_COMPARED, code="not_compared")
    if curve is None:
        problem = next((evidence.problems[n] for n in pair if n in evidence.problems), None)
        unknown = why_not_seen(evidence, Doubt(DoubtKind.UNKNOWN), pair, pair)
        code, reason = unknown if problem is None else ("unusable", problem)
        return Witness("picture", False, 0.0, reason=reason, code=code)
    said = judge(curve)
    seconds = curve.vertex(said.lag) / rate
    around = half_width(said.confidence, evidence.cue) / rate
    placed = Witness("picture", True, said.confidence, seconds, (seconds - around, seconds + around))
    if said.doubt is None:
        return placed
    code, reason = why_not_seen(evidence, in_frames(said.doubt, rate / evidence.rate), pair, pair)
    return replace(placed, placed=False, reason=reason, code=code)


def why_not_seen(evidence: Evidence, doubt: Doubt, files: Collection[int], among: Collection[int]) -> tuple[str, str]:
    """Why pictures do not place a file, or a pair: a code, and a sentence.

    Args:
        doubt: in frames of ``Evidence.rate``. files: the one, or the two of the pair. among: those it is compared with.
    """
    seen = [n for n in files if n in evidence.infos]
    if doubt.kind not in WHATEVER_RATE and seen:
        slowest = min(seen, key=lambda n: evidence.infos[n].fps)
        others = [evidence.infos[n] for n in among if n != slowest and n in evidence.infos]
        if (slow := too_slow(evidence.infos[slowest], others)) is not None:
            return "low_rate", slow if len(files) == 1 else f"{os.path.basename(evidence.paths[slowest])}: {slow}"
    return doubt.kind.name.lower(), why_not(doubt, evidence.rate, evidence.search)


def _sound(evidence: Evidence, pair: Pair) -> Witness:
    sounds = evidence.sounds
    match = sounds.matches.get(pair)
    if match is None:
        reason = next((sounds.problems[n] for n in pair if n in sounds.problems), None)
        return Witness("sound", False, 0.0, reason=reason, code="unusable")
    reason = None if match.placed else why_not_heard(match, evidence.search)
    if match.reason in NOTHING_HEARD:
        return Witness("sound", False, 0.0, reason=reason, code=match.reason)
    return Witness(
        "sound",
        match.placed,
        match.confidence,
        match.seconds,
        match.interval,
        reason,
        match.reason,
        match.precise,
        match.drift_ppm,
        match.features.get("agreeing_share"),
        sounds.shared_seconds(pair),
    )


def echo(evidence: Evidence, pair: Pair, seconds: float) -> bool | None:
    """Whether sound says the same of a pair as pictures that are ``seconds`` apart.

    False: it is sure, and says something else. None: it says nothing, or is not sure.
    """
    match = evidence.sounds.matches.get(pair)
    if match is None or match.reason in (*NOTHING_HEARD, *NOT_ONE):
        return None
    frame = 1 / (rate_of(evidence, pair) or evidence.rate)
    if agrees(match, seconds, frame, evidence.search.microphone_distance):
        return True
    return False if match.placed else None


def sureness(match: SoundMatch) -> float:
    """The confidence of a match: on its own side of the least confidence that places a file."""
    least = calibration_for(SOUND).accepted
    return max(match.confidence, least + MARGIN) if match.placed else min(match.confidence, least - MARGIN)


def together(one: float, other: float) -> float:
    """The confidence of two witnesses that agree."""
    return 1 - (1 - one) * (1 - other)


def weighed(confidence: float, evidence: Evidence, answers: Sequence[tuple[Pair, float]]) -> float:
    """How sure an answer of pictures is, given what sound says of its pairs.

    Where sound is sure of something else, and nowhere as sure of the same, the least confidence that is an answer is
    left.

    Args:
        answers: the pairs of one file, or the only pair, and the offset that pictures give each, seconds.
    """
    said = [(echo(evidence, pair, seconds), evidence.sounds.matches.get(pair)) for pair, seconds in answers]
    against = any(same is False for same, _ in said)
    agreeing = [sureness(m) for same, m in said if same and m is not None and (m.placed or not against)]
    if agreeing:
        return together(confidence, max(agreeing))
    return min(confidence, calibration_for(evidence.cue).accepted) if against else confidence


def weighed_group(group: Placement, evidence: Evidence) -> Placement:
    """Files that pictures place, as sure as sound leaves them."""
    starts = {number: start / evidence.rate for number, start in group.starts.items()}
    pairs = [pair for pair in evidence.sounds.matches if set(pair) <= starts.keys()]
    confidence = {
        number: weighed(sure, evidence, [((i, j), starts[i] - starts[j]) for i, j in pairs if number in (i, j)])
        for number, sure in group.confidence.items()
    }
    return replace(group, confidence=confidence)


def sound_curves(evidence: Evidence) -> dict[Pair, LagScores]:
    """What sound says of each pair, as lag scores; surer than by itself where pictures that are not sure agree."""
    curves = {}
    for pair, match in evidence.sounds.matches.items():
        if match.reason in NOTHING_HEARD:
            continue
        confidence = sureness(match)
        picture = _cue(evidence, pair)
        if picture.seconds is not None and echo(evidence, pair, picture.seconds):
            confidence = together(confidence, picture.confidence)
        curves[pair] = sound_scores(match, confidence)
    return curves
