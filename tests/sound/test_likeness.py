"""What is played again, what pauses, and what is a copy."""

from __future__ import annotations

import numpy as np
import pytest

from tests.sound.test_match import RATE, cut, noise
from videosync.sound.match import match, track
from videosync.sound.pauses import comparable, sounding


def hiss(sound: np.ndarray, seed: int, level: float) -> np.ndarray:
    return (sound + level * np.random.default_rng(seed).normal(size=len(sound))).astype(np.float32)


def test_a_sample_that_is_played_again_says_less_than_a_moment_that_two_recorded() -> None:
    sample, gap = noise(2, seed=3), [noise(4, seed=number) for number in range(4, 9)]
    song = np.concatenate([gap[0], sample, gap[1], sample, gap[2], sample, gap[3], gap[4]])
    early, late = hiss(cut(song, 0, 15), 1, 0.01), hiss(cut(song, 15, 26), 2, 0.01)  # they share the sample alone
    again = match(track(early), track(late))
    once = match(track(hiss(cut(song, 0, 7), 1, 0.01)), track(hiss(cut(song, 1, 8), 2, 0.01)))
    assert again.features["alone"] < 0.1
    assert once.features["alone"] > 1
    assert once.placed


@pytest.mark.parametrize(("level", "copies"), [(0.0, True), (0.02, False)], ids=["copied", "two microphones"])
def test_copies_of_one_recording_are_told_from_two_microphones(level: float, copies: bool) -> None:
    event = noise(14)
    rounded = [
        np.round(hiss(sound, seed, level) * 200) / 200
        for seed, sound in ((1, cut(event, 0, 12)), (2, cut(event, 3, 14)))
    ]
    found = match(track(0.3 * rounded[0]), track(rounded[1]))
    assert found.seconds == pytest.approx(-3, abs=1e-3)
    assert found.same_recording is copies


def test_pauses_neither_agree_nor_disagree() -> None:
    speech = noise(40)
    for begin in (9, 24):
        speech[begin * RATE : (begin + 11) * RATE] = 0
    one, other = hiss(cut(speech, 0, 38), 1, 0.003), hiss(cut(speech, 2, 40), 2, 0.003)
    whole = match(track(one), track(other))
    assert whole.placed
    assert whole.features["agreeing_share"] == 1
    other[: 7 * RATE] = 0  # muted, while there is speech in the other
    assert match(track(one), track(other)).features["agreeing_share"] < 0.9


def test_segments_are_compared_where_both_sound_or_one_is_muted() -> None:
    quiet, loud, mute = (np.full(20, level, np.float32) for level in (-50, -20, -np.inf))
    assert sounding(np.concatenate([quiet, loud, mute])).tolist() == [False] * 20 + [True] * 20 + [False] * 20
    assert sounding(loud).all()  # steady sound has no pauses
    levels = np.concatenate([loud, loud, quiet, quiet]), np.concatenate([loud, mute, mute, quiet])
    pieces = [(2 * RATE * number + 1600, 2 * RATE * (number + 1) - 1600) for number in range(4)]
    assert comparable(pieces, 0, *levels).tolist() == [True, True, False, False]


def test_clocks_that_part_by_samples_within_a_segment_are_followed() -> None:
    event, ppm = hiss(np.zeros(62 * RATE), 0, 0.05), 180.0  # white: 3 samples late, and nothing is alike
    times = np.arange(58 * RATE) / RATE / (1 + ppm * 1e-6)
    other = np.interp(1 + times, np.arange(len(event)) / RATE, event).astype(np.float32)
    found = match(track(hiss(cut(event, 0, 60), 1, 0.05)), track(hiss(other, 2, 0.05)))
    assert found.drift_ppm == pytest.approx(ppm, abs=1)
    assert found.seconds == pytest.approx(-1, abs=2e-4)
    assert found.features["correlation"] > 0.15


def test_one_clock_has_no_drift() -> None:
    event = noise(38)
    found = match(track(hiss(cut(event, 0, 35), 1, 0.01)), track(hiss(cut(event, 1, 36), 2, 0.01)))
    assert found.drift_ppm == pytest.approx(0, abs=0.1)
    assert found.seconds == pytest.approx(-1, abs=2e-6)
