"""Moving pixels are counted in the strips that they lie in, each direction for itself."""

from __future__ import annotations

import numpy as np
import pytest

from tests.signals.motion_of import motion_signals
from videosync.signals.lines import DIRECTIONS, EDGE, REACH, STRIPS, line_counts


def slow_counts(moving: np.ndarray) -> np.ndarray:
    """The formula, pixel by pixel."""
    height, width = moving.shape
    counts = np.zeros((DIRECTIONS, STRIPS))
    for y, x in zip(*np.nonzero(moving)):
        for direction in range(DIRECTIONS):
            angle = np.pi * direction / DIRECTIONS
            across = (x - (width - 1) / 2) * np.cos(angle) + (y - (height - 1) / 2) * np.sin(angle)
            place = int(np.floor((across / max(width, height) + REACH / 2) / REACH * STRIPS + EDGE))
            counts[direction, min(max(place, 0), STRIPS - 1)] += 1
    return np.sqrt(counts).ravel()


@pytest.mark.parametrize("shape", [(90, 160), (160, 90), (64, 64), (1, 5)])
def test_counts_are_those_of_the_formula(shape: tuple[int, int]) -> None:
    moving = np.random.default_rng(0).random(shape) < 0.1
    found = line_counts(moving.astype(np.uint16) * 37)  # how much a pixel changes does not matter
    np.testing.assert_allclose(found, slow_counts(moving), rtol=1e-6)


def test_what_moves_along_a_line_stays_in_its_strip() -> None:
    frames = np.full((30, 96, 96), 60, np.uint8)
    for t in range(30):
        frames[t, 40:48, 5 + 2 * t : 15 + 2 * t] = 200  # to the right
    lines = motion_signals(frames, ["lines"])["lines"].reshape(30, DIRECTIONS, STRIPS)
    across, along = lines[5:, 0], lines[5:, DIRECTIONS // 2]  # upright strips, level ones
    assert (along > 0).any(axis=0).sum() < (across > 0).any(axis=0).sum() / 2
