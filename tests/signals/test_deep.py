"""Deep signals: what moves raises them, what stands still leaves them, however the frames are cut into chunks."""

from __future__ import annotations

import numpy as np
import pytest

from videosync.signals.deep import CELLS, DEEP_CHANNELS, FLOOR, FLOOR_CELL, DeepMeter
from videosync.signals.measure import ALL_CHANNELS, clip_signals
from videosync.signals.motion import motion_signals


def edges(frames: np.ndarray) -> np.ndarray:
    """A network of two channels, horizontal and vertical contrast of every fourth pixel: [N,H,W,3] → [N,2,h,w]."""
    grey = frames.astype(np.float32).mean(axis=-1)[:, ::4, ::4] / 64
    return np.abs(np.stack([np.diff(grey, axis=1)[:, :, 1:], np.diff(grey, axis=2)[:, 1:]], axis=1))


def clip(frames: int = 60, still: slice = slice(20, 40)) -> np.ndarray:
    """uint8 [T,80,120,3]: a bright square that wanders, but for the frames ``still``."""
    pictures = np.full((frames, 80, 120, 3), 70, np.uint8)
    place = np.cumsum([0 if still.start <= t < still.stop else 3 for t in range(frames)]) % 90
    for picture, left in zip(pictures, place):
        picture[20:50, left : left + 25] = (220, 180, 40)
    return pictures


def measured(
    frames: np.ndarray, *, chunk: int = 16, keyframes: tuple[int, ...] = ()
) -> dict[str, np.ndarray]:
    meter = DeepMeter(edges, chunk=chunk)
    assert sum(1 for _ in meter.watch(frames)) == len(frames)
    return meter.signals(keyframes=keyframes)


def test_what_moves_raises_every_channel_and_stillness_is_the_floor() -> None:
    for name, signal in measured(clip()).items():
        assert signal.shape == (60, DEEP_CHANNELS[name])
        assert signal.dtype == np.float32
        floor = np.log(FLOOR if name == "deep" else FLOOR_CELL)
        np.testing.assert_allclose(signal[20:40], floor, atol=1e-5)
        assert signal[1:20].max(axis=1).min() > floor + 1
        np.testing.assert_array_equal(signal[0], signal[1])


def test_a_still_clip_is_flat() -> None:
    for signal in measured(np.repeat(clip(1), 30, axis=0)).values():
        assert np.ptp(signal) == 0


def test_the_mean_rate_is_that_of_the_formula() -> None:
    frames = clip()
    maps = edges(frames)
    expected = np.log(np.abs(np.diff(maps, axis=0)).mean(axis=(1, 2, 3)) + FLOOR)
    np.testing.assert_allclose(measured(frames)["deep"][1:, 0], expected, atol=1e-5)


def test_cells_tell_where_features_change() -> None:
    frames = np.full((12, 80, 160, 3), 60, np.uint8)
    for t in range(12):
        size = 8 + 8 * (t % 3)
        frames[t, 2 : 2 + size, 124 : 124 + size] = 200
    cells = measured(frames)["deepcells"].reshape(12, CELLS, CELLS)
    lively = cells.mean(axis=0) > np.log(FLOOR_CELL) + 0.5
    assert lively[:3, 6:].any()
    lively[:4, 5:] = False
    assert not lively.any()


@pytest.mark.parametrize("chunk", [1, 7, 60, 100])
def test_chunks_change_nothing(chunk: int) -> None:
    frames, whole = clip(), measured(clip())
    for name, signal in measured(frames, chunk=chunk).items():
        np.testing.assert_allclose(signal, whole[name], atol=1e-6)


def test_memory_is_bounded() -> None:
    meter, held = DeepMeter(edges, chunk=8), []
    for _ in meter.watch(clip()):
        held.append(len(meter.waiting))
    assert max(held) < 8


def test_keyframes_are_bridged() -> None:
    frames, keys = np.repeat(clip(1), 60, axis=0), (15, 30, 45)
    for key in keys:
        frames[key:, ::8] ^= 16  # the whole picture flashes
    assert measured(frames)["deep"].std() > 0.5
    assert measured(frames, keyframes=keys)["deep"].std() < 1e-5


def test_large_frames_are_made_small() -> None:
    large = np.repeat(np.repeat(clip(20), 4, axis=1), 4, axis=2)
    seen: list[tuple[int, ...]] = []

    def maps(frames: np.ndarray) -> np.ndarray:
        seen.append(frames.shape)
        return edges(frames)

    meter = DeepMeter(maps, size=120)
    for frame, original in zip(meter.watch(large), large):
        assert frame is original or np.shares_memory(frame, original)
    signals = meter.signals()
    assert {shape[1:] for shape in seen} == {(80, 120, 3)}
    np.testing.assert_allclose(signals["deep"], measured(clip(20))["deep"], atol=0.05)


@pytest.mark.parametrize("frames", [0, 1, 2])
def test_hardly_any_frames(frames: int) -> None:
    assert {n: s.shape for n, s in measured(clip(frames)).items()} == {
        n: (frames, width) for n, width in DEEP_CHANNELS.items()
    }


def test_grey_frames_are_pictures_too() -> None:
    assert measured(clip()[..., 0])["deep"].std() > 0.5


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="expected uint8"):
        next(DeepMeter(edges).watch([np.zeros((8, 8, 3))]))
    with pytest.raises(ValueError, match="unknown deep channel 'dep'"):
        DeepMeter(edges).signals(["dep"])


def test_motion_and_deep_signals_come_from_one_pass() -> None:
    frames = clip()
    both = clip_signals(iter(frames), channels=("energy", "deep", "cells"), keyframes=(20,), maps=edges)
    assert list(both) == ["energy", "cells", "deep"]
    alone = motion_signals(frames, channels=("energy", "cells"), keyframes=(20,))
    for name in alone:
        np.testing.assert_array_equal(both[name], alone[name])
    np.testing.assert_array_equal(both["deep"], measured(frames, keyframes=(20,))["deep"])
    only = clip_signals(iter(frames), channels=("deep",), keyframes=(20,), maps=edges)
    np.testing.assert_array_equal(only["deep"], both["deep"])


def test_deep_channels_need_a_network() -> None:
    with pytest.raises(ValueError, match="'deepcells' needs a network"):
        clip_signals(clip(), channels=("energy", "deepcells"))
    with pytest.raises(ValueError, match="unknown motion channel 'nonsense'"):
        clip_signals(clip(), channels=("nonsense",), maps=edges)
    assert set(ALL_CHANNELS) >= set(DEEP_CHANNELS)
