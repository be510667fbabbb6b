"""The offset of two sounds: signs, swaps, drift, bad input, and sound that must not be placed."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import fftconvolve, lfilter

from videosync.sound import match as module
from videosync.sound.match import SoundMatch, match, track

RATE = 16_000


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    """Low-pass noise whose strength changes, and which never repeats: float32."""
    rng = np.random.default_rng(seed)
    white = rng.normal(size=int(seconds * RATE))
    strength = np.repeat(rng.uniform(0.1, 1, size=int(seconds * 5) + 1), RATE // 5)[: len(white)]
    return (0.05 * lfilter([1], [1, -0.9], white) * strength).astype(np.float32)


def cut(sound: np.ndarray, start: float, stop: float) -> np.ndarray:
    return sound[round(start * RATE) : round(stop * RATE)]


def assert_negated(one: SoundMatch, other: SoundMatch) -> None:
    """To the last bit."""
    assert one.seconds == -other.seconds
    assert one.interval == (-other.interval[1], -other.interval[0])
    assert (one.drift_ppm is None) == (other.drift_ppm is None)
    assert (one.drift_ppm or 0.0) == -(other.drift_ppm or 0.0)
    assert one.rivals == tuple(-rival for rival in reversed(other.rivals))
    assert one.features == other.features
    assert (one.confidence, one.reason) == (other.confidence, other.reason)
    np.testing.assert_array_equal(one.lags, -other.lags[::-1])
    np.testing.assert_array_equal(one.scores, other.scores[::-1])


def test_the_offset_is_start0_minus_start1_and_swaps_to_its_negative() -> None:
    event, disturbance = noise(16), noise(16, seed=1)
    first, second = 3.0, 5.0 + 333 / RATE  # starts of the recordings
    one = track(cut(event, first, 14), start=0.25)
    other = track(cut(event + 0.5 * disturbance, second, 16))
    found = match(one, other)
    assert found.placed
    assert found.precise
    assert found.drift_ppm is None  # 9 s are too short to tell
    assert found.seconds == pytest.approx(first - second - 0.25, abs=1e-5)  # sample 0 lies at 0.25 s of file 0
    assert found.interval[0] < found.seconds < found.interval[1]
    assert found.lags[found.scores.argmax()] == pytest.approx(found.seconds, abs=0.011)
    assert np.median(found.scores) == 0
    assert_negated(found, match(other, one))


def test_a_track_and_itself_are_at_0_exactly() -> None:
    one = track(noise(5))
    found = match(one, one)
    assert found.seconds == 0
    assert found.placed
    assert_negated(found, match(one, one))


def test_unlike_clocks_are_told() -> None:
    """The offset is that at the start of the common time; the drift is how much faster clock 1 runs."""
    event, ppm, first, second = noise(50), 80.0, 2.0, 4.0
    times = np.arange(40 * RATE) / RATE / (1 + ppm * 1e-6)  # clock 1 counts more samples in the same time
    other = np.interp(second + times, np.arange(len(event)) / RATE, event).astype(np.float32)
    found = match(track(cut(event, first, 48)), track(other))
    assert found.drift_ppm == pytest.approx(ppm, abs=4)
    assert found.seconds == pytest.approx(first - second, abs=3e-4)


def test_rooms_and_noise_leave_it_within_milliseconds() -> None:
    event = noise(14)
    rng = np.random.default_rng(3)
    tail = 10 ** (-3 * np.arange(RATE // 3) / (0.4 * RATE))  # 0.4 s of reverberation

    def recorded(start: float, stop: float, seed: int) -> np.ndarray:
        room = rng.normal(size=len(tail)) * tail * 0.04
        room[0] = 1
        wet = fftconvolve(event, room)[: len(event)]
        return cut((wet + wet.std() * rng.normal(size=len(wet))).astype(np.float32), start, stop)  # 0 dB

    found = match(track(recorded(1, 12, 5)), track(recorded(3, 14, 6)))
    assert found.placed
    assert found.seconds == pytest.approx(-2, abs=0.003)


def test_long_recordings_are_compared_near_candidates_only(monkeypatch: pytest.MonkeyPatch) -> None:
    event = noise(24)
    tracks = track(cut(event, 0, 18)), track(cut(event, 7.5, 24))
    whole = match(*tracks)
    monkeypatch.setattr(module, "MOST_PRODUCTS", 0.0)
    near = match(*tracks)
    assert near.placed
    assert near.seconds == pytest.approx(whole.seconds, abs=1e-6)


def test_the_half_that_fits_decides_and_the_share_is_said() -> None:
    event, other = noise(32), noise(32, seed=9)
    dubbed = np.concatenate([cut(other, 0, 18), cut(event, 18, 32)])
    whole, found = (match(track(cut(event, 2, 32)), track(sound)) for sound in (event, dubbed))
    assert found.placed
    assert found.seconds == pytest.approx(2, abs=1e-4)
    assert found.features["agreeing_share"] == pytest.approx(0.5, abs=0.15)
    assert whole.features["agreeing_share"] == 1


DITHER = np.random.default_rng(0).integers(-1, 2, 10 * RATE) / 32768
CLICK = np.random.default_rng(8).normal(size=200) * np.exp(-np.arange(200) / 40)


def clicks(seed: int) -> np.ndarray:
    """The same click again and again."""
    rng = np.random.default_rng(seed)
    sound = rng.normal(size=12 * RATE) * 0.003
    for place in rng.integers(0, len(sound) - len(CLICK), 10):
        sound[place : place + len(CLICK)] += CLICK
    return sound


def hum(seed: int) -> np.ndarray:
    """The mains, through another wall."""
    rng, time = np.random.default_rng(seed), np.arange(12 * RATE) / RATE
    tones = [np.sin(2 * np.pi * 50 * k * time + rng.uniform(0, 6)) * rng.uniform(0.2, 1) / k for k in range(1, 20)]
    return np.sum(tones, axis=0) * 0.1 + rng.normal(size=len(time)) * 1e-3


@pytest.mark.parametrize(
    ("one", "other", "reasons"),
    [
        (np.zeros(10 * RATE), noise(10), {"silent"}),
        (np.zeros(0), noise(10), {"silent"}),
        (np.full(10 * RATE, 0.3), noise(10), {"silent"}),
        (DITHER, DITHER, {"silent"}),
        (np.full(10 * RATE, np.nan), noise(10), {"silent"}),
        (noise(0.8), noise(10), {"short"}),
        (noise(10), noise(12, seed=1), {"weak", "ambiguous"}),
        (clicks(1), clicks(2), {"weak", "ambiguous", "repeats"}),
        (hum(1), hum(2), {"weak", "ambiguous", "repeats"}),
        (np.tile(noise(1.3), 9), np.tile(noise(1.3), 8)[5000:], {"repeats"}),
        (np.tile(noise(8), 2)[: 10 * RATE], np.tile(noise(8), 2)[RATE // 2 : 11 * RATE], {"repeats"}),
    ],
    ids=["zeros", "empty", "constant", "dither", "nan", "short", "unrelated", "clicks", "hum", "loop", "long-loop"],
)
def test_what_has_no_answer_is_refused_with_a_reason(one: np.ndarray, other: np.ndarray, reasons: set[str]) -> None:
    found = match(track(one), track(other))
    assert not found.placed
    assert not found.precise
    assert found.reason in reasons
    assert np.isfinite([found.seconds, found.confidence, *found.features.values()]).all()
    assert len(found.lags) == len(found.scores)
    if found.reason == "repeats":
        assert found.rivals


def test_clipping_and_a_constant_do_not_matter() -> None:
    event = noise(12)
    spoiled = np.clip(event * 40, -1, 1) * 0.5 + 0.3
    found = match(track(cut(event, 0, 10)), track(cut(spoiled, 2, 12)))
    assert found.placed
    assert found.seconds == pytest.approx(-2, abs=1e-4)


def test_offsets_are_looked_for_within_the_range_that_was_asked_for() -> None:
    event = noise(14)
    one, other = track(cut(event, 4, 14), start=1.0), track(cut(event, 1, 12))  # k = 4 - 1 - 1 = 2
    inside = match(one, other, max_offset=3)
    assert inside.seconds == pytest.approx(2, abs=1e-4)
    assert inside.placed
    assert np.abs(inside.lags).max() <= 3
    assert not match(one, other, max_offset=1).placed
    assert match(one, other, max_offset=2.005).reason == "edge"
    assert not match(one, other, min_overlap=9.5).placed  # 9 s overlap at the true one
