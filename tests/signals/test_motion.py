"""Motion signals: what moves raises them, what does not leaves them, and the formulas are those of the docstring."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from tests.signals.motion_of import motion_signals
from videosync.errors import ConfigError
from videosync.signals import motion
from videosync.signals.motion import CAMERA, CHANNELS


def moving_square(
    frames: int, *, still_until: int = 0, size: int = 96, noise: float = 1.0, seed: int = 0
) -> np.ndarray:
    """uint8 [T,H,W]: a bright square that goes back and forth from frame ``still_until`` on, with sensor noise."""
    rng = np.random.default_rng(seed)
    pictures = np.full((frames, size, size), 90.0)
    for t in range(frames):
        left = 10 + round(25 * (1 - np.cos(max(0, t - still_until) / 5)))
        pictures[t, 30:60, left : left + 20] = 200
    return np.clip(pictures + rng.normal(0, noise, pictures.shape), 0, 255).astype(np.uint8)


def slow_energy(frames: np.ndarray, scale: int) -> np.ndarray:
    """log mean R_s of the docstring, by the letter."""
    grey = np.stack([cv2.GaussianBlur(f.astype(np.float64), (0, 0), 1.0) for f in frames])
    noise = np.median(np.abs(np.diff(grey, axis=0)), axis=0)
    difference = np.abs(grey[scale:] - grey[:-scale])
    residual = np.maximum(difference - np.maximum(4 * noise, 4), 0).mean((1, 2))
    return np.log(np.r_[np.full(scale, residual[0]), residual] + 0.003)


def test_every_channel_has_its_shape() -> None:
    signals = motion_signals(moving_square(40))
    expected = {name: (40, columns) for name, columns in {**CHANNELS, CAMERA: 1}.items()}
    assert {name: s.shape for name, s in signals.items()} == expected
    assert all(s.dtype == np.float32 and np.isfinite(s).all() for s in signals.values())


@pytest.mark.parametrize("place", range(4))
def test_energies_are_those_of_the_formula(place: int) -> None:
    frames = moving_square(61)
    found = motion_signals(frames, channels=["energy1248"])["energy1248"][:, place]
    assert np.abs(found - slow_energy(frames, motion.SCALES[place])).max() < 0.05


def test_noise_alone_is_stillness_and_motion_is_not() -> None:
    signals = motion_signals(moving_square(80, still_until=40, noise=2.0))
    for name in CHANNELS:
        still, moving = signals[name][5:39].mean(), signals[name][45:].mean()
        assert moving > still + (0.1 if name == "cells" else 1.0), name  # most cells stay still
    assert signals["energy"][5:39].max() < np.log(0.02)


def test_area_counts_moving_pixels() -> None:
    frames = np.full((30, 64, 64), 50, np.uint8)
    frames[10:, 16:48, 16:48] = 150  # a quarter of the picture changes once
    area = np.exp(motion_signals(frames, channels=["area"])["area"][:, 0])
    assert area[10] == pytest.approx(0.25, abs=0.08)
    assert np.delete(area, 10).max() < 0.001


def test_brightening_and_darkening_are_told_apart() -> None:
    frames = np.full((30, 64, 64), 50, np.uint8)
    frames[10:20, 16:48, 16:48] = 150
    brighter, darker = motion_signals(frames, channels=["posneg"])["posneg"].T
    assert brighter.argmax() == 10
    assert darker.argmax() == 20


def test_where_it_moves_does_not_matter() -> None:
    frames = moving_square(40, noise=0)
    names = [name for name in CHANNELS if name not in ("cells", "lines")]
    there, elsewhere = (motion_signals(f, channels=names) for f in (frames, frames[:, ::-1, ::-1]))
    for name in names:
        np.testing.assert_allclose(there[name], elsewhere[name], atol=0.02, err_msg=name)


def test_cells_say_where_it_moves() -> None:
    frames = np.full((30, 64, 64), 50, np.uint8)
    frames[10:, 16:24, 40:48] = 150  # the cell in row 2, column 5 of 8
    cells = motion_signals(frames, channels=["cells"])["cells"]
    assert cells[10].argmax() == 2 * 8 + 5
    assert np.exp(cells[10].max()) > 50
    np.testing.assert_allclose(np.delete(cells, 10, axis=0), np.log(motion.FLOOR_CELL), atol=1e-6)


def test_a_long_clip_in_blocks_is_measured_without_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = moving_square(150)
    whole = motion_signals(frames, channels=["energy", "area"])
    monkeypatch.setattr(motion, "BLOCK", 50)
    parts = motion_signals(iter(frames), channels=["energy", "area"])
    for name in ("energy", "area"):
        assert np.corrcoef(whole[name][:, 0], parts[name][:, 0])[0, 1] > 0.98


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_few_black_frames_give_finite_signals(count: int) -> None:
    for signal in motion_signals(np.zeros((count, 48, 64, 3), np.uint8)).values():
        assert signal.shape[0] == count
        assert np.isfinite(signal).all()
        assert np.ptp(signal, axis=0).max() == 0


def test_wrong_input_is_named() -> None:
    with pytest.raises(ConfigError, match="'energie' is unknown.*Did you mean 'energy'"):
        motion_signals(moving_square(3), channels=["energie"])
    with pytest.raises(ValueError, match="frame 0 is float64"):
        motion_signals(np.zeros((3, 8, 8)))
    with pytest.raises(ValueError, match="frame 1 is"):
        motion_signals([np.zeros((8, 8), np.uint8), np.zeros((8, 9), np.uint8)])


@pytest.mark.parametrize("frames", [2, 3, 20, 21])
def test_the_threshold_of_each_pixel_is_four_times_its_median_change(frames: int) -> None:
    """From pixels without noise to pixels with a lot of it, to the bit."""
    rng = np.random.default_rng(frames)
    spread = np.linspace(0, 120, 30 * 40).reshape(30, 40)
    blurred = list((4000 + rng.normal(0, spread, (frames, 30, 40))).astype(np.uint16))
    changes = np.abs(np.diff(np.int64(blurred), axis=0))
    wanted = np.maximum(4 * np.sort(changes, axis=0)[len(changes) // 2], 4 * motion.LEVEL)
    assert (wanted > 4 * motion.LEVEL).any()
    assert (wanted == 4 * motion.LEVEL).any()
    np.testing.assert_array_equal(motion._threshold(blurred, [None] * frames, None), wanted)
