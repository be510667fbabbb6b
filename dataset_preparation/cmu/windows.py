"""Where the windows of a camera pair lie.

A window of a pair (i, j) is a place ``s`` and an offset ``k``: camera j's clip begins at frame ``s``, camera i's
at ``s + k``, so that ``k = start_i - start_j``. A place is allowed if camera i is good for *every* ``k`` in
``-K … K``: then ``k`` is uniform and independent of ``s``, also at the edges of a video or of a bad stretch.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Window:
    start: int  # s
    offset: int  # k


def good_frames(num_frames: int, bad: Iterable[tuple[int, int]]) -> np.ndarray:
    """bool [T], from the bad stretches (first frame, frame after the last)."""
    good = np.ones(num_frames, bool)
    for first, stop in bad:
        good[max(first, 0) : max(stop, 0)] = False
    return good


def allowed_places(good_i: np.ndarray, good_j: np.ndarray, *, num_frames: int, max_offset: int) -> np.ndarray:
    """bool [S]: the places ``s`` where both cameras are good (bool [T0], [T1]) whatever ``k`` is."""
    whole_i = _all_good(good_i, num_frames + 2 * max_offset)  # [.., s - K]
    whole_j = _all_good(good_j, num_frames)
    allowed = np.zeros(len(whole_j), bool)
    count = max(0, min(len(whole_i), len(whole_j) - max_offset))
    allowed[max_offset : max_offset + count] = whole_i[:count] & whole_j[max_offset : max_offset + count]
    return allowed


def draw_windows(
    allowed: np.ndarray, taken: Sequence[int], count: int, *, num_frames: int, max_offset: int, rng: np.random.Generator
) -> list[Window]:
    """``count`` windows, or as many as there is room for, by place.

    Windows keep a distance at which they share no frame in either camera, among themselves and to the places
    ``taken``; where so many do not fit, the distance is halved until they do, down to a quarter of a window.
    All sets of places that keep it are equally probable.
    """
    distance = num_frames + 2 * max_offset
    best = 0, distance, allowed
    while True:
        free = allowed.copy()
        for place in taken:
            free[max(0, place - distance + 1) : place + distance] = False
        room = most_places(free, distance, count)
        if room > best[0]:
            best = room, distance, free
        if room == count or distance // 2 < max(1, num_frames // 4):
            break
        distance //= 2
    room, distance, free = best
    places = draw_places(free, distance, room, rng)
    offsets = rng.integers(-max_offset, max_offset, size=len(places), endpoint=True)
    return [Window(int(place), int(k)) for place, k in zip(places, offsets)]


def most_places(free: np.ndarray, distance: int, count: int) -> int:
    """How many places (at most ``count``) of bool [S] can be chosen that keep the distance."""
    candidates = np.flatnonzero(free)
    found, at = 0, 0
    while found < count and at < len(candidates):
        found += 1
        at = int(np.searchsorted(candidates, candidates[at] + distance))
    return found


def draw_places(free: np.ndarray, distance: int, count: int, rng: np.random.Generator) -> list[int]:
    """A set of ``count`` places of bool [S], each with the same probability, rising.

    ``ways[n][s]`` is the number of sets of ``n`` places from ``s`` on, scaled against overflow.
    """
    ways = [np.ones(len(free) + distance + 1)]
    for _ in range(count):
        begins = free * ways[-1][distance : distance + len(free)]  # sets that begin at s
        total = np.zeros(len(free) + distance + 1)
        total[: len(free)] = np.cumsum(begins[::-1])[::-1]
        ways.append(total / (total[0] or 1))
    places: list[int] = []
    start = 0
    for left in range(count, 0, -1):
        weights = free[start:] * ways[left - 1][start + distance : distance + len(free)]
        steps = np.cumsum(weights)
        place = start + int(np.searchsorted(steps, rng.random() * steps[-1], side="right"))
        places.append(place)
        start = place + distance
    return places


def _all_good(good: np.ndarray, length: int) -> np.ndarray:
    """bool [max(T - length + 1, 0)]: whether frames s … s + length - 1 are good."""
    bad = np.concatenate([[0], np.cumsum(~good)])
    return bad[length:] == bad[: max(len(bad) - length, 0)]
