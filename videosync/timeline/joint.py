"""Pictures and sound on one timeline: pictures place what they can, and sound ties the rest to it.

Files of one rate are placed together, the fastest first. What they place with confidence is held together, as if it
were one file, and slower files are tied to it on their own grid: no file changes what is said of faster ones. Nor does
sound move what pictures place: it ties their groups, and the files that they leave alone, with the same joint solve.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from videosync.lags.scores import LagEvidence, LagScores
from videosync.timeline.calibration import SOUND
from videosync.timeline.placement import Doubt, DoubtKind, Placement, in_frames, judge, place, sure_groups
from videosync.timeline.solve import Curves, fine_starts, moved_curve

SIMILAR = 2.5  # scores are brought to a grid that is slower by this factor at most: peaks would be lost on others
SAID_LATER = (DoubtKind.UNKNOWN, DoubtKind.ALONE)  # doubts of files that have yet to be compared


def picture_groups(
    pictures: Curves,
    rates: Mapping[int, float],
    unit: float,
    prefer: int | None = None,
    held: Mapping[int, float] | None = None,
) -> list[Placement]:
    """The group that pictures place, what they place of the rest, and so on; the first has the doubts of all others.

    Args:
        pictures: (i, j) → lag scores of ``start_i - start_j`` on the slower file's grid, of the pairs that have any.
        rates: files to place → frames/s of their grids. unit: frames/s of all starts and doubts.
        prefer: as of ``place``. held: starts that are given, frames; the first group is what pictures tie to them.
    """
    groups = [Placement(dict(held), dict.fromkeys(held, 1.0))] if held else []
    doubts: dict[int, Doubt] = {}
    for rate in sorted(set(rates.values()), reverse=True):
        new = {n for n in rates if rates[n] == rate}
        curves = _on_grid(pictures, rates, rate)
        before = bool(groups)
        groups, said = _with_slower(groups, curves, [n for n in rates if rates[n] >= rate], new, prefer, rate / unit)
        doubts |= {n: doubt for n, doubt in said.items() if n not in doubts or doubts[n].kind in SAID_LATER}
        if before:
            groups.sort(key=lambda group: (min(held or group.starts) not in group.starts, -len(group.starts)))
    first, *others = groups or [Placement({})]
    return [replace(first, doubts={n: doubt for n, doubt in doubts.items() if n not in first.starts}), *others]


def _with_slower(
    groups: Sequence[Placement], curves: Curves, files: Sequence[int], new: Collection[int], prefer: int | None,
    steps: float,
) -> tuple[list[Placement], dict[int, Doubt]]:  # fmt: skip
    """The groups with those of the ``new`` files that they are tied to, and groups of others. Arguments as of ``tie``.

    What holds none of the new files is as it was before: faster files were judged on a better grid.
    """
    if not groups and any(curve.picked_from > 1 for curve in curves.values()):
        return _of_many(curves, files, prefer)
    found: list[Placement] = []
    doubts: dict[int, Doubt] = {}
    waiting, left = list(groups), list(files)
    while True:
        tied = tie(waiting, curves, left, prefer, steps=steps, sure=True)
        doubts = tied.doubts | doubts
        if not tied.starts:
            return found, doubts
        if not tied.starts.keys() & new and waiting:
            tied = waiting[0]
        if tied.starts.keys() & new or waiting:
            found.append(tied)
        waiting = [group for group in waiting if not group.starts.keys() & tied.starts.keys()]
        left = [n for n in left if n not in tied.starts]


def _of_many(curves: Curves, files: Sequence[int], prefer: int | None) -> tuple[list[Placement], dict[int, Doubt]]:
    """The groups of many files of which not all pairs were compared: what sure pairs tie is placed, and then what else
    goes with the largest group."""
    found: list[Placement] = []
    doubts: dict[int, Doubt] = {}
    for group in sure_groups(curves, files):
        inner = {pair: curve for pair, curve in curves.items() if group >= set(pair)}
        rest = sorted(group)
        while len(rest) > 1 and (some := place(inner, rest, prefer)).starts:
            found.append(some)
            rest = [n for n in rest if n not in some.starts]
            doubts |= dict.fromkeys(some.starts, Doubt(DoubtKind.UNRELATED))
    found.sort(key=lambda group: (prefer not in group.starts, -len(group.starts)))
    left = [n for n in files if n not in doubts]
    tied = tie(found[:1], curves, [*(found[0].starts if found else ()), *left], prefer, sure=True)
    return [tied, *found[1:]] if tied.starts else [], tied.doubts | doubts


def tie(
    groups: Sequence[Placement],
    curves: Curves,
    files: Sequence[int],
    prefer: int | None = None,
    *,
    steps: float = 1.0,
    sure: bool = False,
) -> Placement:
    """The first of the groups, and the files and groups that ``curves`` tie to it; without one, what these place.

    Args:
        groups: each is moved as one. curves: (i, j) → lag scores of ``start_i - start_j``. files: all to place.
        prefer: of two groups of equal size that do not fit together the one with this file is kept.
        steps: of the grid of ``curves`` that a frame of ``groups`` lasts.
        sure: the first group stays as sure as it is, however few of the files are in it.

    Returns:
        Starts and doubts in frames of ``groups``.
    """
    first = groups[0] if groups else Placement({})
    held = [frozenset(group.starts) for group in groups if group.starts]
    inside = {n: steps * start for group in groups for n, start in group.starts.items()}
    inside |= {n: 0.0 for n in files if n not in inside}
    sides = {min(side): side for side in (*held, *(frozenset([n]) for n in files if not any(n in h for h in held)))}
    between = curves if not held else {
        (a, b): curve
        for a, b in combinations(sorted(sides), 2)
        if (curve := _between(curves, inside, sides[a], sides[b])) is not None
    }  # fmt: skip
    keep = min(first.starts, default=None)
    wanted = next((a for a, side in sides.items() if prefer in side), None)
    sizes = {a: len(side) for a, side in sides.items()}
    tied = place(between, sorted(sides) if keep is None else _reached(between, keep), wanted, keep, sizes)
    doubts = {n: in_frames(doubt, steps) for a, doubt in tied.doubts.items() for n in sides[a]}
    doubts |= {n: doubt for n, doubt in place({}, files).doubts.items() if n not in doubts} | first.doubts
    if not tied.starts:
        return replace(first, doubts=doubts)
    starts = {n: start + inside[n] for a, start in tied.starts.items() for n in sides[a]}
    confidence = {n: tied.confidence[a] for a in tied.starts for n in sides[a]}
    for group in groups:
        for n in group.starts.keys() & starts.keys():  # how surely it is tied to the others matters to the smaller side
            most = group is first and (sure or 2 * len(group.starts) > len(starts))
            confidence[n] = group.confidence[n] if most else min(confidence[n], group.confidence[n])
    fine = fine_starts(curves, starts, held) if held else starts
    return Placement({n: start / steps for n, start in fine.items()}, confidence, doubts)


def _on_grid(pictures: Curves, rates: Mapping[int, float], rate: float) -> dict[tuple[int, int], LagScores]:
    """Scores of the pairs of files that are compared at ``rate``, and of faster ones as they would be there."""
    own = {(i, j): min(rates[i], rates[j]) for i, j in pictures}
    found = {pair: curve for pair, curve in pictures.items() if own[pair] == rate}
    return found | {
        pair: _slower(curve, own[pair] / rate) for pair, curve in pictures.items() if rate < own[pair] <= SIMILAR * rate
    }


def _slower(curve: LagScores, steps: float) -> LagScores:
    """Scores at offsets of so many frames each, between which they are straight."""
    last = curve.first + len(curve.scores) - 1
    lags = np.arange(math.ceil(curve.first / steps), math.floor(last / steps) + 1)

    def at(values: np.ndarray) -> np.ndarray:
        return np.interp(lags * steps, curve.lags, values)

    seen = curve.support()
    return replace(
        curve,
        first=int(lags[0]),
        scores=at(curve.scores),
        evidence=LagEvidence(at(seen.level), np.array([at(part) for part in seen.parts]), at(seen.halves)),
        overlap=None if curve.overlap is None else np.rint(at(curve.overlap) / steps).astype(np.int64),
    )


def _between(
    curves: Curves, starts: Mapping[int, float], one: Collection[int], other: Collection[int]
) -> LagScores | None:
    """Scores of moving the files ``one`` against ``other``, of all pairs; of sound those that are sure, if any are."""
    joined = [(i, j) if i < j else (j, i) for i in one for j in other]
    across = {pair: curves[pair] for pair in joined if pair in curves}
    sure = {pair: curve for pair, curve in across.items() if curve.cue == SOUND and judge(curve).doubt is None}
    return moved_curve(sure or across, {n: round(starts[n]) for n in (*one, *other)}, one)


def _reached(curves: Curves, base: int) -> list[int]:
    """Those that some chain of pairs joins to ``base``, itself included."""
    found = {base}
    while grown := {n for pair in curves if found & set(pair) for n in pair} - found:
        found |= grown
    return sorted(found)
