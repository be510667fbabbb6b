"""One start for every camera: the assignment with the highest lag scores over all pairs together.

The offset of a pair is the difference of two starts, so that offsets around a cycle add up to 0, and a pair that
is wrong alone is outvoted by those that share its cameras. A pair that does not overlap where an assignment puts it
says nothing: it counts what its scores are worth by chance. Starts are found by a beam search over the peaks of the
summed scores, from several cameras as the first, and coordinate ascent; fractions of a frame by robust weighted least
squares on the pairs' own peaks.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np

from videosync.lags.scores import LagScores, added

BEAM = 24  # partial assignments kept
PEAKS = 6  # new places tried for a camera in each
ROOTS = 8  # cameras tried as the first: those tied most strongly to others
CLIMBS = 200  # times a camera is moved, at most, to improve what one beam found; its best assignment is in any case
SWEEPS = 10  # of coordinate ascent at most; it stops when nothing moves
SHARPNESS = 0.5  # frames; pairs further than this from the common answer lose weight (Cauchy)
LEAST_SCORE = 1.0  # standard errors; a pair below does not count for fractions of a frame

Curves = Mapping[tuple[int, int], LagScores]  # (i, j), i < j → scores of k = start_i - start_j
Starts = dict[int, int]  # camera → frames
Tie = tuple[int, np.ndarray]  # first offset, scores less chance [L]
Ties = Mapping[int, Mapping[int, Tie]]  # camera → other camera → scores of ``start_camera - start_other``


def oriented(curves: Curves, i: int, j: int) -> LagScores | None:
    """The curve of ``start_i - start_j``; None if the pair has none."""
    if (i, j) in curves:
        return curves[i, j]
    return curves[j, i].reversed() if (j, i) in curves else None


def total_score(curves: Curves, starts: Mapping[int, int]) -> float:
    """Sum of the scores of all pairs whose cameras both have a start: ``chance`` of those that do not overlap."""
    inside = {pair: curve for pair, curve in curves.items() if starts.keys() >= set(pair)}
    return _total(_ties(inside, list(starts)), starts) + math.fsum(curve.chance for curve in inside.values())


def moved_curve(
    curves: Curves, starts: Mapping[int, int], group: Collection[int], lag: int | None = None
) -> LagScores | None:
    """Scores of moving the cameras of ``group`` together by so many frames against all others in ``starts``.

    The sum over the pairs between the two sides, divided by the root of the number of those that overlap at the answer
    ``lag`` (None: the best one): again in units of a standard error. None if no pair joins the sides.
    """
    parts = []
    for i in group:
        for j in starts:
            curve = None if j in group else oriented(curves, i, j)
            if curve is not None:
                parts.append((starts[i] - starts[j], curve))
    return added(parts, lag) if parts else None


def joint_starts(curves: Curves, cameras: Sequence[int]) -> Starts:
    """The starts, in frames, with the largest total score; that of the first camera is 0.

    Cameras that no chain of pairs joins to the others are left out, and whoever is placed overlaps some other enough to
    be scored. The answer does not depend on the cameras' order, and swapped pairs with reversed curves give the same.
    The work grows with the number of cameras times that of pairs.
    """
    ties = _ties(curves, cameras)
    joined = connected(cameras, [pair for pair in curves if ties.keys() >= set(pair)])
    strength = {c: math.fsum(float(scores.max()) for _, scores in ties[c].values()) for c in cameras}
    best: Starts = {}
    best_rank = (0, -np.inf)
    for group in joined:
        if len(group) < len(joined[0]):
            break
        for root in sorted(group, key=lambda c: (-strength[c], c))[:ROOTS]:
            found = _beam(ties, root, max(1, CLIMBS // len(group)))
            rank = (len(found), _total(ties, found))
            if rank > (best_rank[0], best_rank[1] + 1e-9):
                best, best_rank = found, rank
    best = _overlapping(ties, _climbed(ties, best, usual=True))
    base = min(best) if best else 0
    return {camera: best[camera] - best[base] for camera in sorted(best)}


def connected(cameras: Iterable[int], pairs: Iterable[tuple[int, int]]) -> list[frozenset[int]]:
    """The groups of cameras that chains of pairs join, the largest first."""
    near: dict[int, list[int]] = {camera: [] for camera in cameras}
    for i, j in pairs:
        near[i].append(j)
        near[j].append(i)
    groups, known = [], set[int]()
    for camera in near:
        if camera not in known:
            group, new = {camera}, [camera]
            while new:
                new = [c for c in dict.fromkeys(c for n in new for c in near[n]) if c not in group]
                group.update(new)
            groups.append(frozenset(group))
            known |= group
    return sorted(groups, key=lambda group: (-len(group), min(group)))


def _ties(curves: Curves, cameras: Sequence[int]) -> Ties:
    ties: dict[int, dict[int, Tie]] = {camera: {} for camera in cameras}
    for (i, j), curve in curves.items():
        if i in ties and j in ties:
            scores = curve.scores - curve.chance
            ties[i][j] = curve.first, scores
            ties[j][i] = 1 - curve.first - len(scores), scores[::-1]
    return ties


def _worth(tie: Tie, lag: int) -> float:
    first, scores = tie
    return float(scores[lag - first]) if 0 <= lag - first < len(scores) else 0.0


def _total(ties: Ties, starts: Mapping[int, int]) -> float:
    """``total_score`` less the chance of all pairs."""
    worth = (_worth(tie, starts[i] - starts[j]) for i in starts for j, tie in ties[i].items() if i < j and j in starts)
    return math.fsum(worth)


def _field(joined: Iterable[tuple[int, Tie]], *, usual: bool = False) -> LagScores:
    """The sum of ties, each moved by some frames; where there are none it is minus infinity.

    ``usual``: divided by the root of their number, as where it is judged (``added``).
    """
    moved = [(first + by, scores) for by, (first, scores) in joined]
    begin, end = min(first for first, _ in moved), max(first + len(scores) for first, scores in moved)
    total, change = np.zeros(end - begin), np.zeros(end - begin + 1)
    for first, scores in moved:
        total[first - begin : first - begin + len(scores)] += scores
        change[first - begin] += 1
        change[first - begin + len(scores)] -= 1
    count = np.cumsum(change[:-1])
    if usual:
        total /= np.sqrt(np.maximum(count, 1))
    total[count == 0] = -np.inf
    return LagScores(begin, total)


def _beam(ties: Ties, root: int, climbs: int) -> Starts:
    """The best assignment of those cameras that pairs join to ``root``; the ``climbs`` best ones are improved."""
    states: list[tuple[float, Starts]] = [(0.0, {root: 0})]
    strongest = {c: float(scores.max()) for c, (_, scores) in ties[root].items()}
    while strongest:  # the camera that is tied most strongly to those placed comes next
        camera = max(strongest, key=lambda c: (strongest[c], -c))
        del strongest[camera]
        grown = []
        near = [(p, tie) for p, tie in ties[camera].items() if p in states[0][1]]
        known: dict[tuple[int, ...], list[tuple[int, float]]] = {}  # how those near lie to each other → places, worths
        for score, starts in states:
            base = starts[near[0][0]]
            lying = tuple(starts[p] - base for p, _ in near)
            if lying not in known:
                field = _field(zip(lying, (tie for _, tie in near)))
                known[lying] = [(place, field.at(place)) for place in field.peaks(PEAKS)]
            grown += [(score + worth, starts, base + place) for place, worth in known[lying]]
        best = sorted(grown, key=lambda state: -state[0])[:BEAM]
        states = [(score, {**starts, camera: place}) for score, starts, place in best]
        for c, (_, scores) in ties[camera].items():
            if c not in states[0][1]:
                strongest[c] = max(strongest.get(c, -np.inf), float(scores.max()))
    climbed = [_overlapping(ties, _climbed(ties, starts)) for _, starts in states[:climbs]]
    return max(climbed, key=lambda starts: _total(ties, starts))


def _climbed(ties: Ties, starts: Starts, *, usual: bool = False) -> Starts:
    """Coordinate ascent: each camera in turn goes where the others want it, until none moves.

    ``usual``: as of ``_field``. What several cameras of one event say of another depends on each other, so that their
    sum is more easily high by chance than that of one; it does not rise with the total then, and may stop anywhere.
    """
    starts = dict(starts)
    stale = set(starts)  # cameras that may want to move
    for _ in range(SWEEPS):
        for camera in starts:
            if camera not in stale:
                continue
            stale.remove(camera)
            joined = [(starts[p], tie) for p, tie in ties[camera].items() if p in starts]
            if not joined:
                continue
            field = _field(joined, usual=usual)
            place, here = field.best(), field.at(starts[camera]) if field.covers(starts[camera]) else -np.inf
            if field.at(place) > here + 1e-9:
                starts[camera] = place
                stale.update(p for p in ties[camera] if p in starts)
        if not stale:
            break
    return starts


def _overlapping(ties: Ties, starts: Starts) -> Starts:
    """The same where chains of overlapping pairs join all; else groups that none joins go where the rest wants them."""
    while starts:
        lags = {(i, j): starts[i] - starts[j] for i in starts for j in ties[i] if i < j and j in starts}
        met = [(i, j) for (i, j), lag in lags.items() if 0 <= lag - ties[i][j][0] < len(ties[i][j][1])]
        groups = connected(starts, met)
        if len(groups) == 1:
            break
        across = {g: [(i, j) for i in g for j in ties[i] if j in starts and j not in g] for g in groups}
        group = next(g for g in groups[::-1] if across[g])
        move = _field((starts[j] - starts[i], ties[i][j]) for i, j in across[group]).best()
        starts = {c: start + move * (c in group) for c, start in starts.items()}
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
    """The ways to part the cameras that matter: ``tree_cuts`` of the scores of pairs that overlap."""
    lags = {(i, j): starts[i] - starts[j] for i, j in curves if i in starts and j in starts}
    edges = [(curves[pair].at(k), *pair) for pair, k in lags.items() if curves[pair].covers(k)]
    return tree_cuts(edges, sorted(starts))


def tree_cuts(edges: Iterable[tuple[float, int, int]], cameras: Sequence[int]) -> list[frozenset[int]]:
    """Each camera alone, and the two sides of each edge of the strongest spanning tree.

    If two groups hold together only weakly, the tree has one edge between them, and that is a weak one. Of each way
    the side without the first camera is given.

    Args:
        edges: how strong, and the two cameras, which they join all. cameras: in rising order.
    """
    group = {camera: camera for camera in cameras}
    near: dict[int, list[int]] = {camera: [] for camera in cameras}  # in the tree
    for _, i, j in sorted(edges, reverse=True):
        if group[i] != group[j]:
            old, new = group[j], group[i]
            group = {c: new if g == old else g for c, g in group.items()}
            near[i].append(j)
            near[j].append(i)
    order, above = [cameras[0]], {cameras[0]: cameras[0]}
    for camera in order:
        below = [c for c in near[camera] if c not in above]
        above |= dict.fromkeys(below, camera)
        order += below
    sides = {camera: frozenset([camera]) for camera in order}  # each with all below it
    for camera in order[:0:-1]:
        sides[above[camera]] |= sides[camera]
    cuts = {_side(frozenset([camera]), cameras) for camera in cameras} | {sides[camera] for camera in order[1:]}
    return sorted(cuts, key=lambda side: (len(side), sorted(side)))


def _side(group: frozenset[int], cameras: Sequence[int]) -> frozenset[int]:
    return frozenset(cameras) - group if cameras[0] in group else group
