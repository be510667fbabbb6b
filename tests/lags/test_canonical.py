"""Canonical correlations of two signals over lags: the formula, its null distribution, and what only it sees."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from tests.reference.lags import slow_canonical_scores
from videosync.lags import canonical
from videosync.lags.association import Components, association_scores, change_components
from videosync.lags.canonical import canonical_scores, canonical_size


def plain(values: np.ndarray, seen: np.ndarray | None = None) -> Components:
    return Components(values, np.ones(values.shape[1])).where(seen)


def values_of(frames: int, columns: int, seed: int) -> np.ndarray:
    smooth = gaussian_filter1d(np.random.default_rng(seed).normal(size=(frames, columns)), 1.0, axis=0)
    return change_components(smooth, count=columns).values


@pytest.mark.parametrize(("frames", "columns"), [((120, 90), (5, 5)), ((40, 75), (2, 3)), ((30, 30), (10, 10))])
@pytest.mark.parametrize("block", [canonical.BLOCK, 7])
def test_scores_are_those_of_the_formula(
    frames: tuple[int, int], columns: tuple[int, int], block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(canonical, "BLOCK", block)
    one, two = values_of(frames[0], columns[0], 1), values_of(frames[1], columns[1], 2)
    two[: frames[1] // 2, 0] += one[: frames[1] // 2, 1]
    lags = np.arange(1 - frames[0], frames[1])
    expected = slow_canonical_scores(one, two, lags)
    np.testing.assert_allclose(canonical_scores(plain(one), plain(two), lags), expected, atol=1e-8)
    np.testing.assert_allclose(canonical_scores(plain(two), plain(one), -lags[::-1])[::-1], expected, atol=1e-8)


def test_frames_that_are_not_seen_count_as_if_they_were_not_there() -> None:
    one, two = values_of(60, 3, 1), values_of(80, 4, 2)
    seen0, seen1 = np.ones((60, 1)), np.ones((80, 1))
    seen0[20:28], seen1[50:63] = 0, 0
    lags = np.arange(-40, 61)
    found = canonical_scores(plain(one, seen0), plain(two, seen1), lags)
    for lag in (-20, 0, 17):
        frames = [i for i in range(60) if 0 <= i + lag < 80 and seen0[i] * seen1[i + lag]]
        expected = slow_canonical_scores(one[frames], two[np.add(frames, lag)], [0])[0]
        assert found[lag + 40] == pytest.approx(expected, abs=1e-8)


def test_scores_of_unrelated_noise_are_in_standard_deviations() -> None:
    rng = np.random.default_rng(0)
    found = [canonical_scores(*map(plain, rng.normal(size=(2, 200, 6))), np.array([0]))[0] for _ in range(300)]
    assert abs(np.mean(found)) < 0.6  # the ridge makes correlations a little smaller
    assert 0.7 < np.std(found) < 1.2


def test_one_mixture_that_is_the_same_stands_out_more_than_in_the_sum_of_correlations() -> None:
    """Spread over all components of both signals, it is a small correlation of each two of them."""
    rng = np.random.default_rng(3)
    one, two = rng.normal(size=(2, 300, 8))
    two += 0.95 * np.outer(one.mean(axis=1) * np.sqrt(8) - two.mean(axis=1) * np.sqrt(8), np.ones(8)) / np.sqrt(8)
    lags = np.arange(-60, 61)
    sums = association_scores(plain(one), plain(two), lags)
    canon = canonical_scores(plain(one), plain(two), lags)
    assert lags[canon.argmax()] == 0
    assert (canon[60] - np.median(canon)) / canon.std() > (sums[60] - np.median(sums)) / sums.std()
    assert canon[60] > 2 * sums[60]


@pytest.mark.parametrize(("frames", "expected"), [((20, 400), 2), ((90, 100), 5), ((900, 400), 10)])
def test_short_clips_are_compared_by_few_components(frames: tuple[int, int], expected: int) -> None:
    assert canonical_size(*frames) == canonical_size(*frames[::-1]) == expected


def test_flat_signals_say_nothing_and_a_lag_without_overlap_is_refused() -> None:
    assert not canonical_scores(plain(np.zeros((9, 0))), plain(np.zeros((9, 2))), np.arange(-3, 4)).any()
    with pytest.raises(ValueError, match="no overlap"):
        canonical_scores(plain(np.zeros((9, 2))), plain(np.zeros((9, 2))), np.array([9]))
