"""Which pairs of files are compared: all of a few files; of many, each with those that it most likely goes with.

How likely two files go together is told by one cheap signal, how much moves. What is chosen joins all files, and files
that are not placed by it are compared with further ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from videosync.cues.cue import Cue
from videosync.cues.named import CUES
from videosync.timeline.clips import Clip
from videosync.timeline.compare import Compared, compare
from videosync.timeline.joint import picture_groups
from videosync.timeline.progress import CHOOSING, COMPARING, SOLVING, Progress, counted
from videosync.timeline.search import lag_range

FEW = 8  # files of which all pairs are compared
PARTNERS = 6  # of each file, the likeliest, …
QUICK = "white-energy"  # the cue that tells how likely
ROUNDS = 3  # … and as many more, so many times, of those that are not placed

Pair = tuple[int, int]


def compare_files(
    cue: Cue,
    clips: Mapping[tuple[int, float], Clip],
    grids: Mapping[Pair, float],
    rates: Mapping[int, float],
    *,
    max_offset: float | None = None,
    min_overlap: float | None = None,
    name: str | None = None,
    progress: Progress | None = None,
) -> tuple[dict[Pair, Compared], frozenset[Pair]]:
    """What pictures of two files say, of the pairs that matter, and the pairs that were left out.

    Args:
        clips: (file, frames/s) → its signals, where they can be compared. grids: pairs that can be compared → frames/s.
        rates: file → frames/s of its own grid. max_offset, min_overlap: seconds, as of ``sync``. name: of the cue.
    """
    pairs = [(i, j) for (i, j), rate in grids.items() if (i, rate) in clips and (j, rate) in clips]

    def both(pair: Pair) -> tuple[Clip, Clip]:
        return clips[pair[0], grids[pair]], clips[pair[1], grids[pair]]

    def likely(pair: Pair) -> float:
        one, other = both(pair)
        lags = lag_range(len(one), len(other), grids[pair], max_offset=max_offset, min_overlap=min_overlap)
        return -math.inf if lags is None else _height(CUES[QUICK].score(one.signals, other.signals, np.array(lags)))

    def placed(found: Mapping[Pair, Compared]) -> Iterable[int]:
        curves = {pair: said.curve for pair, said in found.items()}
        known = {n: rates[n] for n in sorted({n for pair in pairs for n in pair})}
        return picture_groups(curves, known, max(known.values()))[0].starts

    def whole(pair: Pair) -> Compared | None:
        return compare(cue, *both(pair), max_offset=max_offset, min_overlap=min_overlap, name=name)

    return compare_likely(pairs, whole, likely, placed, progress)


def compare_likely(
    pairs: Sequence[Pair],
    whole: Callable[[Pair], Compared | None],
    likely: Callable[[Pair], float],
    placed: Callable[[Mapping[Pair, Compared]], Iterable[int]],
    progress: Progress | None = None,
) -> tuple[dict[Pair, Compared], frozenset[Pair]]:
    """Compare the pairs that matter.

    Args:
        pairs: (i, j), i < j, all that can be compared. whole: what is said of one; None: nothing.
        likely: a number that is larger for pairs that seem to go together. placed: the files that comparisons place.

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
    chosen = _partners(ranked, files) | _joining(ranked, files)
    said, found = {}, {}
    for _ in range(1 + ROUNDS):
        said |= {pair: whole(pair) for pair in counted(progress, COMPARING, sorted(chosen))}
        found = {pair: one for pair in pairs if (one := said.get(pair)) is not None}
        if progress is not None:
            progress(SOLVING, 0, 1)
        on = set(placed(found))
        new = [pair for pair in ranked if pair not in said and (not on or len(on & set(pair)) == 1)]
        if not (chosen := _partners(new, [n for n in files if n not in on])):
            break
    return found, frozenset(pairs) - said.keys()


def said_of_pairs(compared: int, possible: int) -> str:
    """The note on pairs that were left out."""
    return (
        f"of {possible} pairs of files the pictures of {compared} were compared: each file with those that it most "
        "likely goes with, and files that were not placed with more of them"
    )


def _partners(ranked: Sequence[Pair], files: Iterable[int]) -> set[Pair]:
    """Of each file the first pairs that it is in."""
    wanted = dict.fromkeys(files, PARTNERS)
    chosen = set()
    for pair in ranked:
        for n in pair:
            if wanted.get(n, 0):
                wanted[n] -= 1
                chosen.add(pair)
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
