from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from videosync.lags.association import association_scores, change_components

LAGS = np.arange(-30, 31)


def two_pictures(offset: int, seed: int = 0, frames: int = 120) -> tuple[np.ndarray, np.ndarray]:
    """Three sources seen by both cameras in other mixtures, and two that only one of them sees: [T, 20] twice."""
    rng = np.random.default_rng(seed)
    sources = gaussian_filter1d(rng.normal(size=(frames + 100, 3)), 1.5, axis=0)
    pictures = []
    for start in (50 + offset, 50):
        own = 1.5 * gaussian_filter1d(rng.normal(size=(frames, 2)), 1.5, axis=0)
        seen = np.concatenate([sources[start : start + frames], own], axis=1)
        pictures.append(seen @ rng.normal(size=(5, 20)) + 0.05 * rng.normal(size=(frames, 20)))
    return pictures[0], pictures[1]


@pytest.mark.parametrize("offset", [-25, 0, 13])
def test_places_need_not_correspond(offset: int) -> None:
    components = [change_components(picture) for picture in two_pictures(offset)]
    assert LAGS[association_scores(*components, LAGS).argmax()] == offset


def test_scores_are_the_weighted_sum_of_squared_correlations() -> None:
    one, two = (change_components(picture, count=3) for picture in two_pictures(4))
    for lag in (-20, 0, 7):
        x, y = one.values[max(0, -lag) : 120 - max(0, lag)], two.values[max(0, lag) : 120 + min(0, lag)]
        r = np.corrcoef(x.T, y.T)[:3, 3:]
        weights = np.outer(one.weights, two.weights)
        expected = ((len(x) * r**2 - 1) * weights).sum() / np.sqrt(2 * (weights**2).sum())
        assert association_scores(one, two, np.array([lag]))[0] == pytest.approx(expected)


def test_components_are_uncorrelated_and_the_strongest_count_most() -> None:
    found = change_components(two_pictures(0)[0], count=6)
    np.testing.assert_allclose(np.cov(found.values.T, bias=True), np.eye(6), atol=1e-6)
    assert (np.diff(found.weights) <= 0).all()


def test_unrelated_signals_score_alike_at_small_and_large_overlap() -> None:
    lags = np.arange(-90, 91)
    curves = []
    for seed in range(60):
        one, two = two_pictures(0, 2 * seed)[0], two_pictures(0, 2 * seed + 1)[1]
        curves.append(association_scores(change_components(one), change_components(two), lags))
    spread = np.array(curves).std(axis=0)
    assert 0.6 < spread[np.abs(lags) > 70].mean() / spread[np.abs(lags) < 30].mean() < 1.4


@pytest.mark.parametrize("frames", [1, 2, 30])
def test_flat_or_short_signals_say_nothing(frames: int) -> None:
    lags = np.arange(-frames + 1, frames)
    flat = change_components(np.full((frames, 9), 2.0))
    lively = change_components(np.random.default_rng(0).normal(size=(frames, 9)))
    assert not association_scores(flat, lively, lags).any()
    assert np.isfinite(association_scores(lively, lively, lags)).all()
