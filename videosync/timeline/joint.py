"""Pictures and sound on one timeline: pictures place what they can, and sound ties the rest to it.

What pictures place with confidence is never moved by sound: the files of a group that they place are held together, as
if they were one file, and so are the other groups that they place by themselves. Sound then places these groups, and
the files that pictures leave alone, against each other, with the same joint solve.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from itertools import combinations

from videosync.lags.scores import LagScores
from videosync.timeline.placement import Placement, judge, place
from videosync.timeline.solve import Curves, fine_starts, moved_curve


def picture_groups(
    pictures: Curves, seen: Sequence[int], prefer: int | None = None, held: Mapping[int, float] | None = None
) -> list[Placement]:
    """The group that pictures place, what they place of the rest, and so on; the last one has no starts.

    Args:
        pictures: (i, j) → lag scores of ``start_i - start_j``, of the pairs that have any. seen: files to place.
        prefer: as of ``place``. held: starts that are given, frames; the first group is what pictures tie to them.
    """
    groups, left = [place_held(pictures, seen, held, prefer) if held else place(pictures, seen, prefer)], list(seen)
    while groups[-1].starts:
        left = [n for n in left if n not in groups[-1].starts]
        groups.append(place(pictures, left, prefer))
    return groups


def place_held(
    curves: Curves, cameras: Sequence[int], held: Mapping[int, float], prefer: int | None = None
) -> Placement:
    """``place`` where some starts are given: the files of ``held`` are one, which stays, and the others are tied to it.

    Args:
        held: camera → start, frames; one or more, not all of which need have curves.
    """
    base = min(held)
    rounded = {n: round(start) for n, start in held.items()}
    between = {pair: curve for pair, curve in curves.items() if not held.keys() & set(pair)}
    for n in cameras:
        if n not in held and (curve := moved_curve(curves, {**rounded, n: rounded[base]}, [n])) is not None:
            between[min(n, base), max(n, base)] = curve if n < base else curve.reversed()
    tied = place(between, _reached(between, base), prefer, base)
    doubts = {n: doubt for n, doubt in place({}, cameras).doubts.items() if n not in held}
    doubts |= {n: doubt for n, doubt in tied.doubts.items() if n not in held}
    starts = {n: start - tied.starts[base] + held[base] for n, start in tied.starts.items()} | dict(held)
    confidence = tied.confidence | dict.fromkeys(held, 1.0)
    return Placement(starts, confidence, {n: doubt for n, doubt in doubts.items() if n not in starts})


def tie_by_sound(
    groups: Sequence[Placement], sounds: Curves, files: Sequence[int], prefer: int | None = None, *, steps: float = 1.0
) -> Placement:
    """The first of the groups, and the files and groups that sound ties to it; without one, what sound places.

    Args:
        groups: as of ``picture_groups``. sounds: (i, j) → lag scores of ``start_i - start_j``. files: all to place.
        prefer: of two groups of equal size that do not fit together the one with this file is kept.
        steps: of the grid of ``sounds`` that a frame of ``groups`` lasts.

    Returns:
        Starts in frames of ``groups``.
    """
    first = groups[0]
    held = [frozenset(group.starts) for group in groups if group.starts]
    inside = {n: steps * start for group in groups for n, start in group.starts.items()}
    inside |= {n: 0.0 for n in files if n not in inside}
    sides = {min(side): side for side in (*held, *(frozenset([n]) for n in files if not any(n in h for h in held)))}
    between = {
        (a, b): curve
        for a, b in combinations(sorted(sides), 2)
        if (curve := _between(sounds, inside, sides[a], sides[b])) is not None
    }
    keep = min(first.starts, default=None)
    wanted = next((a for a, side in sides.items() if prefer in side), None)
    tied = place(between, sorted(sides) if keep is None else _reached(between, keep), wanted, keep)
    doubts = {n: doubt for a, doubt in tied.doubts.items() for n in sides[a]}
    doubts |= {n: doubt for n, doubt in place({}, files).doubts.items() if n not in doubts} | first.doubts
    if not tied.starts:
        return replace(first, doubts=doubts)
    starts = {n: start + inside[n] for a, start in tied.starts.items() for n in sides[a]}
    confidence = {n: tied.confidence[a] for a in tied.starts for n in sides[a]}
    for group in groups:
        for n in group.starts.keys() & starts.keys():  # how surely it is tied to the others matters to the smaller side
            most = group is first and 2 * len(group.starts) > len(starts)
            confidence[n] = group.confidence[n] if most else min(confidence[n], group.confidence[n])
    fine = fine_starts(sounds, starts, held)
    return Placement({n: start / steps for n, start in fine.items()}, confidence, doubts)


def _between(
    sounds: Curves, starts: Mapping[int, float], one: Collection[int], other: Collection[int]
) -> LagScores | None:
    """What sound says of moving the files ``one`` against ``other``: the pairs that are sure, or else all there are."""
    joined = [(i, j) if i < j else (j, i) for i in one for j in other]
    across = {pair: sounds[pair] for pair in joined if pair in sounds}
    sure = {pair: curve for pair, curve in across.items() if judge(curve).doubt is None}
    return moved_curve(sure or across, {n: round(starts[n]) for n in (*one, *other)}, one)


def _reached(curves: Curves, base: int) -> list[int]:
    """Those that some chain of pairs joins to ``base``, itself included."""
    found = {base}
    while grown := {n for pair in curves if found & set(pair) for n in pair} - found:
        found |= grown
    return sorted(found)
