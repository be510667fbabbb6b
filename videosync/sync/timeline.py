"""Which cameras belong on one timeline, where they start on it, and how sure that is.

Cameras are placed jointly; then every way to part them that matters is tried: moved against the others by some
frames, would one side fit about as well elsewhere? If so, the smaller side is taken off and the rest placed anew.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from videosync.sync.confidence import ACCEPTED, probability_right
from videosync.sync.curve import APART, LagCurve
from videosync.sync.solve import (
    Curves,
    Starts,
    fine_starts,
    joint_starts,
    moved_curve,
    spanning_cuts,
    total_score,
)

ALIKE = 5.0  # standard errors: a best score as high as this says that the videos have something in common
MOST_RIVALS = 4


@dataclass(frozen=True)
class Doubt:
    """Why cameras are not placed against others."""

    kind: str  # "ambiguous", "edge", "unrelated" or "unknown" (no pair joins them to the others)
    best: int | None = None  # frames by which the group would be moved from ``starts``
    rivals: tuple[int, ...] = ()
    confidence: float = 0.0  # that ``best`` is right all the same


@dataclass(frozen=True)
class Placement:
    """Cameras on one timeline, in frames of the common grid; the others with what keeps them off it."""

    starts: dict[int, float]  # camera → frames, of those placed; empty, or two and more
    confidence: dict[int, float] = field(default_factory=dict)  # camera → weakest tie to the others
    margin: dict[int, float] = field(default_factory=dict)
    doubts: dict[int, Doubt] = field(default_factory=dict)  # camera → why it is not placed


@dataclass(frozen=True)
class Answer:
    """What one curve says: its best offset, how sure that is, and what else would do."""

    lag: int  # frames
    margin: float
    confidence: float
    doubt: Doubt | None  # None: accepted


def judge(curve: LagCurve, lag: int | None = None) -> Answer:
    """Judge the offset ``lag`` of a curve (None: its best) by the best one further than three frames away.

    An answer at an end of the range is never accepted: the scores may go on rising where nothing was tried.
    """
    lag = curve.best() if lag is None else lag
    margin = curve.margin(lag)
    confidence = probability_right(margin)
    if lag <= curve.lags[0] or lag >= curve.lags[-1]:
        return Answer(lag, margin, confidence / 2, Doubt("edge", lag, confidence=confidence / 2))
    if confidence >= ACCEPTED:
        return Answer(lag, margin, confidence, None)
    if curve.at(lag) < ALIKE:
        return Answer(lag, margin, confidence, Doubt("unrelated", lag, confidence=confidence))
    return Answer(lag, margin, confidence, Doubt("ambiguous", lag, rivals_of(curve, lag), confidence))


def rivals_of(curve: LagCurve, lag: int) -> tuple[int, ...]:
    """The highest other peaks, whose lead over the rest is as small as that of ``lag`` over them."""
    peaks = [k for k in curve.peaks(MOST_RIVALS + 1) if abs(k - lag) > APART]
    close = [k for k in peaks if probability_right(curve.at(lag) - curve.at(k)) < ACCEPTED]
    return tuple(close[:MOST_RIVALS])


def place(curves: Curves, cameras: Sequence[int], prefer: int | None = None) -> Placement:
    """Place as many cameras as can be with confidence.

    Args:
        curves: (i, j) → lag scores of ``start_i - start_j``, of the pairs that have any.
        prefer: of two groups of equal size that do not fit together the one with this camera is kept.
    """
    active = list(cameras)
    doubts: dict[int, Doubt] = {}
    while len(active) > 1:
        starts = joint_starts(curves, active)
        for camera in set(active) - set(starts):
            doubts[camera] = Doubt("unknown")
        active = sorted(starts)
        if len(active) < 2:
            break
        cuts = [(side, _judged(curves, starts, side)) for side in spanning_cuts(curves, starts)]
        refused = [(side, said) for side, said in cuts if said.doubt is not None]
        if not refused:
            ties = {
                c: min((a for s, a in cuts if _parts(s, c, active)), key=lambda a: a.margin) for c in active
            }
            return Placement(
                fine_starts(curves, starts),
                {c: said.confidence for c, said in ties.items()},
                {c: said.margin for c, said in ties.items()},
                doubts,
            )
        side, said = min(refused, key=lambda cut: (cut[1].margin, -len(cut[0])))
        leaving = _weaker(curves, starts, side, prefer)
        assert said.doubt is not None
        doubts |= {camera: said.doubt for camera in leaving}
        if len(active) - len(leaving) < 2:
            doubts |= {camera: said.doubt for camera in active if camera not in leaving}
        active = [camera for camera in active if camera not in leaving]
    for camera in active:
        doubts.setdefault(camera, Doubt("unknown"))
    return Placement({}, {}, {}, doubts)


def _judged(curves: Curves, starts: Starts, side: frozenset[int]) -> Answer:
    curve = moved_curve(curves, starts, side)
    assert curve is not None  # spanning cuts part cameras that a pair joins
    return judge(curve, 0)


def _parts(side: frozenset[int], camera: int, cameras: Collection[int]) -> bool:
    """Whether a cut says something about one camera: it stands alone, or on the smaller side."""
    rest = frozenset(cameras) - side
    return camera in (side if len(side) < len(rest) else rest if len(rest) < len(side) else side | rest)


def _weaker(curves: Curves, starts: Starts, side: frozenset[int], prefer: int | None) -> frozenset[int]:
    """The side of a cut that leaves: the smaller one; of equal ones the one without ``prefer``, or of less score."""

    def rank(group: frozenset[int]) -> tuple[int, bool, float]:
        inner = {camera: starts[camera] for camera in group}
        return len(group), prefer in group, total_score(curves, inner)

    return min(side, frozenset(starts) - side, key=rank)
