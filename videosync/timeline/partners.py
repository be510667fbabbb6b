"""Which pairs of files are compared: all of a few files; of many, each with those that it most likely goes with.

How likely two files go together is told by one cheap signal, how much moves. What is chosen joins all files. Files and
groups that it does not tie to others are compared with further ones, and so are groups that few pairs tie: of events
that have nothing to do with each other, some pair always looks alike. For the same reason the best of many pairs is
less sure than one that was not picked.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import chain

import numpy as np

from videosync.cues.cue import Cue
from videosync.cues.named import CUES
from videosync.timeline.clips import Clip
from videosync.timeline.compare import Compared, compare
from videosync.timeline.placement import judge, sure_groups
from videosync.timeline.progress import CHOOSING, COMPARING, Progress, counted
from videosync.timeline.search import lag_range
from videosync.timeline.solve import tree_cuts

FEW = 8  # files of which all pairs are compared
PARTNERS = 6  # of each file, the likeliest, and between two sides of a group, at least
QUICK = "white-energy"  # the cue that tells how likely
ROUNDS = 3  # times that what is not tied to the largest group is compared with as many more files

Pair = tuple[int, int]


def compare_files(
    cue: Cue,
    clips: Mapping[tuple[int, float], Clip],
    grids: Mapping[Pair, float],
    *,
    max_offset: float | None = None,
    min_overlap: float | None = None,
    name: str | None = None,
    progress: Progress | None = None,
) -> tuple[dict[Pair, Compared], frozenset[Pair]]:
    """What pictures of two files say, of the pairs that matter, and the pairs that were left out.

    Args:
        clips: (file, frames/s) → its signals, where they can be compared. grids: pairs that can be compared → frames/s.
        max_offset, min_overlap: seconds, as of ``sync``. name: of the cue, whose calibration is used later.
    """
    pairs = [(i, j) for (i, j), rate in grids.items() if (i, rate) in clips and (j, rate) in clips]

    def both(pair: Pair) -> tuple[Clip, Clip]:
        return clips[pair[0], grids[pair]], clips[pair[1], grids[pair]]

    def likely(pair: Pair) -> float:
        one, other = both(pair)
        lags = lag_range(len(one), len(other), grids[pair], max_offset=max_offset, min_overlap=min_overlap)
        return -math.inf if lags is None else _height(CUES[QUICK].score(one.signals, other.signals, np.array(lags)))

    def whole(pair: Pair) -> Compared | None:
        return compare(cue, *both(pair), max_offset=max_offset, min_overlap=min_overlap, name=name)

    return compare_likely(pairs, whole, likely, progress)


def compare_likely(
    pairs: Sequence[Pair],
    whole: Callable[[Pair], Compared | None],
    likely: Callable[[Pair], float],
    progress: Progress | None = None,
) -> tuple[dict[Pair, Compared], frozenset[Pair]]:
    """Compare the pairs that matter.

    Args:
        pairs: (i, j), i < j, all that can be compared. whole: what is said of one; None: nothing.
        likely: a number that is larger for pairs that seem to go together.

    Returns:
        What was said, in the order of ``pairs``, and the pairs that were left out. The choice does not depend on the
        order of the files.
    """
    files = sorted({n for pair in pairs for n in pair})
    if len(files) <= FEW:
        said = {pair: whole(pair) for pair in counted(progress, COMPARING, pairs)}
        return {pair: found for pair, found in said.items() if found is not None}, frozenset()
    score = {pair: likely(pair) for pair in counted(progress, CHOOSING, pairs)}
    ranked = sorted(pairs, key=lambda pair: (-score[pair], pair))
    chosen = _partners(ranked, [{n} for n in files]) | _joining(ranked, files)
    said, found, rounds, picked = {}, {}, 0, picked_from(pairs)
    while chosen:
        said |= {pair: whole(pair) for pair in counted(progress, COMPARING, sorted(chosen))}
        found = {pair: one for pair in pairs if (one := said.get(pair)) is not None}
        groups = sure_groups({pair: one.curve.picked(picked) for pair, one in found.items()}, files)
        chosen = _between_sides(ranked, found, said, groups)
        if rounds < ROUNDS:
            chosen |= _further(ranked, said, groups)
        rounds += 1
    return found, frozenset(pairs) - said.keys()


def picked_from(pairs: Iterable[Pair]) -> float:
    """Others that each file of all these pairs was picked from; 1 where they are few, so that all were compared."""
    files = {n for pair in pairs for n in pair}
    return len(files) - 1.0 if len(files) > FEW else 1.0


def said_of_pairs(compared: int, possible: int) -> str:
    """The note on pairs that were left out."""
    return (
        f"of {possible} pairs of files the pictures of {compared} were compared: each file with those that it most "
        "likely goes with, and files that were not placed with more of them; what is picked from so many has to fit "
        "better to be placed"
    )


def _partners(ranked: Sequence[Pair], sides: Iterable[Collection[int]]) -> set[Pair]:
    """Of each side the first pairs with files outside it."""
    side = {n: min(members) for members in sides for n in members}
    wanted = dict.fromkeys(side.values(), PARTNERS)
    chosen = set()
    for pair in ranked:
        one, other = (side.get(n) for n in pair)
        for name in (one, other):
            if one != other and name is not None and wanted[name]:
                wanted[name] -= 1
                chosen.add(pair)
    return chosen


def _further(ranked: Sequence[Pair], said: Collection[Pair], groups: Sequence[Collection[int]]) -> set[Pair]:
    """More pairs of those that are not tied to the first group, with files that are in any; without groups, of all."""
    tied = set(chain.from_iterable(group for group in groups if len(group) > 1))
    new = [pair for pair in ranked if pair not in said and (not tied or tied & set(pair))]
    return _partners(new, groups[1:] if tied else groups)


def _between_sides(
    ranked: Sequence[Pair], found: Mapping[Pair, Compared], said: Collection[Pair], groups: Iterable[Collection[int]]
) -> set[Pair]:
    """More pairs between two sides of a group, wherever few were compared."""
    chosen: set[Pair] = set()
    for group in groups:
        within = [pair for pair in ranked if pair[0] in group and pair[1] in group]
        edges = [(judge(found[pair].curve).confidence, *pair) for pair in within if pair in found]
        for side in tree_cuts(edges, sorted(group)):
            across = [pair for pair in within if (pair[0] in side) != (pair[1] in side)]
            missing = PARTNERS - sum(pair in said for pair in across)
            chosen.update([pair for pair in across if pair not in said][: max(0, missing)])
    return chosen


def _joining(ranked: Sequence[Pair], files: Sequence[int]) -> set[Pair]:
    """The likeliest pairs that join all files: a spanning tree (Kruskal, "On the shortest spanning subtree", 1956)."""
    group = {n: n for n in files}
    chosen = set()
    for i, j in ranked:
        if group[i] != group[j]:
            old, new = group[j], group[i]
            group = {n: new if g == old else g for n, g in group.items()}
            chosen.add((i, j))
    return chosen


def _height(scores: np.ndarray) -> float:
    """How far the highest of scores [L] of spread 1 is above what the highest of so many is by chance."""
    return float(scores.max()) - math.sqrt(2 * math.log(len(scores)))
