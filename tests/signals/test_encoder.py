"""Features of a network along a clip: the same however frames are cut into chunks, in the one pass over them."""

from __future__ import annotations

import numpy as np
import pytest

from videosync.signals.encoder import LEARNED, EncoderMeter
from videosync.signals.measure import Source, measure
from videosync.signals.motion import MotionMeter


class Differences:
    """A network that looks 2 frames back: the mean change over 1 and over 2 frames."""

    size, context, columns, sees_differences = 8, 2, 2, True

    def features(self, pictures: np.ndarray, context: int) -> np.ndarray:
        assert pictures.dtype == np.uint8
        assert pictures.shape[1:] == (8, 8)
        levels = pictures.astype(np.float32).mean(axis=(1, 2))
        rows = []
        for t in range(context, len(levels)):
            rows.append([abs(levels[t] - levels[max(0, t - lag)]) for lag in (1, 2)])
        return np.array(rows, np.float32)


def clip(frames: int = 50) -> np.ndarray:
    """uint8 [T,40,60,3]: grey levels that jump up and down."""
    levels = np.random.default_rng(0).integers(0, 250, frames)
    return np.broadcast_to(levels[:, None, None, None], (frames, 40, 60, 3)).astype(np.uint8)


def measured(frames: np.ndarray, *, chunk: int = 64, keyframes: tuple[int, ...] = ()) -> np.ndarray:
    return measure(frames, [EncoderMeter(Differences(), chunk=chunk)], Source(keyframes))[LEARNED]


def test_chunks_and_colours_change_nothing() -> None:
    whole = measured(clip())
    assert whole.shape == (50, 2)
    np.testing.assert_array_equal(whole[1:, 0], np.abs(np.diff(clip()[:, 0, 0, 0].astype(np.float32))))
    for chunk in (1, 7, 50):
        np.testing.assert_array_equal(measured(clip(), chunk=chunk), whole)
    np.testing.assert_array_equal(measured(clip()[..., 0]), whole)


def test_flashes_of_keyframes_are_bridged() -> None:
    plain, bridged = measured(clip()), measured(clip(), keyframes=(20,))
    np.testing.assert_allclose(bridged[20:22], np.linspace(plain[19], plain[22], 4)[1:3], rtol=1e-6)
    np.testing.assert_array_equal(np.delete(bridged, [20, 21], axis=0), np.delete(plain, [20, 21], axis=0))


def test_one_pass_feeds_all_meters() -> None:
    meters = EncoderMeter(Differences()), MotionMeter(("energy",))
    both = measure(iter(clip()), meters)
    for meter in meters:
        alone = measure(clip(), [meter])
        assert set(alone) == set(meter.reach)
        for name, signal in alone.items():
            np.testing.assert_array_equal(both[name], signal)
            assert signal.shape == (50, len(meter.reach[name]))


def test_what_is_no_picture_is_one_sentence() -> None:
    with pytest.raises(ValueError, match="frame 0 is float32.*expected uint8"):
        measured(clip().astype(np.float32))


@pytest.mark.parametrize(("height", "width", "pixels"), [(1080, 1920, (8, 15)), (240, 240, (8, 8)), (6, 30, (6, 30))])
def test_pictures_are_no_smaller_than_the_encoder_takes(height: int, width: int, pixels: tuple[int, int]) -> None:
    assert EncoderMeter(Differences()).pixels(height, width) == pixels


def test_an_encoder_of_colours_gets_them_and_no_flash_is_bridged() -> None:
    class Colours(Differences):
        context, sees_differences, columns = 0, False, 3

        def features(self, pictures: np.ndarray, context: int) -> np.ndarray:
            assert context == 0
            return pictures.astype(np.float32).mean(axis=(1, 2))  # [N, 3]

    frames = clip() // np.array([1, 2, 4], np.uint8)
    found = measure(frames, [EncoderMeter(Colours(), chunk=7)], Source((20,)))[LEARNED]
    np.testing.assert_array_equal(found, frames[:, 0, 0].astype(np.float32))
