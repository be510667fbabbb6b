from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.accuracy.methods import Clip, best_of, correlation_curve, make_method, motion_energy
from videosync.errors import ConfigError
from videosync.types import Window
from videosync.video.write import write_video


def test_correlation_finds_a_shift_and_swaps_to_its_negative() -> None:
    curve = np.random.default_rng(0).normal(size=120)
    scores = correlation_curve(curve[10:100], 3 * curve[3:93] + 1, 15)  # frame i of 0 is frame i + 7 of 1
    assert best_of(scores).offset == 7
    assert scores.max() == pytest.approx(1)
    np.testing.assert_allclose(correlation_curve(curve[3:93], curve[10:100], 15), scores[::-1], atol=1e-12)
    flat = best_of(correlation_curve(np.zeros(50), np.zeros(50), 10))
    assert (flat.offset, flat.confidence) == (0, 0)


def test_confidence_is_the_lead_over_rivals_not_over_flanks() -> None:
    scores = np.zeros(41)
    scores[[25, 26, 27]] = 0.8, 1.0, 0.9
    scores[10] = 0.4
    answer = best_of(scores)
    assert answer.offset == 6
    assert answer.confidence == pytest.approx(0.6)


def test_motion_energy_is_the_log_of_the_mean_difference() -> None:
    frames = np.zeros((4, 2, 2, 3), np.uint8)
    frames[2:] = 8
    frames[3, 0] = 255  # half of the picture changes by 247; no wrapping at 256
    energy = motion_energy(Clip(Window("x", 0, 4, 25.0), frames))
    np.testing.assert_allclose(energy, np.log(np.array([0, 0, 8, 123.5]) + 0.05))


@pytest.mark.parametrize("name", ["cue:motion", "cue:learned", "encoder:crossview"])
def test_cues_and_encoders_find_a_shift_of_moving_pictures(name: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    places = np.cumsum(np.repeat(rng.exponential(1.5, 50), 2)) % 40
    scene = np.full((100, 48, 64, 3), 60, np.uint8)
    for t, place in enumerate(places.astype(int)):
        scene[t, 10:30, place : place + 20] = 200
    method, video = make_method(name), str(tmp_path / "scene.mp4")
    write_video(video, scene, 25.0, gop=30)
    clips = [Clip(Window(video, start, 80, 25.0), scene[start : start + 80]) for start in (9, 4)]
    signals = [method.prepare(clip) for clip in clips]  # frame i of 0 is frame i + 5 of 1
    found, swapped = (method.answer(*two, 15) for two in (signals, signals[::-1]))
    assert found.offset == pytest.approx(5, abs=0.3)
    assert swapped.offset == -found.offset
    assert swapped.confidence == found.confidence
    assert method.frames == (name != "encoder:crossview")  # which reads the file at its own size


def test_noise_says_the_same_each_time_and_knows_nothing() -> None:
    method, nothing = make_method("noise"), np.empty((0, 1, 1, 3), np.uint8)
    clips = [Clip(Window("a/v.mp4", start, 60, 25.0), nothing) for start in (0, 5)]
    once, again = (method.answer(*(method.prepare(clip) for clip in clips), 20) for _ in range(2))
    assert once == again
    with pytest.raises(ConfigError, match="method 'encoder:' is unknown"):
        make_method("encoder:")
