"""Which cameras belong on one timeline, where they start on it, and how sure that is.

Cameras are placed jointly; then every way to part them that matters is tried: moved against the others by some
frames, would one side fit about as well elsewhere? If so, the smaller side is taken off and the rest placed anew.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, auto

import numpy as np

from videosync.lags.scores import APART, LagScores
from videosync.timeline.calibration import calibration_for
from videosync.timeline.confidence import lag_probabilities, odds_and_mass, probability, probability_right
from videosync.timeline.solve import (
    Curves,
    Starts,
    connected,
    fine_starts,
    joint_starts,
    moved_curve,
    spanning_cuts,
    total_score,
)

ALIKE = 1.0  # standard errors above chance: a peak this high shows that the videos have something in common
RIVAL = 0.05  # times as likely as the answer: what else would do
MOST_RIVALS = 4
AT_ONCE = 4  # of many refused cuts, one in so many is made before the rest is placed anew …
HOPELESS = 0.2  # … if its confidence is below this
SOME = 3  # one in so many pairs between two sides has to be as sure as these are tied, where pairs were picked
SHORT = 60  # frames: of a clip that is shorter, length is the likely reason
ALIKE_MOVED = 0.5  # correlation of a curve with itself that makes the motion periodic …
UNLIKE = 0.0  # … where it is no more than this when moved by less


class DoubtKind(Enum):
    """What best explains that cameras are not placed; ``reasons`` has a sentence for each."""

    EDGE = auto()
    FLAT = auto()
    SHORT = auto()
    PERIODIC = auto()
    DISAGREE = auto()
    AMBIGUOUS = auto()
    WEAK = auto()
    FRAGILE = auto()
    UNRELATED = auto()
    ALONE = auto()
    UNKNOWN = auto()


@dataclass(frozen=True)
class Doubt:
    """Why cameras are not placed against others."""

    kind: DoubtKind
    best: float | None = None  # frames by which the group would be moved from ``starts``
    rivals: tuple[float, ...] = ()  # frames away from ``best`` that are not much less likely
    confidence: float = 0.0  # that ``best`` is right all the same


def in_frames(doubt: Doubt, steps: float) -> Doubt:
    """A doubt about offsets in steps of a grid, in frames that last so many of them."""
    best = None if doubt.best is None else doubt.best / steps
    return replace(doubt, best=best, rivals=tuple(away / steps for away in doubt.rivals))


@dataclass(frozen=True)
class Placement:
    """Cameras on one timeline, in frames of the common grid; the others with what keeps them off it."""

    starts: dict[int, float]  # camera → frames, of those placed; empty, or two and more
    confidence: dict[int, float] = field(default_factory=dict)  # camera → weakest tie to the others
    doubts: dict[int, Doubt] = field(default_factory=dict)  # camera → why it is not placed


@dataclass(frozen=True)
class Answer:
    """What one curve supports: its best offset, how sure that is, and what else would do."""

    lag: int  # frames
    confidence: float
    doubt: Doubt | None  # None: accepted


def judge(curve: LagScores, lag: int | None = None) -> Answer:
    """Judge the offset ``lag`` of a curve (None: its best).

    One at an end of the range is never accepted, and neither is one of a curve that one moment made.
    """
    lag = curve.best() if lag is None else lag
    confidence = probability_right(curve, lag)
    if curve.scores.any() and curve.at_edge(lag):
        return Answer(lag, confidence, Doubt(DoubtKind.EDGE, lag, confidence=confidence))
    if confidence >= calibration_for(curve.cue).accepted and not curve.fragile:
        return Answer(lag, confidence, None)
    rivals = rivals_of(curve, lag)
    return Answer(lag, confidence, Doubt(_kind(curve, lag, rivals), lag, rivals, confidence))


def sure_groups(curves: Curves, files: Collection[int]) -> list[frozenset[int]]:
    """Files that pairs tie which are sure enough to go with the largest group, each pair by itself, the largest first.

    How large that is, pairs say that are sure whatever they were picked from.
    """

    def tied(tries: float) -> list[frozenset[int]]:
        sure = (pair for pair, curve in curves.items() if judge(curve.picked(tries)).doubt is None)
        return connected(files, sure)

    picked = max((curve.picked_from for curve in curves.values()), default=1.0)
    return tied(going_with(picked, len(tied(picked)[0])))


def going_with(picked: float, files: int) -> float:
    """Odds that a file does not go with a group of so many, where each file goes with one of ``picked`` others."""
    return max(1.0, (picked + 1) / files - 1)


def rivals_of(curve: LagScores, lag: int) -> tuple[int, ...]:
    """The other offsets that are not much less likely than ``lag``, best first, as distances from it in frames."""
    likely = lag_probabilities(curve)
    least = RIVAL * likely[abs(curve.lags - lag) <= 1].max()
    peaks = LagScores(curve.first, likely).peaks(MOST_RIVALS + 1)
    rivals = [k for k in peaks if abs(k - lag) > APART and likely[k - curve.first] >= least]
    return tuple(k - lag for k in rivals[:MOST_RIVALS])


def _kind(curve: LagScores, lag: int, rivals: Sequence[int]) -> DoubtKind:
    """What best explains that an answer is not sure."""
    seen = curve.support()
    if curve.fragile:
        return DoubtKind.FRAGILE
    if not curve.scores.any():
        return DoubtKind.FLAT
    if _repeats(curve, rivals):
        return DoubtKind.PERIODIC
    if curve.frames is not None and curve.frames < SHORT:
        return DoubtKind.SHORT
    chance = math.sqrt(2 * math.log(len(curve.scores)))
    if curve.near(seen.level, lag) < chance + ALIKE:
        return DoubtKind.UNRELATED
    alone = [abs(int(curve.lags[part.argmax()]) - lag) <= APART for part in seen.parts if part.any()]
    if sum(alone) < len(alone) / 2:
        return DoubtKind.DISAGREE
    return DoubtKind.AMBIGUOUS if rivals else DoubtKind.WEAK


def _repeats(curve: LagScores, rivals: Sequence[int]) -> bool:
    """Whether the whole curve resembles itself moved by the distance of a rival, and not when moved by less.

    A curve that is merely smooth resembles itself moved by a little, and less and less from there on.
    """
    furthest = max((abs(rival) for rival in rivals if 2 * abs(rival) <= len(curve.scores)), default=0)
    alike = np.array([_alike(curve.scores, away) for away in range(1, furthest + 1)])
    distances = sorted({abs(rival) for rival in rivals if abs(rival) <= furthest})
    return any(alike[away - 1] >= ALIKE_MOVED and alike[:away].min() <= UNLIKE for away in distances)


def _alike(scores: np.ndarray, away: int) -> float:
    """Correlation of a curve [L] with itself moved by ``away`` < L."""
    centred = scores - scores.mean()
    one, other = centred[away:], centred[:-away]
    size = math.sqrt((one @ one) * (other @ other))
    return float(one @ other) / size if size > 0 else 0.0


def place(
    curves: Curves, cameras: Sequence[int], prefer: int | None = None, keep: int | None = None,
    files: Mapping[int, int] | None = None,
) -> Placement:  # fmt: skip
    """Place as many cameras as can be with confidence.

    Args:
        curves: (i, j) → lag scores of ``start_i - start_j``, of the pairs that have any.
        prefer: of two groups of equal size that do not fit together the one with this camera is kept.
        keep: of two groups of any size that do not fit together the one with this camera is kept.
        files: camera → files that it stands for (default: one).
    """
    active = list(cameras)
    doubts: dict[int, Doubt] = {}
    alone = _Alone(curves, files or {})
    while len(active) > 1:
        starts = joint_starts(curves, active)
        for camera in set(active) - set(starts):
            doubts[camera] = Doubt(DoubtKind.UNKNOWN)
        active = sorted(starts)
        if len(active) < 2:
            break
        cuts = [(side, _judged(curves, starts, side, alone)) for side in spanning_cuts(curves, starts)]
        refused = [(side, said) for side, said in cuts if said.doubt is not None]
        if not refused:
            ties = {c: min(a.confidence for s, a in cuts if _parts(s, c, active)) for c in active}
            return Placement(fine_starts(curves, starts), ties, doubts)
        leaving: dict[int, Doubt] = {}
        for side, said in _least_sure(refused, len(active)):
            assert said.doubt is not None
            leaving |= dict.fromkeys(_weaker(curves, starts, side, prefer, keep), said.doubt)
        doubts |= leaving
        active = [camera for camera in active if camera not in leaving]
        if len(active) < 2:
            doubts |= dict.fromkeys(active, list(leaving.values())[-1])
    for camera in active:
        doubts.setdefault(camera, Doubt(DoubtKind.ALONE if len(cameras) == 1 else DoubtKind.UNKNOWN))
    return Placement({}, {}, doubts)


def _least_sure(refused: Sequence[tuple[frozenset[int], Answer]], cameras: int) -> list[tuple[frozenset[int], Answer]]:
    """The cut that is least sure. Of many, a share of those of one camera each that are hopeless: each changes hardly
    anything for the others, and to solve all anew after each would take too long."""
    ranked = sorted(refused, key=lambda cut: (cut[1].confidence, -len(cut[0])))
    single = [cut for cut in ranked if len(cut[0]) in (1, cameras - 1) and cut[1].confidence < HOPELESS]
    return single[: len(refused) // AT_ONCE] if len(refused) >= 2 * AT_ONCE and single else ranked[:1]


class _Alone:
    """How sure each pair is of an offset by itself; ``files``: as of ``place``."""

    def __init__(self, curves: Curves, files: Mapping[int, int]) -> None:
        self._curves, self._files = curves, files
        self._known: dict[tuple[int, int, int], tuple[float, float]] = {}

    def files(self, cameras: Collection[int]) -> int:
        return sum(self._files.get(camera, 1) for camera in cameras)

    def __call__(self, pair: tuple[int, int], lag: int, tries: float) -> float:
        """The probability that ``lag`` is right, picked from so many."""
        curve = self._curves[pair]
        if not curve.covers(lag):
            return 0.0
        if (*pair, lag) not in self._known:
            self._known[*pair, lag] = odds_and_mass(curve, lag)
        return probability(*self._known[*pair, lag], tries, curve.cue)


def _judged(curves: Curves, starts: Starts, side: frozenset[int], alone: _Alone) -> Answer:
    """Judge how surely two sides are tied.

    Curves that were picked say from how many files. A side could go with any of those outside it: the odds that it goes
    with the other side are those of drawing one of that. And all pairs of two events see it alike if their motions
    resemble each other somewhere by chance, as some do of many: two sides are tied no more surely than some of their
    pairs are, each by itself.
    """
    curve = moved_curve(curves, starts, side, 0)
    assert curve is not None  # spanning cuts part cameras that a pair joins
    tries = going_with(curve.picked_from, max(alone.files(side), alone.files(starts.keys() - side)))
    answer = judge(curve.picked(tries), 0)
    if tries == 1:
        return answer
    pairs = [(i, j) for i, j in curves if i in starts and j in starts and (i in side) != (j in side)]
    sure = sorted((alone((i, j), starts[i] - starts[j], tries) for i, j in pairs), reverse=True)
    most = sure[math.ceil(len(sure) / SOME) - 1]
    if most >= answer.confidence:
        return answer
    if most >= calibration_for(curve.cue).accepted:
        return replace(answer, confidence=most)
    return Answer(0, most, Doubt(DoubtKind.WEAK, 0, confidence=most))


def _parts(side: frozenset[int], camera: int, cameras: Collection[int]) -> bool:
    """Whether a cut bears on one camera: it stands alone, or on the smaller side."""
    rest = frozenset(cameras) - side
    return camera in (side if len(side) < len(rest) else rest if len(rest) < len(side) else side | rest)


def _weaker(
    curves: Curves, starts: Starts, side: frozenset[int], prefer: int | None, keep: int | None
) -> frozenset[int]:
    """The side of a cut that leaves: the one without ``keep``, or the smaller one; of equal ones the one without
    ``prefer``, or of less score."""

    def rank(group: frozenset[int]) -> tuple[bool, int, bool, float]:
        inner = {camera: starts[camera] for camera in group}
        return keep in group, len(group), prefer in group, total_score(curves, inner)

    return min(side, frozenset(starts) - side, key=rank)
