"""Ends of what two short clips share that another offset fits better: breaks that are likely, but not sure.

A part of a second or two hardly ever has an offset that is sure by itself. It can be told that it does not bear out
the offset of the rest while it fits at another one: a ratio of likelihoods of two offsets with a change point between
them and of one, for windows whose scores are normal with the mean that the rest has.
"""

from __future__ import annotations

import numpy as np

from videosync.lags.local import NEAR, LocalScores, window_starts
from videosync.timeline.clocks import Break
from videosync.timeline.parts import MOST_WINDOWS, Search

WINDOW, SECONDS = 16, 0.5  # frames of a window, and seconds at least
LEAST = 2  # windows of an end
SLACK = 8  # frames at the ends that nothing has to bear out
LONGEST = 20.0  # seconds that are shared: in more of them a part that matters stands by itself
MOST_SCORE = 4.0  # spreads: what a window says counts no more, for or against
RATIO = 9.5  # log likelihood; how often it is reached with and without a break: docs/accuracy.md


def suspected_break(search: Search, lag: int, telling: tuple[int, int] = (0, 0)) -> Break | None:
    """Where one end of what clips share at ``lag`` fits better elsewhere; the end is half of it at most.

    Args:
        telling: frames from and to which longer windows bear the offset out, as of a part; if all do, there is none.
    """
    first, stop = max(0, -lag), min(search.frames[0], search.frames[1] - lag)
    borne_out = telling[0] <= first + SLACK and telling[1] >= stop - SLACK
    if borne_out or stop - first > LONGEST * search.rate:
        return None
    frames = max(WINDOW, round(SECONDS * search.rate))
    starts = window_starts(first, stop, frames, MOST_WINDOWS)
    if len(starts) < 2 * LEAST:
        return None
    lags = range(frames // 2 - search.frames[0], search.frames[1] - frames // 2)
    local = search.windows(starts, frames, [lags] * len(starts))
    ratio, window, other = _best_change(local, lag)
    if abs(ratio) < RATIO:
        return None
    frame = float(local.middles[window - 1 : window + 1].mean())
    offsets = (lag, other) if ratio > 0 else (other, lag)
    before, after = ((frame / search.rate, (frame + offset) / search.rate) for offset in offsets)
    return Break(before, after)


def _best_change(local: LocalScores, lag: int) -> tuple[float, int, int]:
    """Log likelihood ratio of another offset from a window on (negative: before it), the window, that offset."""
    scores = np.clip(local.scores, -MOST_SCORE, MOST_SCORE)
    away = np.abs(local.first + np.arange(scores.shape[1]) - lag)
    sums, count = np.cumsum(scores, axis=0), len(scores)
    best, window, other = 0.0, 0, lag
    for change in range(LEAST, count - LEAST + 1):
        sides = sums[change - 1], sums[-1] - sums[change - 1]
        for sign, (rest, end), kept in ((1, sides, change), (-1, sides[::-1], count - change)):
            if 2 * kept < count - 1:
                continue
            mean = max(0.0, rest[away <= 1].max() / kept)
            elsewhere = np.where(away > NEAR, end, -np.inf)
            ratio = mean * (elsewhere.max() - end[away <= 1].max()) / 2  # windows overlap by half
            if ratio > abs(best):
                best, window, other = sign * float(ratio), change, local.first + int(elsewhere.argmax())
    return best, window, other
