"""How much moves in a picture, frame by frame: log statistics of thresholded frame differences.

With grey levels ``g`` after a Gaussian blur of one pixel and ``D_s(t) = |g(t) - g(t - s)|``, the threshold of a
pixel is ``max(4 n, 4 levels)``, where ``n`` is its noise: the median of its ``D_1`` over time. The residuals
``R_s = max(D_s - threshold, 0)`` hold what moves; noise of the sensor and of the codec stays below.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import cv2
import numpy as np

from videosync.features.flow import EDGES, FlowMeter
from videosync.features.grey import small_grey
from videosync.features.keyframes import bridge_keyframes

LEVEL = 32  # pictures are kept in 1/32 of a grey level, so that the blur does not round noise away
NOISE_FACTOR, LEAST_THRESHOLD = 4, 4.0  # threshold: times the noise; grey levels
SCALES = (1, 2, 4, 8)  # frames
TOP_CELLS = (1, 4, 8, 16, 32, 64)  # of a 16 x 16 grid
GRID, CELLS = 16, 8
FLOOR_ENERGY, FLOOR_AREA, FLOOR_TOP, FLOOR_CELL = (
    0.003,
    0.0005,
    0.01,
    0.5,
)  # keep the logarithms of still pictures finite
BLOCK = 512  # frames that share one estimate of the noise

CHANNELS = {  # name → columns
    "energy": 1,  # log mean R_1
    "area": 1,  # log share of pixels with R_1 > 0
    "posneg": 2,  # log mean R_1 of pixels that became brighter, darker
    "energy1248": len(SCALES),  # log mean R_s
    "sgrid": len(TOP_CELLS),  # log mean of the most lively cells of R_1, wherever they are
    "cells": CELLS**2,  # log mean R_1 of each cell of an 8 x 8 grid, row by row: where things move
    "flowhist": len(EDGES),  # log shares of pixels that move faster than each edge
    "flowm": 1,  # log mean length of the flow
}
FLOW_CHANNELS = ("flowhist", "flowm")


def motion_signals(
    frames: Iterable[np.ndarray],
    *,
    size: int = 160,
    channels: Sequence[str] = tuple(CHANNELS),
    keyframes: Iterable[int] = (),
) -> dict[str, np.ndarray]:
    """Motion signals of one clip, in one pass over its frames.

    Args:
        frames: uint8 [H,W,3] RGB or [H,W] grey, T of them, all of one size.
        size: longer side, in pixels, of the pictures that are compared.
        channels: names from ``CHANNELS``; the flow channels cost several times as much as all others together.
        keyframes: those of the file that are among the frames, counted from the first of these; see
            ``features.keyframes``.

    Returns:
        name → float32 [T, F], logarithms without unit. A frame without one ``s`` frames before it takes the value
        of the first frame that has one. At most 512 small pictures are held, however long the clip is.

    Raises:
        ValueError: an unknown channel, or frames that are not as described.
    """
    if unknown := [name for name in channels if name not in CHANNELS]:
        raise ValueError(f"unknown motion channel {unknown[0]!r}; there are {', '.join(CHANNELS)}")
    meter = FlowMeter() if any(name in channels for name in FLOW_CHANNELS) else None
    rows: dict[str, list[np.ndarray]] = {name: [] for name in CHANNELS}
    recent: list[np.ndarray] = []  # blurred pictures before the block, the last 8 at most
    threshold: np.ndarray | None = None
    for block in _blocks(small_grey(frames, size)):
        blurred = [cv2.GaussianBlur(grey.astype(np.uint16) * LEVEL, (0, 0), 1.0) for grey in block]
        goal = _threshold([*recent[-1:], *blurred])
        start = goal if threshold is None else threshold
        threshold = goal
        for number, (grey, picture) in enumerate(zip(block, blurred)):
            share = min(
                1.0, 2 * (number + 1) / len(block)
            )  # from one block's threshold to the next without a step
            limit = goal if start is goal else cv2.addWeighted(start, 1 - share, goal, share, 0)
            _measure(rows, recent, picture, limit)
            recent = [*recent[1 - max(SCALES) :], picture]
            if meter is not None:
                histogram, mean = meter(grey)
                rows["flowhist"].append(histogram)
                rows["flowm"].append(np.array([mean]))
    flashes = tuple(keyframes)
    return {name: bridge_keyframes(_filled(name, rows[name]), flashes, reach(name)) for name in channels}


def reach(channel: str) -> np.ndarray:
    """How many frames back each column of a channel looks: int [F]."""
    return np.array(SCALES) if channel == "energy1248" else np.ones(CHANNELS[channel], np.int64)


def _blocks(pictures: Iterator[np.ndarray]) -> Iterator[list[np.ndarray]]:
    while block := list(islice(pictures, BLOCK)):
        yield block


def _threshold(blurred: list[np.ndarray]) -> np.ndarray:
    """uint16 [h,w]: the smallest difference that counts as motion, per pixel."""
    if len(blurred) < 2:
        return np.full(blurred[0].shape, LEAST_THRESHOLD * LEVEL, np.uint16)
    differences = np.stack([cv2.absdiff(a, b) for a, b in zip(blurred[1:], blurred)], axis=-1)  # [h,w,T-1]
    middle = differences.shape[-1] // 2
    noise = np.partition(differences, middle, axis=-1)[..., middle]
    return np.maximum(noise * NOISE_FACTOR, int(LEAST_THRESHOLD * LEVEL)).astype(np.uint16)


def _measure(
    rows: dict[str, list[np.ndarray]], recent: list[np.ndarray], picture: np.ndarray, limit: np.ndarray
) -> None:
    """Append what one frame shows; NaN where there is no earlier frame to compare with."""
    per_pixel = 1 / (picture.size * LEVEL)
    energies = np.full(len(SCALES), np.nan)
    for place, scale in enumerate(SCALES):
        if scale <= len(recent):
            energies[place] = _total(cv2.subtract(cv2.absdiff(picture, recent[-scale]), limit)) * per_pixel
    energies = np.log(energies + FLOOR_ENERGY)
    rows["energy1248"].append(energies)
    rows["energy"].append(energies[:1])
    if not recent:
        for name in ("area", "posneg", "sgrid", "cells"):
            rows[name].append(np.full(CHANNELS[name], np.nan))
        return
    brighter = cv2.subtract(cv2.subtract(picture, recent[-1]), limit)  # uint16 stops at 0
    darker = cv2.subtract(cv2.subtract(recent[-1], picture), limit)
    moving = cv2.add(brighter, darker)
    rows["area"].append(np.log([cv2.countNonZero(moving) / picture.size + FLOOR_AREA]))
    rows["posneg"].append(np.log(np.array([_total(brighter), _total(darker)]) * per_pixel + FLOOR_ENERGY))
    grid = cv2.resize(moving.astype(np.float32), (GRID, GRID), interpolation=cv2.INTER_AREA)
    cells = np.sort(grid.ravel())[::-1] / LEVEL
    sums = np.cumsum(cells)
    rows["sgrid"].append(np.log([sums[top - 1] / top + FLOOR_TOP for top in TOP_CELLS]))
    coarse = cv2.resize(grid, (CELLS, CELLS), interpolation=cv2.INTER_AREA) / LEVEL
    rows["cells"].append(np.log(coarse.ravel() + FLOOR_CELL))


def _total(picture: np.ndarray) -> float:
    return float(cv2.sumElems(picture)[0])


def _filled(name: str, rows: list[np.ndarray]) -> np.ndarray:
    """float32 [T,F]; the first values that are there also stand for those that are missing before them."""
    signal = np.array(rows, np.float32).reshape(len(rows), CHANNELS[name])
    for column in signal.T:
        there = np.flatnonzero(np.isfinite(column))
        column[: there[0] if len(there) else len(column)] = column[there[0]] if len(there) else 0.0
    return signal
