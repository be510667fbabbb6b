"""One start for every camera: the assignment with the highest lag scores over all pairs together.

The offset of a pair is the difference of two starts, so that offsets around a cycle add up to 0, and a pair that
is wrong alone is outvoted by those that share its cameras. Starts are found by a beam search over the peaks of the
summed scores, from every camera as the first, and coordinate ascent; fractions of a frame by robust weighted least
squares on the pairs' own peaks.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from videosync.lags.scores import LagScores, added

BEAM = 24  # partial assignments kept
PEAKS = 6  # new places tried for a camera in each
SWEEPS = 10  # of coordinate ascent at most; it stops when nothing moves
SHARPNESS = 0.5  # frames; pairs further than this from the common answer lose weight (Cauchy)
LEAST_SCORE = 1.0  # standard errors; a pair below does not count for fractions of a frame

Curves = Mapping[tuple[int, int], LagScores]  # (i, j), i < j → scores of k = start_i - start_j
Starts = dict[int, int]  # camera → frames


def oriented(curves: Curves, i: int, j: int) -> LagScores | None:
    """The curve of ``start_i - start_j``; None if the pair has none."""
    if (i, j) in curves:
        return curves[i, j]
    return curves[j, i].reversed() if (j, i) in curves else None


def total_score(curves: Curves, starts: Mapping[int, int]) -> float:
    """Sum of the scores of all pairs whose cameras both have a start."""
    return sum(c.at(starts[i] - starts[j]) for (i, j), c in curves.items() if i in starts and j in starts)


def moved_curve(curves: Curves, starts: Mapping[int, int], group: Collection[int]) -> LagScores | None:
    """Scores of moving the cameras of ``group`` together by so many frames against all others in ``starts``.

    The sum over the pairs between the two sides, divided by the root of their number: again in units of a standard
    error. None if no pair joins the sides.
    """
    parts = []
    for i in group:
        for j in starts:
            curve = None if j in group else oriented(curves, i, j)
            if curve is not None:
                parts.append((starts[i] - starts[j], curve))
    return added(parts) if parts else None


def joint_starts(curves: Curves, cameras: Sequence[int]) -> Starts:
    """The starts, in frames, with the largest total score; that of the first camera is 0.

    Cameras that no pair joins to the others are left out. The answer does not depend on the cameras' order, and
    swapped pairs with reversed curves give the same.
    """
    best: Starts = {}
    best_rank = (0, -np.inf)
    for root in cameras:
        found = _climbed(curves, _beam(curves, root, cameras))
        rank = (len(found), total_score(curves, found))
        if rank > (best_rank[0], best_rank[1] + 1e-9):
            best, best_rank = found, rank
    base = min(best) if best else 0
    return {camera: best[camera] - best[base] for camera in sorted(best)}


def _beam(curves: Curves, root: int, cameras: Sequence[int]) -> Starts:
    states: list[tuple[float, Starts]] = [(0.0, {root: 0})]
    left = [c for c in cameras if c != root]
    while left:
        # the camera that is tied most strongly to those placed comes next
        ties = {
            c: max((float(e.scores.max()) for p in states[0][1] if (e := oriented(curves, c, p))), default=None)
            for c in left
        }
        known = [c for c in left if ties[c] is not None]
        if not known:
            break
        camera = max(known, key=lambda c: (ties[c], -c))
        left.remove(camera)
        grown = []
        for score, starts in states:
            curve = moved_curve(curves, {**starts, camera: 0}, [camera])
            assert curve is not None
            size = np.sqrt(sum(oriented(curves, camera, p) is not None for p in starts))
            grown += [(score + size * curve.at(place), {**starts, camera: place}) for place in curve.peaks(PEAKS)]
        states = sorted(grown, key=lambda state: -state[0])[:BEAM]
    return max((_climbed(curves, starts) for _, starts in states), key=lambda s: total_score(curves, s))


def _climbed(curves: Curves, starts: Starts) -> Starts:
    """Coordinate ascent: each camera in turn goes where the others want it, until none moves."""
    starts = dict(starts)
    for _ in range(SWEEPS):
        still = True
        for camera in list(starts):
            curve = moved_curve(curves, starts, [camera])
            if curve is None:
                continue
            step = curve.best()
            if curve.at(step) > curve.at(0) + 1e-9:
                starts[camera] += step
                still = False
        if still:
            break
    return starts


def fine_starts(curves: Curves, starts: Mapping[int, float], held: Sequence[Collection[int]] = ()) -> dict[int, float]:
    """Starts with fractions of a frame: reweighted least squares (Cauchy weights) on the pairs' parabola tops.

    A pair counts if its curve has a peak of its own near the common answer. The mean of the corrections is 0.

    Args:
        held: groups of cameras that are moved as one, and so keep the offsets among them; the others move alone.
    """
    columns = {camera: frozenset([camera]) for camera in starts} | {
        c: frozenset(group) for group in held for c in group
    }
    order = {group: n for n, group in enumerate(dict.fromkeys(columns[camera] for camera in sorted(starts)))}
    column = {camera: order[columns[camera]] for camera in starts}
    rows, targets, weights = [], [], []
    for (i, j), curve in curves.items():
        if i not in starts or j not in starts or column[i] == column[j]:
            continue
        lag = round(starts[i] - starts[j])
        peak = curve.local_peak(lag)
        if peak is None or curve.at(peak) < LEAST_SCORE:
            continue
        row = np.zeros(len(order))
        row[column[i]], row[column[j]] = 1.0, -1.0
        rows.append(row)
        targets.append(curve.vertex(peak) - (starts[i] - starts[j]))
        weights.append(curve.at(peak) ** 2)
    if not rows:
        return {camera: float(start) for camera, start in starts.items()}
    design, wanted, weight = np.array(rows), np.array(targets), np.array(weights)
    change = np.zeros(len(order))
    for _ in range(20):
        residual = np.abs(wanted - design @ change)
        root = np.sqrt(weight / (1 + (residual / SHARPNESS) ** 2))
        # least norm: cameras that no pair ties stay where they are
        change = np.linalg.lstsq(design * root[:, None], wanted * root, rcond=1e-9)[0]
    return {camera: starts[camera] + float(change[column[camera]]) for camera in sorted(starts)}


def spanning_cuts(curves: Curves, starts: Mapping[int, int]) -> list[frozenset[int]]:
    """The ways to part the cameras that matter: each camera alone, and at each edge of the strongest spanning tree.

    If two groups hold together only weakly, the tree has one edge between them, and that is a weak one. Of each way
    the side without the first camera is given.
    """
    cameras = sorted(starts)
    edges = sorted(
        ((curve.at(starts[i] - starts[j]), i, j) for (i, j), curve in curves.items() if {i, j} <= set(cameras)),
        reverse=True,
    )
    group = {camera: camera for camera in cameras}
    tree: list[tuple[int, int]] = []
    for _, i, j in edges:
        if group[i] != group[j]:
            old, new = group[j], group[i]
            group = {c: new if g == old else g for c, g in group.items()}
            tree.append((i, j))
    cuts = {_side(frozenset([camera]), cameras) for camera in cameras}
    for edge in tree:
        rest = [e for e in tree if e != edge]
        side = {edge[0]}
        while grown := {c for e in rest if side & set(e) for c in e} - side:
            side |= grown
        cuts.add(_side(frozenset(side), cameras))
    return sorted(cuts, key=lambda side: (len(side), sorted(side)))


def _side(group: frozenset[int], cameras: Sequence[int]) -> frozenset[int]:
    return frozenset(cameras) - group if cameras[0] in group else group
