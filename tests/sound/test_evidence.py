"""Correlations against their formulas, written out; work in blocks changes nothing."""

from __future__ import annotations

import numpy as np
import pytest

from videosync.sound import envelopes, whiten
from videosync.sound.confidence import Evidence, features, lead, peaks, probability_right
from videosync.sound.envelopes import HOP
from videosync.sound.match import HOPELESS
from videosync.sound.refine import refine
from videosync.sound.search import _products, wave_energy
from videosync.sound.segments import Power, pieces_of, segment_correlation

RATE = 16_000


def white(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=count).astype(np.float32)


@pytest.mark.parametrize("ranges", [[(-1600, 3200)], [(-80, 9), (1600, 1760)]])
def test_segments_are_correlated_as_the_formula_says(ranges: list[tuple[int, int]]) -> None:
    x, y, (first, stop) = white(1600), white(2400, 1), (400, 1200)
    found = segment_correlation(x, y, (first, stop), ranges, Power.of(x), Power.of(y))
    for (low, high), z in zip(ranges, found):
        for lag in range(low, high, 80):  # powers are sums of 16 samples
            inside = [i for i in range(first, stop) if 0 <= i + lag < len(y)]
            if len(inside) < 160:
                continue
            a, b = x[inside].astype(float), y[[i + lag for i in inside]].astype(float)
            expected = a @ b / np.sqrt((a @ a) * (b @ b)) * np.sqrt(len(inside))
            assert z[lag - low] == pytest.approx(expected, abs=0.15)


def test_nothing_overlaps_and_silence_count_0() -> None:
    x, y = white(800), np.zeros(800, np.float32)
    apart, silent = segment_correlation(x, y, (0, 800), [(900, 1000), (0, 100)], Power.of(x), Power.of(y))
    assert not apart.any()
    assert not silent.any()


def test_envelopes_are_multiplied_at_each_lag(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("videosync.sound.search.CHUNK", 32)
    rng = np.random.default_rng(0)
    x, y = (rng.normal(size=(count, 3)).astype(np.float32) for count in (50, 90))
    pieces, low, high = [(0, 25), (25, 50)], -45, 85
    found = _products(x, y, pieces, low, high)
    for row, (first, stop) in zip(found, pieces):
        expected = [
            sum(float(x[i] @ y[i + lag]) for i in range(first, stop) if 0 <= i + lag < len(y))
            for lag in range(low, high)
        ]
        np.testing.assert_allclose(row, expected, atol=1e-3)


def test_segments_vote_for_one_line_of_lags() -> None:
    """Each of four segments has its peak on a line that no common lag would find."""
    pieces = pieces_of(0, 80 * RATE, 20 * RATE)
    tilt = 100e-6
    x, y = np.zeros(80 * RATE, np.float32), np.zeros(80 * RATE, np.float32)
    for number, (first, stop) in enumerate(pieces):
        burst = white(RATE, number)
        middle = (first + stop) // 2
        lag = 800 + round(tilt * (middle - 40 * RATE))
        begin = middle - RATE // 2
        x[begin : begin + RATE] = burst
        y[begin + lag : begin + lag + RATE] = burst
    power0, power1 = Power.of(x), Power.of(y)
    ((energy, tilts),) = wave_energy(x, y, pieces, [(0, 12)], power0, power1)
    assert energy.argmax() == 800 // HOP
    assert tilts[energy.argmax()] == pytest.approx(tilt, rel=0.4)
    fine = refine(x, y, 800, 0.0, power0, power1, 800.0, float("inf"))
    assert fine.lag == pytest.approx(800, abs=1)
    assert fine.tilt == pytest.approx(tilt, rel=0.15)  # its segments are others


def test_envelopes_decide_between_a_reflection_and_the_direct_sound() -> None:
    x = white(4 * RATE)
    y = x + 1.02 * np.roll(x, 300)  # the reflection, 19 ms later, is the stronger one
    powers = Power.of(x), Power.of(y)
    alone = refine(x, y, 0, 0.0, *powers, 0.0, float("inf"))
    helped = refine(x, y, 0, 0.0, *powers, 20.0, 0.008 * RATE)
    assert alone.lag == pytest.approx(300, abs=0.5)
    assert alone.sharpness < 1.1
    assert helped.lag == pytest.approx(0, abs=0.5)
    assert helped.sharpness > 1.5


@pytest.mark.parametrize(("module", "block"), [(whiten, 8), (envelopes, 16)])
def test_work_in_blocks_changes_nothing(module: object, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    sound = white(RATE + 77) * np.float32(0.1)
    work = (lambda: whiten.whitened(sound)) if module is whiten else (lambda: envelopes.envelopes(sound)[0])
    whole = work()
    monkeypatch.setattr(module, "BLOCK", block)
    rounding = float(np.finfo(whole.dtype).eps) / 2  # whitened sound is kept in half precision
    np.testing.assert_allclose(work(), whole, atol=1e-4 + rounding)


def test_loud_and_soft_sound_are_whitened_alike() -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(2 * RATE) / RATE)
    loud, soft = (whiten.whitened((white(2 * RATE) * 0.02 * gain + tone * hum).astype(np.float32))
                  for gain, hum in ((10, 0.0), (1, 0.3)))  # fmt: skip
    inner = slice(2000, -2000)
    assert np.corrcoef(loud[inner], soft[inner])[0, 1] > 0.9  # the tone, 24 dB above the noise, is one bin of many


def test_a_lead_is_the_ratio_to_the_best_peak_elsewhere() -> None:
    values = np.zeros(100)
    values[[40, 50, 80]] = 12, 16, 4
    assert lead(values, 50) == pytest.approx(np.log(16 / 4))  # 40 is the same answer: within 0.15 s
    assert peaks(values, 2) == [50, 80]


def test_more_evidence_is_never_less_sure() -> None:
    wave, envelope = np.full(200, 4.0), np.full(200, 4.0)
    said = []
    for height in (4, 5, 6, 10, 30):
        wave[100], envelope[100] = height, height
        found = features(Evidence(wave, envelope), 100)
        said.append(probability_right(found | {"alone": 0.0, "spread": float(found["lead"] >= HOPELESS)}))
    assert said == sorted(said)
    assert said[0] < 0.5 < 0.95 < said[-1] < 1
