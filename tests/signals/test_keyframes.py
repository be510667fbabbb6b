"""Flashes at keyframes are taken out, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from videosync.cues.named import CUES
from videosync.signals.keyframes import bridge_keyframes
from videosync.timeline.clips import inspect, read_clip
from videosync.video.write import write_video


def test_flashes_are_bridged_for_as_long_as_they_last() -> None:
    signal = np.repeat(np.arange(30.0)[:, None], 2, axis=1)
    flashing = signal.copy()
    for key in (10, 20):
        flashing[key : key + 2, 0] += 5  # also when the next picture is predicted from the new one
        flashing[key : key + 5, 1] += 5
    found = bridge_keyframes(flashing, [0, 10, 20], np.array([1, 4]))
    np.testing.assert_allclose(found, signal)
    assert flashing[10, 0] == 15  # the input is not changed


@pytest.mark.parametrize("keyframes", [[], [0], [-5, 30, 99], list(range(30)), list(range(0, 30, 2))])
def test_nothing_changes_without_keyframes_or_with_little_else(keyframes: list[int]) -> None:
    signal = np.random.default_rng(0).normal(size=(30, 1))
    np.testing.assert_array_equal(bridge_keyframes(signal, keyframes, np.array([1])), signal)


def test_a_column_that_looks_further_back_than_keyframes_are_apart_stays() -> None:
    signal = np.random.default_rng(0).normal(size=(30, 2))
    found = bridge_keyframes(signal, range(0, 30, 5), np.array([1, 5]))
    assert (found[5] != signal[5])[0]
    np.testing.assert_array_equal(found[:, 1], signal[:, 1])


def textured(frames: int, seed: int) -> np.ndarray:
    """uint8 [T,96,128,3]: a blob that wanders before a textured wall."""
    rng = np.random.default_rng(seed)
    wall = gaussian_filter1d(gaussian_filter1d(rng.normal(size=(96, 128)), 1.2, axis=0), 1.2, axis=1)
    wall = 110 + 60 * wall / np.abs(wall).max()
    x, y = 25 * gaussian_filter1d(rng.normal(size=(2, frames)), 4.0, axis=1) / 0.27 * 0.6
    rows, columns = np.mgrid[:96, :128]
    blobs = [np.exp(-(((columns - 64 - a) / 9) ** 2) - ((rows - 48 - b) / 9) ** 2) for a, b in zip(x, y)]
    pictures = wall + 90 * np.array(blobs) + rng.normal(0, 2, (frames, 96, 128))
    return np.repeat(np.clip(pictures, 0, 255).astype(np.uint8)[..., None], 3, axis=-1)


def test_unrelated_clips_of_one_encoder_are_not_aligned_by_their_keyframes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lags, cue = range(-60, 61), CUES["motion"]

    def on_the_grid() -> int:
        """Of 12 unrelated pairs, those whose answer is a multiple of the distance of keyframes."""
        infos = [inspect(tmp_path / f"{n}.mp4") for n in range(8)]
        clips = [read_clip(info, info.fps, cue.meters()).signals for info in infos]
        pairs = [(n, (n + step) % 8) for step in (1, 3) for n in range(0, 8, 1)][:12]
        best = [lags[int(cue.score(clips[a], clips[b], lags).argmax())] for a, b in pairs]
        return sum(k % 12 == 0 for k in best)

    for n in range(8):
        write_video(tmp_path / f"{n}.mp4", textured(120, n), 25.0, codec="mpeg4", gop=12)
    assert on_the_grid() <= 5
    monkeypatch.setattr("videosync.signals.motion.bridge_keyframes", lambda signal, *_: signal)
    assert on_the_grid() >= 9
