"""Pictures that two files share as pictures: titles, slates, countdowns, test pictures. They are no evidence.

Two cameras see one event differently; frames whose thumbnails are the same in two files were put there, or copied. A
stretch of them counts as put there where the whole picture changes at its ends: that leaves alone what two recordings
of one camera have in common, an empty room. A file that shows the pictures of another all along is a copy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from videosync.signals.hard_changes import of_one_colour
from videosync.signals.thumbnails import HEIGHT, WIDTH

MOST_FRAMES = 3000  # of each file, evenly spaced, that are compared each with each
LEAST_MISFIT, MISFIT = (
    0.5,
    0.06,
)  # root mean square: grey levels, and of the contrast, within which pictures are the same
BRIGHTER, MORE_CONTRAST = 12.0, 1.25  # grey levels, factor: what range and tone curve of another encoding may change
GAP, SHORTEST = 0.5, 0.2  # seconds: shorter gaps are closed; shorter stretches are chance
BESIDE = 1.0  # seconds from the end of a stretch …
OTHER, SHARE = 4.0, 0.6  # … at which so much of the picture differs by so many grey levels
LEAST_STEP = 0.5  # grey levels: root mean square of the changes of a cell that count …
AS_ONE = 0.9  # … and their correlation, where they are those of one graphic …
ITS_EDGE = 0.5  # … or, next to it, those of its edge …
MOST_CELLS = 1 / 3  # … which takes no more of the picture: a lower third
COPIED = 0.6  # of the frames in common, of a copy that is coded badly
AWAY = 1.0  # seconds: moved by so much, a copy is as unlike as time makes it


def shared_pictures(pictures0: np.ndarray, pictures1: np.ndarray, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Which frames of two clips were put there, the same in both: [T0, P], [T1, P] → bool [T0], bool [T1].

    Frames of one colour are not among them. Of clips of more than ``MOST_FRAMES`` some are looked at first.
    """
    some0, some1 = (np.arange(0, len(p), -(-len(p) // MOST_FRAMES)) for p in (pictures0, pictures1))
    alike = _alike(pictures0[some0], pictures1[some1])
    if not alike.any():
        return np.zeros(len(pictures0), bool), np.zeros(len(pictures1), bool)
    which0, which1 = np.flatnonzero(alike.any(axis=1)), np.flatnonzero(alike.any(axis=0))
    found0 = _everywhere(pictures0, some0, which0, pictures1[some1[which1]])
    found1 = _everywhere(pictures1, some1, which1, pictures0[some0[which0]])
    return _put_there(found0, pictures0, rate), _put_there(found1, pictures1, rate)


def is_copy(pictures0: np.ndarray, pictures1: np.ndarray, lag: int, rate: float) -> bool:
    """Whether frame ``i`` of clip 0 is the same picture as frame ``i + lag`` of clip 1, and something moves there."""
    first, stop = max(0, -lag), min(len(pictures0), len(pictures1) - lag)
    one, other = pictures0[first:stop], pictures1[first + lag : stop + lag]
    seen = ~(of_one_colour(one) | of_one_colour(other))
    away = min(len(one) // 2, round(AWAY * rate))
    if not seen.any() or not away or _same(one[seen], other[seen]).mean() < COPIED:
        return False
    apart = np.abs(one - other).max(axis=1)  # of what differs most: little that moves shows there
    moved = [np.abs(a - b).max(axis=1) for a, b in ((one[away:], other[:-away]), (one[:-away], other[away:]))]
    return bool(2 * np.median(apart) < np.median(np.concatenate(moved)))


def shared_cells(pictures0: np.ndarray, pictures1: np.ndarray, lag: int) -> np.ndarray:
    """Cells in which the same graphic moves (a clock, a lamp): from frame to frame they change as one: bool [P].

    What two cameras see of one event is seldom in the same cell, and hardly ever changes there by the same steps. None
    where much of the picture does so: light that changes.
    """
    first, stop = max(0, -lag), min(len(pictures0), len(pictures1) - lag)
    if stop - first < 3:
        return np.zeros(pictures0.shape[1], bool)
    steps = [np.diff(p, axis=0) for p in (pictures0[first:stop], pictures1[first + lag : stop + lag])]
    one, other = (step - step.mean(axis=0) for step in steps)
    power0, power1 = (one**2).mean(axis=0), (other**2).mean(axis=0)
    lively = np.minimum(power0, power1) >= LEAST_STEP**2
    alike = np.abs((one * other).mean(axis=0)) / np.maximum(np.sqrt(power0 * power1), 1e-9)
    found = np.asarray(lively & (alike >= AS_ONE))
    if found.any():  # and what belongs to it: a graphic's edge lies over a scene that moves
        from scipy.ndimage import binary_propagation

        part = (lively & (alike >= ITS_EDGE)).reshape(HEIGHT, WIDTH)
        found = binary_propagation(found.reshape(HEIGHT, WIDTH), np.ones((3, 3)), mask=part).ravel()
    return found if found.mean() <= MOST_CELLS else np.zeros_like(found)


def spans(frames: np.ndarray) -> list[tuple[int, int]]:
    """First and one past the last of each run of True: bool [T]."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], frames.astype(np.int8), [0]])))
    return [(int(first), int(stop)) for first, stop in edges.reshape(-1, 2)]


@dataclass(frozen=True, eq=False)
class _Looks:
    """Pictures, by what an encoding may change of them and what it may not."""

    mean: np.ndarray  # [T]
    contrast: np.ndarray  # [T], 0 where a picture is of one colour
    shape: np.ndarray  # [T, P]: the rest, in units of the contrast

    @classmethod
    def of(cls, pictures: np.ndarray) -> _Looks:
        mean, plain = pictures.mean(axis=1), of_one_colour(pictures)
        contrast = np.where(plain, 0.0, pictures.std(axis=1))
        return cls(mean, contrast, (pictures - mean[:, None]) / np.where(plain, np.inf, contrast)[:, None])

    def same(self, other: _Looks, correlation: np.ndarray) -> np.ndarray:
        """Which are the same, given the correlation of their shapes."""
        low, high = np.minimum(self.contrast, other.contrast), np.maximum(self.contrast, other.contrast)
        misfit = np.sqrt(np.maximum(2 * (1 - correlation), 0) * low * high)
        like = (np.abs(self.mean - other.mean) <= BRIGHTER) & (high <= MORE_CONTRAST * low)
        return np.asarray(like & (low > 0) & (misfit <= LEAST_MISFIT + MISFIT * low))


def _same(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Which pictures of two lists are the same, place by place: bool [T]."""
    looks0, looks1 = _Looks.of(one), _Looks.of(other)
    return looks0.same(looks1, (looks0.shape * looks1.shape).mean(axis=1))


def _alike(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Which pictures of one list are the same as which of another: bool [T0, T1]."""
    looks0, looks1 = _Looks.of(one), _Looks.of(other)
    each = _Looks(looks0.mean[:, None], looks0.contrast[:, None], looks0.shape)
    return each.same(looks1, looks0.shape @ looks1.shape.T / one.shape[1])


def _everywhere(pictures: np.ndarray, some: np.ndarray, found: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Which frames are among ``others``, where some were found: bool [T]."""
    every = np.zeros(len(pictures), bool)
    every[some[found]] = True
    step = int(some[1] - some[0]) if len(some) > 1 else 1
    if step > 1:
        near = np.flatnonzero(np.convolve(every, np.ones(2 * step - 1), "same") > 0)
        every[near] = _alike(pictures[near], others[:: -(-len(others) // MOST_FRAMES)]).any(axis=1)
    return every


def _put_there(found: np.ndarray, pictures: np.ndarray, rate: float) -> np.ndarray:
    """Of the frames that were found, the stretches at whose ends the whole picture changes: bool [T]."""
    frames, kept = len(found), np.zeros(len(found), bool)
    whole = found.copy()
    for first, stop in spans(~found):
        whole[first:stop] |= first > 0 and stop < frames and stop - first < GAP * rate
    beside = max(1, round(BESIDE * rate))
    for first, stop in spans(whole):
        changes = [_differ(pictures[max(0, first - beside) : first], pictures[first])] if first > 0 else []
        changes += [_differ(pictures[stop : stop + beside][::-1], pictures[stop - 1])] if stop < frames else []
        kept[first:stop] = bool(changes) and all(changes) and stop - first >= SHORTEST * rate
    return kept


def _differ(beside: np.ndarray, picture: np.ndarray) -> bool:
    """Whether the whole of a picture has changed in what lies beside it, the furthest first, or is of one colour."""
    other = np.quantile(np.abs(beside[0] - picture), 1 - SHARE) >= OTHER
    return bool(other or of_one_colour(beside).any())
