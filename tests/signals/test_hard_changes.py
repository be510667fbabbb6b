"""Hard changes of the whole picture are found and held down; what one person or animal does is neither."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from videosync.signals.hard_changes import empty_frames, hard_changes, limited, of_one_colour
from videosync.signals.measure import measure
from videosync.signals.motion import MotionMeter
from videosync.signals.thumbnails import PICTURES, ThumbnailMeter

FRAMES = 120


def room(seed: int = 0, noise: float = 1.0) -> np.ndarray:
    """uint8 [T,48,64]: a still room with some noise."""
    rng = np.random.default_rng(seed)
    wall = np.kron(rng.uniform(40, 200, (6, 8)), np.ones((8, 8)))
    return np.clip(wall + rng.normal(0, noise, (FRAMES, 48, 64)), 0, 255).astype(np.uint8)


def thumbnails(frames: np.ndarray) -> np.ndarray:
    return measure(frames, [ThumbnailMeter()])[PICTURES]


def black_first(frames: np.ndarray) -> list[int]:
    frames[:6] = 0
    return [6]


def black_last(frames: np.ndarray) -> list[int]:
    frames[90:] = 16
    return [90]


def white_flash(frames: np.ndarray) -> list[int]:
    frames[50:53] = 255
    return [50, 53]


def weak_flash(frames: np.ndarray) -> list[int]:
    frames[50] = np.clip(frames[50].astype(int) + 25, 0, 255)
    return [50, 51]


def cut(frames: np.ndarray) -> list[int]:
    frames[40:] = room(1)[40:]
    return [40]


def lights_on(frames: np.ndarray) -> list[int]:
    frames[:70] //= 3
    return [70]


def fade(frames: np.ndarray) -> list[int]:
    frames[:20] = frames[:20] * (np.arange(20) / 20)[:, None, None]
    return list(range(1, 21))


CHANGES = [black_first, black_last, white_flash, weak_flash, cut, lights_on, fade]


@pytest.mark.parametrize("change", CHANGES)
def test_the_whole_picture_changes_at_these_frames(change) -> None:  # type: ignore[no-untyped-def]
    frames = room()
    wanted = change(frames)
    assert np.flatnonzero(hard_changes(thumbnails(frames))).tolist() == wanted


def nothing(frames: np.ndarray) -> None:
    pass


def one_person(frames: np.ndarray) -> None:
    """Who fills half of the picture and comes, jumps and goes within single frames."""
    for first, stop, left in ((30, 60, 0), (60, 61, 12), (61, 80, 6)):
        frames[first:stop, :, left : left + 32] = 235


def small_animal(frames: np.ndarray) -> None:
    for t in range(40, 44):
        frames[t, 20:30, 10 * (t - 40) : 10 * (t - 40) + 12] = 0


def moving_camera(frames: np.ndarray) -> None:
    wide = gaussian_filter(np.random.default_rng(2).normal(size=(48, 640)), 3)
    places = np.linspace(0, 500, FRAMES) + 20 * np.sin(np.arange(FRAMES) / 5)
    frames[:] = [(100 + 600 * wide)[:, int(place) + 30 :][:, :64].clip(0, 255) for place in places]


def slow_exposure(frames: np.ndarray) -> None:
    frames[:] = np.clip(frames + 0.5 * np.arange(FRAMES)[:, None, None], 0, 255)


@pytest.mark.parametrize("change", [nothing, one_person, small_animal, moving_camera, slow_exposure])
def test_these_are_no_hard_changes(change) -> None:  # type: ignore[no-untyped-def]
    frames = room()
    change(frames)
    pictures = thumbnails(frames)
    assert not hard_changes(pictures).any()
    assert not empty_frames(pictures).any()
    signals = measure(frames, [MotionMeter(("energy",)), ThumbnailMeter()])
    np.testing.assert_array_equal(signals["energy"], measure(frames, [MotionMeter(("energy",))])["energy"])


def test_a_still_picture_before_a_cut_contains_nothing_and_a_still_room_does() -> None:
    frames = room()
    frames[:40] = room(1, noise=0)[0]
    empty = empty_frames(thumbnails(frames))
    assert empty[:41].all()
    assert not empty[41:].any()
    assert not empty_frames(thumbnails(room(noise=0))).any()


def test_one_colour_is_told_from_a_dark_picture() -> None:
    frames = room() // 8
    frames[3] = 90
    assert np.flatnonzero(of_one_colour(thumbnails(frames))).tolist() == [3]


@pytest.mark.parametrize("change", CHANGES)
def test_no_channel_shows_more_of_a_hard_change_than_of_an_ordinary_lively_frame(change) -> None:  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(5)
    frames = room()
    for t in range(FRAMES):  # somebody moves all the time
        left = int(rng.integers(0, 48))
        frames[t, 20:36, left : left + 12] = 250
    ordinary = measure(frames, [MotionMeter()])
    change(frames)
    signals = measure(frames, [MotionMeter(), ThumbnailMeter()])
    changed = hard_changes(signals[PICTURES])
    for name in ("energy", "area", "posneg", "energy1248", "cells"):
        middle = np.median(ordinary[name], axis=0)
        lively, shown = (np.linalg.norm(s[name] - middle, axis=1) for s in (ordinary, signals))
        assert shown[changed].max() <= 1.1 * lively.max()


def test_a_black_film_with_a_flash_is_still() -> None:
    frames = np.zeros((FRAMES, 48, 64), np.uint8)
    frames[50] = 255
    assert measure(frames, [MotionMeter(("energy",)), ThumbnailMeter()])["energy"].std() == 0


def test_columns_that_see_a_hard_change_are_held_down_and_others_are_left_as_they_are() -> None:
    rng = np.random.default_rng(0)
    signal = rng.normal(size=(FRAMES, 2)).astype(np.float32)
    shown = np.array(thumbnails(room()))
    shown[60] += 50
    signal[60:62] += 100
    found = limited({"x": signal, PICTURES: shown}, {"x": np.ones(2, np.int64)})["x"]
    np.testing.assert_array_equal(found[:60], signal[:60])
    np.testing.assert_array_equal(found[66:], signal[66:])
    assert np.abs(found[60:66]).max() < 4
