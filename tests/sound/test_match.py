"""The offset of two sounds: signs, swaps, bad input."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

from videosync.sound.match import match, track

RATE = 16_000


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    """Low-pass noise that never repeats."""
    white = np.random.default_rng(seed).normal(size=int(seconds * RATE))
    return (0.05 * lfilter([1], [1, -0.9], white)).astype(np.float32)


def test_the_offset_is_start0_minus_start1_and_swaps_to_its_negative() -> None:
    event, disturbance = noise(20), noise(20, seed=1)
    first, second = 3.0, 5.0 + 333 / RATE  # starts of the recordings
    one = track(event[int(first * RATE) :], start=0.25)
    other = track(event[int(second * RATE) :] + 0.5 * disturbance[int(second * RATE) :])
    found, swapped = match(one, other), match(other, one)
    assert found.placed
    assert found.precise
    assert found.seconds == pytest.approx(first - second - 0.25, abs=1e-5)  # the file's clock starts 0.25 s earlier
    assert swapped.seconds == -found.seconds
    assert swapped.interval == (-found.interval[1], -found.interval[0])
    np.testing.assert_array_equal(swapped.lags, -found.lags[::-1])
    np.testing.assert_array_equal(swapped.scores, found.scores[::-1])
