"""Offsets along the overlap of two clips: lag scores of short windows, and the path of offsets through them.

A window of clip 0 is scored against clip 1 by itself, so that an offset that changes with time shows. The path is the
sequence of offsets, one a window, with the largest sum of scores, by dynamic programming (Viterbi, 1967): from window
to window it moves by a little for nothing much, and jumps anywhere for a price.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

IDLE = 0.8  # spreads: a window that says less than this of an offset is better without one
STEP = 0.75  # spreads: price of a frame by which neighbouring windows differ
NEAR = 2  # frames by which they differ at most without a jump
NONE = np.iinfo(np.int64).min  # the offset of a window that has none
REACH = 2  # frames around the path in which a window's own peak is taken


@dataclass(frozen=True, eq=False)
class LocalScores:
    """``scores[w, n]`` is what window ``w`` says of offset ``first + n``; 0: nothing."""

    starts: np.ndarray  # int64 [W]: first frame of each window, rising, in clip 0
    frames: int  # of a window
    first: int
    scores: np.ndarray  # float64 [W, L], in units of the spread over offsets

    @property
    def middles(self) -> np.ndarray:
        """float64 [W]: frames of clip 0."""
        return self.starts + (self.frames - 1) / 2


def window_starts(first: int, stop: int, frames: int, most: int) -> np.ndarray:
    """int64 [W]: starts of windows in ``first … stop - 1``, half a window apart or more, ``most`` at most."""
    if stop - first < frames:
        return np.zeros(0, np.int64)
    count = min(2 * (stop - first - frames) // frames + 1, most)
    return np.unique(np.linspace(first, stop - frames, count).round().astype(np.int64))


def local_scores(
    score: Callable[[slice, slice, np.ndarray], np.ndarray],
    starts: np.ndarray,
    frames: int,
    frames1: int,
    ranges: list[range],
) -> LocalScores:
    """Scores of windows of clip 0.

    Args:
        score: (frames of clip 0, frames of clip 1, offsets between the two cuts [L]) → scores [L].
        starts: int [W]. frames: of a window; frames1: of clip 1.
        ranges: offsets to try, one a window. Those at which half of the window would lie outside clip 1 get 0.
    """
    first, stop = min(lags.start for lags in ranges), max(lags.stop for lags in ranges)
    scores = np.zeros((len(starts), stop - first))
    for row, start, lags in zip(scores, starts.tolist(), ranges):
        low, high = max(lags.start, -start - frames // 2), min(lags.stop, frames1 - start - frames // 2)
        if high - low < 2:
            continue
        begin, end = max(0, start + low), min(frames1, start + high + frames)
        tried = np.arange(low, high)
        row[low - first : high - first] = score(slice(start, start + frames), slice(begin, end), tried + start - begin)
    return LocalScores(starts, frames, first, scores)


def best_path(local: LocalScores, jump: float, near: int = NEAR) -> np.ndarray:
    """The offset of each window along the path with the largest sum of scores, less ``IDLE`` each.

    A window may also have no offset at all, which counts 0.

    Args:
        jump: what it costs to go to an offset more than ``near`` frames from that of the window before, or to any from
            none. Going as far as ``near`` costs ``NEAR · STEP``.

    Returns:
        int64 [W]; ``NONE`` where a window has none.
    """
    windows, count = local.scores.shape
    gain = local.scores - IDLE
    places = np.arange(count)
    total, nothing = gain[0].copy(), jump  # the first offset costs nothing: having none costs as much
    came = np.full((windows, count), count)  # ``count``: from no offset
    left = np.full(windows, count)
    for w in range(1, windows):
        best, source = total.copy(), places.copy()
        for way in (way for move in range(1, near + 1) for way in (-move, move)):
            before = np.clip(places + way, 0, count - 1)
            value = np.where(before == places + way, total[before] - STEP * abs(way) * NEAR / near, -np.inf)
            source = np.where(value > best, before, source)
            best = np.maximum(best, value)
        top = int(total.argmax())
        start, came_from = max((nothing, count), (float(total[top]), top))
        source = np.where(start - jump > best, came_from, source)
        best = np.maximum(best, start - jump)
        left[w], nothing = (top, float(total[top])) if total[top] > nothing else (count, nothing)
        came[w], total = source, best + gain[w]
    path = np.full(windows, count)
    path[-1] = count if nothing >= total.max() else int(total.argmax())
    for w in range(windows - 1, 0, -1):
        path[w - 1] = left[w] if path[w] == count else came[w, path[w]]
    return np.where(path == count, NONE, path + local.first)


def runs(path: np.ndarray, near: int = NEAR) -> list[slice]:
    """Stretches of windows whose offsets follow each other without a jump, or with windows between that have none.

    Stretches parted only by windows without an offset are one, if they differ by no more than ``near`` frames, and one
    more for each window between them.
    """
    found: list[slice] = []
    for w, lag in enumerate(path.tolist()):
        if lag == NONE:
            continue
        if found and abs(lag - int(path[found[-1].stop - 1])) <= near + w - found[-1].stop:
            found[-1] = slice(found[-1].start, w + 1)
        else:
            found.append(slice(w, w + 1))
    return found


def steps(scores: np.ndarray, gain: float, least: int, first: int = 0) -> list[tuple[int, int, int]]:
    """Where one offset for all windows is worse than one before a window and another one from it on.

    Args:
        scores: [W, L]. gain: of the sum of scores, spreads. least: windows on either side. first: number of the first.

    Returns:
        (window, offset before, offset from it on; offsets as columns of ``scores``), rising.
    """
    sums = np.cumsum(scores, axis=0)
    before, after = sums[least - 1 : len(scores) - least], sums[-1] - sums[least - 1 : len(scores) - least]
    if not len(before):
        return []
    totals = before.max(axis=1) + after.max(axis=1) - sums[-1].max()
    best = int(totals.argmax())
    if totals[best] < gain:
        return []
    place = best + least
    earlier = steps(scores[:place], gain, least, first)
    later = steps(scores[place:], gain, least, first + place)
    one = earlier[-1][2] if earlier else int(before[best].argmax())
    other = later[0][1] if later else int(after[best].argmax())
    return [*earlier, *([(first + place, one, other)] if one != other else []), *later]


def own_peaks(local: LocalScores, path: np.ndarray, reach: int = REACH) -> tuple[np.ndarray, np.ndarray]:
    """Each window's own offset within ``reach`` frames of the path, to a fraction of a frame, and its score.

    Returns:
        float64 [W] offsets (the top of the parabola through the peak), and float64 [W] scores, 0 where there is none.
    """
    offsets, heights = path.astype(np.float64), np.zeros(len(path))
    for w, row in enumerate(local.scores):
        if path[w] == NONE:
            continue
        place = int(path[w]) - local.first
        low, high = max(1, place - reach), min(len(row) - 2, place + reach)
        if high < low:
            continue
        peak = low + int(row[low : high + 1].argmax())
        before, here, after = row[peak - 1 : peak + 2]
        bend = before + after - 2 * here
        if bend < 0 and here >= max(before, after) and here > 0:
            offsets[w], heights[w] = local.first + peak + 0.5 * (before - after) / bend, here
    return offsets, heights
