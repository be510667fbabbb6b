"""Steps of a camera's clock: time stamps that jump while frames go on without a pause.

A clock that is set while it records leaves the same stamps as a pause. The pictures tell: if the first frame after a
jump differs from the last one before it no more than neighbouring frames do, while a few frames more make a difference,
no time passed.
"""

from __future__ import annotations

import numpy as np

from videosync.timeline.grid import GAP, usual_intervals

LEAST = 1.5  # seconds: after a shorter gap a scene often looks as before, so those are left as they are
ASIDE = 8  # frames to either side that are looked at; with fewer than half of them nothing is asked
LIKE, UNLIKE = 1.6, 3.0  # times the usual difference of neighbouring frames: up to here none passed, from there on some
MOVES = 2.0  # times the difference of neighbours: where a few frames differ less, too little moves to tell
MOST_UNSURE = 3  # gaps that are named; a file with more of them has them from how it was recorded


def without_steps(
    path: str, times: np.ndarray, numbers: np.ndarray, pictures: np.ndarray
) -> tuple[np.ndarray, list[str]]:
    """Times of a file's frames [T] without the steps of its clock, and sentences on these and on what cannot be told.

    Args:
        numbers: int [N], rising: the frames of which there are ``pictures`` [N, P], tiny ones in grey levels.
    """
    shown = times[numbers]
    gaps = np.flatnonzero(np.diff(shown, prepend=shown[:1]) > np.maximum(LEAST, GAP * usual_intervals(shown)))
    steps, unsure = clock_steps(pictures, gaps.tolist())
    found, said = times.copy(), []
    own = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    for each in steps:
        last, first = numbers[each - 1], numbers[each]
        after = int(last) + 1 + int(np.argmax(np.diff(times[last : first + 1])))
        jump = times[after] - times[after - 1] - own
        found[after:] -= jump
        said.append(
            f"{path}: at {found[after]:.2f} s its time stamps jump by {jump:.2f} s while its frames go on without a "
            "pause, as when a clock is set; the later ones are taken to come that much earlier"
        )
    if len(unsure) <= MOST_UNSURE:
        said += [
            f"{path}: its time stamps jump from {shown[each - 1]:.2f} to {shown[each]:.2f} s, and its pictures do not "
            "tell whether it paused or its clock was set; a pause is assumed"
            for each in unsure
        ]
    return found, said


def clock_steps(pictures: np.ndarray, gaps: list[int]) -> tuple[list[int], list[int]]:
    """Which gaps are steps of the clock, and of which that cannot be told.

    Args:
        pictures: [N, P] grey levels. gaps: rising: the first frame after each gap.
    """
    steps, unsure = [], []
    ends = [0, *gaps, len(pictures)]
    for first, gap, stop in zip(ends, ends[1:], ends[2:]):
        before, after = pictures[max(first, gap - ASIDE) : gap], pictures[gap : min(stop, gap + ASIDE)]
        sides = before[::-1], after
        if min(map(len, sides)) < ASIDE // 2:
            continue
        usual = float(np.median(np.concatenate([_away(side[1:], side[:-1]) for side in sides])))
        across = float(_away(after[:1], before[-1:])[0])
        moved = float(np.mean([_away(side[1:], side[:1]).max() for side in sides]))
        if across <= LIKE * usual and moved > MOVES * max(usual, across):
            steps.append(gap)
        elif across <= UNLIKE * usual:
            unsure.append(gap)
    return steps, unsure


def _away(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """By how much pictures [N, P] differ: root mean square, [N]."""
    return np.asarray(np.sqrt(np.mean((one - other) ** 2, axis=1)))
