"""At which moments of several recordings something happens that all of them show: where an answer can be checked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

MOST = 6  # moments
WINDOW = 0.5  # seconds of a moment


def telling_moments(
    recordings: Sequence[tuple[np.ndarray, np.ndarray]], most: int = MOST, *, begin: float | None = None
) -> tuple[float, ...]:
    """The moments in which most changes in two recordings and more at once.

    A moment counts as the geometric mean of the changes in two recordings, over half a second, added over all pairs:
    ``Σ √(a_i a_j) = ((Σ √a_i)² - Σ a_i) / 2``. They lie apart by a twelfth of the whole at least.

    Args:
        recordings: of each, float [T] seconds on the common clock, rising and even, and float [T], how much changes
            then, in units of what is usual in it, 0 or more.
        begin: none comes earlier (default: when the second recording begins).

    Returns:
        Seconds, rising; none where fewer than two recordings ever show a change at one time.
    """
    known = [(times, changes) for times, changes in recordings if len(times) > 1]
    if len(known) < 2:
        return ()
    begin = sorted(times[0] for times, _ in known)[1] if begin is None else begin
    end = sorted(times[-1] for times, _ in known)[-2]
    step = max((times[-1] - times[0]) / (len(times) - 1) for times, _ in known)
    clock = np.arange(begin, end, step)
    roots, total = np.zeros(len(clock)), np.zeros(len(clock))
    for times, changes in known:
        now = np.interp(clock, times, changes, left=0, right=0)
        roots += np.sqrt(now)
        total += now
    shared = roots**2 - total
    shared[shared < 1e-6 * total] = 0  # rounding
    width = max(1, min(round(WINDOW / step), len(clock) // (2 * most)))
    left = np.convolve(shared, np.ones(width) / width, "same") if len(clock) else shared
    apart = (end - begin) / (2 * most)
    found: list[float] = []
    while len(found) < most and left.max(initial=0.0) > 0:
        found.append(float(clock[np.argmax(left)]))
        left[np.abs(clock - found[-1]) < apart] = 0
    return tuple(sorted(found))
