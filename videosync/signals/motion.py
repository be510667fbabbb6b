"""How much moves in a picture, frame by frame: log statistics of thresholded frame differences.

With grey levels ``g`` after a Gaussian blur of one pixel and ``D_s(t) = |g(t) - g(t - s)|``, the threshold of a
pixel is ``max(4 n, 4 levels)``, where ``n`` is its noise: the median of its ``D_1`` over time. The residuals
``R_s = max(D_s - threshold, 0)`` hold what moves; noise of the sensor and of the codec stays below.

Where the camera moves (``signals.stabilise``), ``g(t - s)`` is first taken to where that motion has brought it; the
threshold is at least what a quarter of a pixel of misfit would change, and ``n`` one number, since no pixel stays
with its noise. Where it stands still nothing of this happens, and the signals are the same to the bit. Changes of light
(``signals.exposure``) are taken out too: earlier pictures are first shown as the exposure of ``g(t)`` would have them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Literal

import cv2
import numpy as np

from videosync.errors import require_known
from videosync.signals.exposure import as_exposed, tone_change
from videosync.signals.grey import small_grey, small_size
from videosync.signals.keyframes import bridge_keyframes
from videosync.signals.lines import DIRECTIONS, STRIPS, line_counts
from videosync.signals.measure import Signals, Source
from videosync.signals.stabilise import STAYS, Step, aligned, camera_moves, camera_step, misfit

SIZE = 160  # pixels, the longer side of the pictures that are compared
LEVEL = 32  # pictures are kept in 1/32 of a grey level, so that the blur does not round noise away
NOISE_FACTOR, LEAST_THRESHOLD = 4, 4.0  # threshold: times the noise; grey levels
SCALES = (1, 2, 4, 8)  # frames
TOP_CELLS = (1, 4, 8, 16, 32, 64)  # of a 16 x 16 grid
GRID, CELLS = 16, 8
# keep the logarithms of still pictures finite
FLOOR_ENERGY, FLOOR_AREA, FLOOR_TOP, FLOOR_CELL = 0.003, 0.0005, 0.01, 0.5
BLOCK = 512  # frames that share one estimate of the noise

CHANNELS = {  # name → columns
    "energy": 1,  # log mean R_1
    "area": 1,  # log share of pixels with R_1 > 0
    "posneg": 2,  # log mean R_1 of pixels that became brighter, darker
    "energy1248": len(SCALES),  # log mean R_s
    "sgrid": len(TOP_CELLS),  # log mean of the most lively cells of R_1, wherever they are
    "cells": CELLS**2,  # log mean R_1 of each cell of an 8 x 8 grid, row by row: where things move
    "lines": DIRECTIONS * STRIPS,  # sqrt of the pixels with R_1 > 0 in each strip of several directions (signals.lines)
}
# pixels by which the camera moves the picture, 0 where it stands still [T, 1]: no lag score may be made of it, since
# the motions of two cameras have nothing to do with each other
CAMERA = "camera"


class MotionMeter:
    """Motion signals, logarithms without unit, and the channel ``CAMERA``.

    A frame without one ``s`` frames before it takes the value of the first frame that has one. At most 512 small
    pictures are held, however long the clip is.

    Args:
        channels: names from ``CHANNELS``.
        size: longer side, in pixels, of the pictures that are compared.
        stabilise: take out the camera's own motion where it moves.

    Raises:
        ConfigError: an unknown channel; the nearest is named.
    """

    needs: Literal["pictures"] = "pictures"

    def __init__(self, channels: Sequence[str] = tuple(CHANNELS), *, size: int = SIZE, stabilise: bool = True) -> None:
        for name in channels:
            require_known("motion channel", name, CHANNELS)
        self.size, self.stabilise = size, stabilise
        self.reach: Mapping[str, np.ndarray] = {name: _reach(name) for name in (*channels, CAMERA)}

    def pixels(self, height: int, width: int) -> tuple[int, int]:
        return small_size(height, width, self.size)

    def begin(self, source: Source) -> _Motion:
        return _Motion(self, source)


class _Motion:
    def __init__(self, meter: MotionMeter, source: Source) -> None:
        self.meter, self.source = meter, source
        self.block: list[np.ndarray] = []  # grey pictures that wait
        self.rows: dict[str, list[np.ndarray]] = {name: [] for name in (*CHANNELS, CAMERA)}
        if "lines" not in meter.reach:
            del self.rows["lines"]  # they would take more room than all others
        self.recent: list[np.ndarray] = []  # blurred pictures before the block, the last 8 at most
        self.path: list[Step] = []  # how the camera came to each of them
        self.last: list[np.ndarray] = []  # the picture before the block, not blurred
        self.threshold: np.ndarray | None = None
        self.lost: list[int] = []  # frames at which the camera's motion could not be told

    def watch(self, frame: np.ndarray) -> None:
        self.block.append(small_grey(frame, self.meter.size))
        if len(self.block) == BLOCK:
            self._measure()

    def signals(self) -> Signals:
        if self.block:
            self._measure()
        found = {}
        for name, reach in self.meter.reach.items():
            found[name] = _filled(self.rows[name], len(reach))
            if name != CAMERA:
                found[name] = bridge_keyframes(found[name], self.source.keyframes, reach)
                found[name] = bridge_keyframes(found[name], self.lost, reach)
        return found

    def _measure(self) -> None:
        block, self.block = self.block, []
        blurred = [cv2.GaussianBlur(grey.astype(np.uint16) * LEVEL, (0, 0), 1.0) for grey in block]
        moves = self.meter.stabilise and (camera_moves(block) or self._looks_moving(len(block)))
        steps = _steps([*self.last, *block], len(block)) if moves else [STAYS] * len(block)
        curves = _light([*self.recent[-1:], *blurred], len(block))
        goal = _threshold([*self.recent[-1:], *blurred], curves, steps if moves else None)
        start = goal if self.threshold is None else self.threshold
        self.threshold, self.last = goal, block[-1:]
        for number, (picture, step, curve) in enumerate(zip(blurred, steps, curves)):
            # from one block's threshold to the next without a step
            share = min(1.0, 2 * (number + 1) / len(block))
            limit = goal if start is goal else cv2.addWeighted(start, 1 - share, goal, share, 0)
            self.path = [*self.path[1 - max(SCALES) :], step]
            recent = as_exposed(self.recent, curve)
            earlier = _earlier(recent, self.path if moves else None)
            _compare(self.rows, earlier, picture, np.maximum(limit, misfit(picture)) if moves else limit)
            self.recent = [*recent[1 - max(SCALES) :], picture]
            if not step.trusted:
                self.lost.append(len(self.rows[CAMERA]))
            self.rows[CAMERA].append(np.array([step.speed(picture.shape) if moves else 0.0]))

    def _looks_moving(self, frames: int) -> bool:
        """Whether larger pictures show that the camera moves in the block of so many frames that comes now."""
        looks, times, done = self.source.looks, self.source.times, len(self.rows[CAMERA])
        return looks is not None and times is not None and looks.camera_moves(times[done], times[done + frames - 1])


def _reach(channel: str) -> np.ndarray:
    """How many frames back each column of a channel looks: int [F]."""
    return np.array(SCALES) if channel == "energy1248" else np.ones(CHANNELS.get(channel, 1), np.int64)


def _steps(pictures: list[np.ndarray], count: int) -> list[Step]:
    """How the camera came to each of the last ``count`` pictures."""
    steps = [camera_step(before, after) for before, after in pairwise(pictures)]
    return [STAYS] * (count - len(steps)) + steps


def _light(blurred: list[np.ndarray], count: int) -> list[np.ndarray | None]:
    """The change of light before each of the last ``count`` pictures (``signals.exposure``)."""
    curves = [tone_change(before, after, level=LEVEL) for before, after in pairwise(blurred)]
    return [*[None] * (count - len(curves)), *curves]


def _threshold(
    blurred: list[np.ndarray], curves: Sequence[np.ndarray | None], steps: Sequence[Step] | None
) -> np.ndarray:
    """uint16 [h,w]: the smallest difference that counts as motion, per pixel. ``steps``: of a camera that moves."""
    shape = blurred[0].shape
    if len(blurred) < 2:
        return np.full(shape, LEAST_THRESHOLD * LEVEL, np.uint16)
    curves = curves[len(curves) + 1 - len(blurred) :]
    before = [picture for one, curve in zip(blurred, curves) for picture in as_exposed([one], curve)]
    if steps is not None:
        steps = steps[len(steps) + 1 - len(blurred) :]
        before = [aligned(picture, step.matrix)[0] for picture, step in zip(before, steps)]
        some = [cv2.absdiff(a, b)[::4, ::4].ravel() for a, b in zip(blurred[1:], before)]
        return np.full(shape, _limit(np.concatenate(some)), np.uint16)  # all pixels have one noise
    differences = np.stack([cv2.absdiff(a, b) for a, b in zip(blurred[1:], before)])  # [T-1,h,w]
    threshold = np.full(shape, _limit(np.zeros(1, np.uint16)), np.uint16)
    over = differences > LEAST_THRESHOLD * LEVEL / NOISE_FACTOR
    noisy = np.count_nonzero(over, axis=0) >= len(over) - len(over) // 2  # elsewhere the least threshold is above
    threshold[noisy] = _limit(differences[:, noisy].T)
    return threshold


def _limit(differences: np.ndarray) -> np.ndarray:
    """The threshold for noise of these differences [..., T]: uint16 [...]."""
    middle = differences.shape[-1] // 2
    noise = np.partition(differences, middle, axis=-1)[..., middle]
    return np.asarray(np.maximum(noise * NOISE_FACTOR, int(LEAST_THRESHOLD * LEVEL)), np.uint16)


# frames back → picture, where it is seen (None: all over)
Earlier = dict[int, tuple[np.ndarray, np.ndarray | None]]


def _earlier(recent: list[np.ndarray], path: Sequence[Step] | None) -> Earlier:
    """The pictures that a frame is compared with; ``path``: of a camera that moves, up to this frame."""
    if path is None:
        return {scale: (recent[-scale], None) for scale in SCALES if scale <= len(recent)}
    found: Earlier = {}
    matrix = np.eye(3)
    for back in range(1, min(max(SCALES), len(recent)) + 1):
        matrix = matrix @ path[-back].matrix
        if back in SCALES:
            found[back] = aligned(recent[-back], matrix)
    return found


def _compare(rows: dict[str, list[np.ndarray]], earlier: Earlier, picture: np.ndarray, limit: np.ndarray) -> None:
    """Append what one frame shows; NaN where there is no earlier frame to compare with."""
    energies = np.full(len(SCALES), np.nan)
    for place, scale in enumerate(SCALES):
        if scale in earlier:
            before, seen = earlier[scale]
            residual = cv2.subtract(cv2.absdiff(picture, before), limit)
            energies[place] = _total(_where(residual, seen)) * (1 / (_pixels(picture, seen) * LEVEL))
    energies = np.log(energies + FLOOR_ENERGY)
    rows["energy1248"].append(energies)
    rows["energy"].append(energies[:1])
    if 1 not in earlier:
        for name in ("area", "posneg", "sgrid", "cells", "lines"):
            if name in rows:
                rows[name].append(np.full(CHANNELS[name], np.nan))
        return
    before, seen = earlier[1]
    pixels = _pixels(picture, seen)
    per_pixel = 1 / (pixels * LEVEL)
    brighter = _where(cv2.subtract(cv2.subtract(picture, before), limit), seen)  # uint16 stops at 0
    darker = _where(cv2.subtract(cv2.subtract(before, picture), limit), seen)
    moving = cv2.add(brighter, darker)
    rows["area"].append(np.log([cv2.countNonZero(moving) / pixels + FLOOR_AREA]))
    rows["posneg"].append(np.log(np.array([_total(brighter), _total(darker)]) * per_pixel + FLOOR_ENERGY))
    grid = cv2.resize(moving.astype(np.float32), (GRID, GRID), interpolation=cv2.INTER_AREA)
    cells = np.sort(grid.ravel())[::-1] / LEVEL
    sums = np.cumsum(cells)
    rows["sgrid"].append(np.log([sums[top - 1] / top + FLOOR_TOP for top in TOP_CELLS]))
    coarse = cv2.resize(grid, (CELLS, CELLS), interpolation=cv2.INTER_AREA) / LEVEL
    rows["cells"].append(np.log(coarse.ravel() + FLOOR_CELL))
    if "lines" in rows:
        rows["lines"].append(line_counts(moving))


def _where(residual: np.ndarray, seen: np.ndarray | None) -> np.ndarray:
    return residual if seen is None else residual * seen


def _pixels(picture: np.ndarray, seen: np.ndarray | None) -> int:
    return picture.size if seen is None else max(1, cv2.countNonZero(seen))


def _total(picture: np.ndarray) -> float:
    return float(cv2.sumElems(picture)[0])


def _filled(rows: list[np.ndarray], columns: int) -> np.ndarray:
    """float32 [T,F]; the first values that are there also stand for those that are missing before them."""
    signal = np.array(rows, np.float32).reshape(len(rows), columns)
    for column in signal.T:
        there = np.flatnonzero(np.isfinite(column))
        column[: there[0] if len(there) else len(column)] = column[there[0]] if len(there) else 0.0
    return signal
