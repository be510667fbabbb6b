"""Light that changes is no motion: automatic exposure, steps of it, and lamps that flicker.

Between two pictures, most of what was as bright as level ``m`` (the mean of the two) and does not move has changed by
the same amount ``d(m)``. The median change of the pixels of each range of levels gives that curve, whatever the gain,
the offset and the tone curve of the camera, and whatever moves elsewhere in the picture. The earlier picture is then
shown as the later exposure would have it. Ranges go by the mean of both pictures, not by the earlier one: of pixels
that are bright in one of two unlike pictures most are darker in the other, which is no change of light. Ranges in
which pixels do not agree show something that moves, and so do ranges that do not follow from the others by a tone
curve: no light turns one level into two. If most of the picture moves, light is taken to be constant.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

RANGES = 8  # of levels
STRIDE = 2  # pixels, to either side: the others are not looked at
FEWEST = 40  # pixels in a range, for its median to count
LEAST_CHANGE = 0.25  # grey levels; where no range changes by more, light is taken to be constant
AGREED = 0.5  # grey levels; a range agrees if half of its pixels are this close to its change, or to within its size
MOST = 0.5  # share of the pixels that must lie in ranges that agree
STEEPEST = 2.0  # what a tone curve may do to the distance of two levels from one picture to the next, or undo
CLIPPED = 4.0  # grey levels: pixels so close to black or white in either picture are left out


def tone_change(before: np.ndarray, after: np.ndarray, *, level: int) -> np.ndarray | None:
    """What the levels of one picture are in the exposure of the next: uint16 [256 level], or None: the same.

    Args:
        before, after: uint16 [h,w], in units of ``1 / level`` grey levels.
    """
    x, y = (p[::STRIDE, ::STRIDE].astype(np.int32).ravel() for p in (before, after))
    top = 255 * level
    fit = (np.minimum(x, y) > CLIPPED * level) & (np.maximum(x, y) < top - CLIPPED * level)
    both, change = (x + y)[fit], (y - x)[fit]
    place = both * RANGES // (2 * top + 1)
    span = 2 * top + 1  # between ranges: one sort does for all of them
    ordered = np.sort(place * span + change)
    edges = np.searchsorted(ordered, np.arange(RANGES + 1) * span - top)
    members = {n: ordered[a:b] - n * span for n, (a, b) in enumerate(pairwise(edges)) if b - a >= FEWEST}
    usual = {n: _middle(own) for n, own in members.items()}
    if max(map(abs, usual.values()), default=0.0) <= LEAST_CHANGE * level:
        return None
    totals = np.bincount(place, both, RANGES)
    levels, changes, sizes = list[float](), list[float](), list[int]()
    for n, own in members.items():
        apart = np.sort(np.abs(own - usual[n]))
        if _middle(apart) <= max(abs(usual[n]), AGREED * level):
            levels.append(float(totals[n]) / len(own) / 2)
            changes.append(usual[n])
            sizes.append(len(own))
    kept = _on_one_curve(levels, changes, sizes)
    if sum(sizes[n] for n in kept) < MOST * len(change) or not kept:
        return None
    shifts = [changes[n] for n in kept]
    if max(map(abs, shifts)) <= LEAST_CHANGE * level:
        return None
    shift = np.interp(np.arange(256 * level), [levels[n] - changes[n] / 2 for n in kept], shifts)
    return np.clip(np.rint(np.arange(256 * level) + shift), 0, top).astype(np.uint16)


def _middle(ordered: np.ndarray) -> float:
    """The median of numbers in order."""
    return float(ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2


def _on_one_curve(levels: list[float], changes: list[float], sizes: list[int]) -> list[int]:
    """The ranges, rising, that can be of one tone curve: from the largest outwards, each steep neither way."""
    if not sizes:
        return []
    largest = int(np.argmax(sizes))
    kept = [largest]
    for way in (range(largest + 1, len(sizes)), range(largest - 1, -1, -1)):
        last = largest
        for n in way:
            apart, change = levels[n] - levels[last], changes[n] - changes[last]
            steep = (apart + change / 2) / (apart - change / 2) if apart != change / 2 else np.inf
            if 1 / STEEPEST <= steep <= STEEPEST:
                kept.append(n)
                last = n
    return sorted(kept)


def as_exposed(pictures: Sequence[np.ndarray], curve: np.ndarray | None) -> list[np.ndarray]:
    """Pictures (uint16 [h,w]) in the exposure that ``curve`` of ``tone_change`` leads to; None: as they are."""
    return list(pictures) if curve is None else [curve[picture] for picture in pictures]
