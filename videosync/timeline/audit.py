"""Which cameras of sets that are said to be synchronised are off, by how much, and how sure that is.

Each event is put on a timeline as ``sync`` does. What remains of a camera's start once the claimed one is taken off is
compared with what remains of the others: the largest group that fits together is taken to be right.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from statistics import median
from typing import Any, NamedTuple

from videosync.cues import DEFAULT_CUE
from videosync.errors import VideoError
from videosync.files import rounded
from videosync.lags.scores import APART, LagScores, added
from videosync.timeline.audit_events import AuditEvent
from videosync.timeline.calibration import calibration_for
from videosync.timeline.conclude import conclude
from videosync.timeline.confidence import half_width
from videosync.timeline.evidence import gather
from videosync.timeline.placement import judge, place
from videosync.timeline.progress import Progress
from videosync.timeline.reasons import Search, why_not
from videosync.timeline.result import DIGITS, PlacedFile

IN_SYNC, OFF_BY, CANNOT_TELL = "in sync", "off by", "cannot tell"  # verdicts
POOLED = "(pooled)"  # the event of rows on all events together
POOL_FROM = 8  # events of the same cameras that are pooled unless nobody wants it
SAID = 0.9  # how likely a claim is right before anything is seen: off by takes evidence against that
FINEST = 0.25  # frames to either side, however many events there are: shutters are no better in step
CLAIMED_LAGS = 3  # offsets that are within a frame of the claimed one
UNSTEADY = ("break", "speed")  # codes of warnings: no one start is right for all of the file
USUAL_RATE = 25.0  # frames/s in which files without pictures are counted

Pair = tuple[int, int]
Curves = Mapping[Pair, tuple[float, LagScores]]  # (i, j) → frames/s, and scores of how much later i starts than claimed


class Scores(NamedTuple):
    """Of a pair: at the offset that was measured, at the one that is claimed, and how many offsets were tried."""

    measured: float
    claimed: float
    lags: int


@dataclass(frozen=True)
class Verdict:
    """What is found of one camera in one event, or (``event`` is ``POOLED``) in all of them."""

    event: str
    camera: str
    path: str | None
    claimed_seconds: float | None  # its start on the event's clock, as it is said to be
    verdict: str  # IN_SYNC, OFF_BY or CANNOT_TELL
    fps: float  # frames/s in which ``frames`` counts
    off_by_seconds: float | None = None  # positive: it starts later than it is said to
    interval_seconds: tuple[float, float] | None = None  # 95 %, of that
    confidence: float = 0.0  # the probability that it is right within a frame
    against: tuple[str, ...] = ()  # the cameras that it is compared with
    reason: str | None = None  # why it cannot be told, or what else there is to know
    events: int = 1  # that the row rests on

    @property
    def measured_seconds(self) -> float | None:
        known = self.claimed_seconds is not None and self.off_by_seconds is not None
        return self.claimed_seconds + self.off_by_seconds if known else None  # type: ignore[operator]

    @property
    def off_by_frames(self) -> float | None:
        return None if self.off_by_seconds is None else self.off_by_seconds * self.fps

    def to_json(self) -> dict[str, Any]:
        told = {
            "event": self.event,
            "camera": self.camera,
            "path": self.path,
            "claimed_seconds": self.claimed_seconds,
            "measured_seconds": self.measured_seconds,
            "off_by_seconds": self.off_by_seconds,
            "off_by_frames": self.off_by_frames,
            "fps": self.fps,
            "interval_seconds": self.interval_seconds,
            "confidence": self.confidence,
            "verdict": self.verdict,
            "against": self.against,
            "events": self.events,
            "reason": self.reason,
        }
        return dict(rounded(told, DIGITS))


@dataclass(frozen=True)
class Asked:
    """What pixels and sound say of one event."""

    event: AuditEvent
    files: Mapping[int, PlacedFile] = field(default_factory=dict)  # camera → its place; those that could be read
    cue: str | None = None  # whose numbers gave the confidence of pictures
    curves: Curves = field(default_factory=dict)  # of pictures; i against j
    # (i, j) → by which witness the offset of the pair is known, and seconds to either side of it (95 %)
    ties: Mapping[Pair, tuple[str, float]] = field(default_factory=dict)
    problem: str | None = None  # why nothing is known of the whole event
    notes: tuple[str, ...] = ()  # on how it was asked


def ask(event: AuditEvent, *, max_offset: float | None = None, cue: str = DEFAULT_CUE, audio: str = "auto",
        cache: str | os.PathLike[str] | None = None, chapters: str = "off",
        progress: Progress | None = None) -> Asked:  # fmt: skip
    """Put the cameras of an event on a timeline; files that are not there are left out.

    Args:
        max_offset: seconds that a camera may be off (default: any). cue, audio, cache, progress: as of ``sync``.
        chapters: as of ``sync``, of events whose files may be some. A recording has the name of its first chapter.
    """
    there = [n for n, path in enumerate(event.paths) if os.path.isfile(path)]
    claimed = [event.claimed[n] for n in there]
    apart = max(claimed, default=0.0) - min(claimed, default=0.0)
    most = None if max_offset is None else max_offset + apart
    try:
        paths = [event.paths[n] for n in there]
        evidence = gather(
            paths, max_offset=most, cue=cue, audio=audio, cache=cache, progress=progress,
            chapters="off" if event.whole else chapters,
        )  # fmt: skip
        timeline = conclude(evidence, progress=progress)
    except VideoError as error:
        return Asked(event, problem=str(error).rstrip("."))
    event = event.without({part.path for parts in evidence.chapters.values() for part in parts[1:]})
    there = [event.paths.index(path) for path in evidence.paths]
    placed = {file.path: file for file in timeline.files}
    files = {n: placed[path] for n, path in zip(there, evidence.paths)}
    for a, (*_, last) in evidence.chapters.items():
        files[there[a]] = replace(files[there[a]], duration_seconds=last.begin + last.info.duration)
    curves: dict[Pair, tuple[float, LagScores]] = {}
    ties: dict[Pair, tuple[str, float]] = {}
    for a, b in combinations(range(len(there)), 2):
        i, j = there[a], there[b]
        estimate = timeline.offset(event.paths[i], event.paths[j]) if {a, b} <= set(evidence.files) else None
        if estimate is not None and estimate.decided_by is not None and estimate.interval_seconds is not None:
            low, high = estimate.interval_seconds
            ties[i, j] = estimate.decided_by, (high - low) / 2
        if (curve := evidence.curves.get((a, b))) is not None:
            rate = evidence.grid((a, b))
            curves[i, j] = rate, _moved(curve, round((event.claimed[i] - event.claimed[j]) * rate))
    return Asked(event, files, evidence.cue, curves, ties, notes=evidence.notes)


def _moved(curve: LagScores, by: int) -> LagScores:
    return added([(by, curve)]) if by else curve


def judge_event(asked: Asked, tolerance: float = 1.0) -> list[Verdict]:
    """The verdict on each camera of an event. ``tolerance``: frames that a camera in sync may be off."""
    event = asked.event
    fps = min((file.fps for file in asked.files.values() if file.fps), default=USUAL_RATE)
    residuals = {
        n: file.start_seconds - event.claimed[n] for n, file in asked.files.items() if file.start_seconds is not None
    }
    groups, found = together(residuals, tolerance / fps), []
    for n, camera in enumerate(event.cameras):
        file = asked.files.get(n)
        told = Verdict(event.name, camera, event.paths[n], event.claimed[n], CANNOT_TELL, fps)
        if n not in residuals or file is None or len(residuals) < 2:
            missing = None if os.path.isfile(event.paths[n]) else "the file is missing"
            why = missing or (asked.problem if file is None else file.reason)
            found.append(replace(told, reason=why, confidence=0.0 if file is None else file.confidence))
            continue
        against = others(groups, n)
        off = _worst(residuals[n] - median(residuals[m] for m in against), file)
        around = _around(asked, n, against)
        told = replace(
            told, off_by_seconds=off, interval_seconds=(off - around, off + around), confidence=file.confidence,
            against=tuple(event.cameras[m] for m in against), reason=_undecided(groups),
        )  # fmt: skip
        unsteady = next((one.text for one in file.warnings if one.code in UNSTEADY), None)
        if unsteady is not None:
            found.append(replace(told, verdict=OFF_BY, reason=unsteady))
        else:
            seen = {pair: asked.curves[pair] for pair in asked.curves if asked.ties.get(pair, ("",))[0] == "picture"}
            found.append(_judged(told, tolerance, _scores(seen, n, against, off), asked.cue))
    return found


def _judged(told: Verdict, tolerance: float, scores: Sequence[Scores], cue: str | None) -> Verdict:
    """The verdict by the interval. ``scores``: of the pairs of which pictures were compared."""
    assert told.interval_seconds is not None
    low, high = (end * told.fps for end in told.interval_seconds)
    if told.confidence <= calibration_for(cue).accepted:
        return replace(
            told, reason="no surer than what places a file at all; sound may say something else than pictures"
        )
    if -tolerance <= low and high <= tolerance:
        return replace(told, verdict=IN_SYNC)
    if low <= tolerance and high >= -tolerance:
        text = f"off by {low:+.2f} to {high:+.2f} frames, which is neither all within {tolerance:g} nor all beyond"
        return replace(told, reason=f"{text}; see --tolerance")
    if scores:  # of pictures: is the claim refuted, though it was likely?
        table = calibration_for(cue)
        gain = table.sharpness * sum(one.measured - one.claimed for one in scores) / math.sqrt(len(scores))
        prior = SAID / (1 - SAID) * max(one.lags for one in scores) / CLAIMED_LAGS
        if gain < math.log(prior * table.accepted / (1 - table.accepted)):
            return replace(told, reason="another start fits better than the claimed one, but not so much better")
    return replace(told, verdict=OFF_BY)


def _scores(curves: Curves, n: int, against: Sequence[int], off: float) -> list[Scores]:
    """Of each pair with the camera ``n`` of which pictures were compared, where another peak than that of the claim is
    the highest; ``off``: seconds that were measured."""
    found = []
    for m in against:
        pair = min(n, m), max(n, m)
        if pair in curves:
            rate, curve = curves[pair]
            lag = round((off if n < m else -off) * rate)
            near = [max(curve.at(k) for k in range(at - 1, at + 2)) for at in (lag, 0)]
            if abs(lag) > APART:
                found.append(Scores(near[0], near[1], len(curve.scores)))
    return found


def _worst(off: float, file: PlacedFile) -> float:
    """What a camera is off by where it is off most: if its clock drifts, at one of its ends."""
    last = off + (file.duration_seconds or 0.0) * (file.pace - 1)
    return max(off, last, key=abs)


def _around(asked: Asked, n: int, against: Sequence[int]) -> float:
    """Seconds to either side of what a camera is off by: those of a pair, and less the more pictures it is compared
    with. Sound that is late is so in all pairs."""
    known = [asked.ties[pair] for m in against if (pair := (min(n, m), max(n, m))) in asked.ties]
    seen = [seconds for by, seconds in known if by == "picture"]
    if seen:
        return max(seen) / math.sqrt(len(seen))
    return min((seconds for _, seconds in known), default=math.inf)


def together(residuals: Mapping[int, float], within: float) -> list[frozenset[int]]:
    """Cameras that fit together, the largest group first: each is no further than ``within`` seconds from the next."""
    groups: list[list[int]] = []
    for n in sorted(residuals, key=lambda n: (residuals[n], n)):
        if groups and residuals[n] - residuals[groups[-1][-1]] <= within:
            groups[-1].append(n)
        else:
            groups.append([n])
    return sorted(map(frozenset, groups), key=lambda group: (-len(group), min(group)))


def others(groups: Sequence[frozenset[int]], camera: int) -> list[int]:
    """The cameras that one is compared with: the largest group, itself left out; of equally large ones the first that
    it is not in, for nobody knows which of them is right."""
    first, *rest = groups
    tie = bool(rest) and len(rest[0]) == len(first)
    reference = first if not tie else next(group for group in groups if camera not in group)
    return sorted(reference - {camera})


def _undecided(groups: Sequence[frozenset[int]]) -> str | None:
    """What is said where no group is the largest."""
    if len(groups) < 2 or len(groups[0]) > len(groups[1]):
        return None
    return "which cameras are off is not known: of those that do not fit together no group is the largest"


def pool(asked: Sequence[Asked], tolerance: float = 1.0) -> list[Verdict]:
    """The verdict on each camera over all events, where the same cameras film them and none is moved in between.

    The lag scores of a pair of cameras are added over events, each moved by what is claimed: what is too little to tell
    in one event tells in all of them. Pictures only, at the most frequent rate of each pair.
    """
    names = list(dict.fromkeys(camera for one in asked for camera in one.event.cameras))
    curves: dict[Pair, dict[float, list[LagScores]]] = {}
    for one in asked:
        for (i, j), (rate, curve) in one.curves.items():
            a, b = (names.index(one.event.cameras[n]) for n in (i, j))
            scores = curve if a < b else curve.reversed()
            curves.setdefault((min(a, b), max(a, b)), {}).setdefault(round(rate, 2), []).append(scores)
    if not curves:
        return []
    rates = [rate for by_rate in curves.values() for rate, some in by_rate.items() for _ in some]
    fps = max(set(rates), key=rates.count)
    used = {pair: by_rate[fps] for pair, by_rate in curves.items() if fps in by_rate}
    summed = {pair: (fps, added([(0, one) for one in some])) for pair, some in used.items()}
    sure_of = {pair: sum(judge(one).doubt is None for one in some) for pair, some in used.items()}
    placed = place({pair: curve for pair, (_, curve) in summed.items()}, range(len(names)))
    residuals = {n: start / fps for n, start in placed.starts.items()}
    groups, found = together(residuals, tolerance / fps), []
    cue = next(one.cue for one in asked if one.curves)
    for n, camera in enumerate(names):
        count = max((len(some) for pair, some in used.items() if n in pair), default=0)
        told = Verdict(POOLED, camera, None, None, CANNOT_TELL, fps, events=count)
        if n not in residuals:
            doubt = placed.doubts[n]
            why = why_not(doubt, fps, Search(None, None))
            found.append(replace(told, confidence=doubt.confidence, reason=why))
            continue
        against = others(groups, n)
        off = residuals[n] - median(residuals[m] for m in against)
        sure = sum(sure_of.get((min(n, m), max(n, m)), 0) for m in against)
        around = max(FINEST, half_width(placed.confidence[n], cue) / math.sqrt(max(len(against), sure))) / fps
        told = replace(
            told, off_by_seconds=off, interval_seconds=(off - around, off + around),
            confidence=placed.confidence[n], against=tuple(names[m] for m in against), reason=_undecided(groups),
        )  # fmt: skip
        found.append(_judged(told, tolerance, _scores(summed, n, against, off), cue))
    return found
