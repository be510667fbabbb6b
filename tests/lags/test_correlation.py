"""Lag curves: found where they should be, comparable across overlaps, and silent where nothing can be told."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from videosync.lags.correlation import change_vectors, correlation_scores, decorrelated_vectors, usual_change, whiten
from videosync.lags.overlap import cross_products
from videosync.lags.similarity import similarity_scores

LAGS = np.arange(-40, 41)


def shifted_pair(
    offset: int, *, frames: int = 120, columns: int = 3, noise: float = 0.3, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """[T,F] twice: frame i of the first shows the moment of frame i + offset of the second."""
    rng = np.random.default_rng(seed)
    scene = gaussian_filter1d(rng.normal(size=(frames + 200, columns)), 2.0, axis=0)
    scene /= scene.std()
    return tuple(
        scene[start : start + frames] + noise * rng.normal(size=(frames, columns)) for start in (100 + offset, 100)
    )  # type: ignore[return-value]


def slow_correlation(x: np.ndarray, y: np.ndarray, lag: int) -> float:
    pairs = [(i, i + lag) for i in range(len(x)) if 0 <= i + lag < len(y)]
    rows, columns = (list(t) for t in zip(*pairs))
    r = np.mean([np.corrcoef(x[rows, f], y[columns, f])[0, 1] for f in range(x.shape[1])])
    return float(np.arctanh(r) * np.sqrt(len(pairs) - 3))


@pytest.mark.parametrize("lag", [-30, -7, 0, 12, 60])
def test_correlation_is_the_formula_for_unequal_lengths_too(lag: int) -> None:
    x, _ = shifted_pair(0, frames=70)
    _, y = shifted_pair(5, frames=110)
    assert correlation_scores(x, y, np.array([lag]))[0] == pytest.approx(slow_correlation(x, y, lag), rel=1e-6)


@pytest.mark.parametrize("offset", [-35, -1, 0, 20])
def test_the_peak_lies_at_the_offset(offset: int) -> None:
    x, y = shifted_pair(offset)
    for scores in (
        correlation_scores(x, y, LAGS),
        correlation_scores(whiten(x), whiten(y), LAGS),
        similarity_scores(change_vectors(x), change_vectors(y), LAGS, temperature=0.2),
    ):
        assert LAGS[scores.argmax()] == offset


def test_unrelated_signals_score_alike_at_small_and_large_overlap() -> None:
    """Without the correction, correlations over 20 of 120 frames are 2.4 times as large as those over all."""
    lags = np.arange(-100, 101)
    spreads: dict[str, list[np.ndarray]] = {"correlation": [], "similarity": []}
    for seed in range(120):
        rng = np.random.default_rng(seed)
        x, y = rng.normal(size=(2, 120, 3))
        spreads["correlation"].append(correlation_scores(x, y, lags))
        unit = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (x, y))
        spreads["similarity"].append(similarity_scores(*unit, lags, temperature=0.2))
    for name, curves in spreads.items():
        spread = np.array(curves).std(axis=0)
        edge, middle = spread[np.abs(lags) > 80].mean(), spread[np.abs(lags) < 40].mean()
        assert edge / middle == pytest.approx(1.0, abs=0.15), name


def test_whitening_leaves_the_innovations_of_an_autoregression() -> None:
    rng = np.random.default_rng(0)
    innovations = rng.normal(size=3000)
    slow = np.zeros(3000)
    for t in range(2, 3000):
        slow[t] = 1.6 * slow[t - 1] - 0.65 * slow[t - 2] + innovations[t]
    found = whiten(slow[:, None], smoothing=1e-6)[:, 0]
    assert np.corrcoef(found[100:], innovations[100:])[0, 1] > 0.9
    before, after = (np.corrcoef(v[100:-1], v[101:])[0, 1] for v in (slow, found))
    assert before > 0.95
    assert abs(after) < 0.4  # the added noise leaves a little


@pytest.mark.parametrize("frames", [1, 3, 30])
def test_flat_or_short_signals_say_nothing(frames: int) -> None:
    flat, lags = np.full((frames, 2), 3.7), np.arange(-frames + 1, frames)
    lively = np.random.default_rng(0).normal(size=(frames, 2))
    assert not whiten(flat).any()
    assert not change_vectors(flat).any()
    for other in (flat, lively):
        assert not correlation_scores(flat, other, lags).any()
        found = similarity_scores(change_vectors(flat), change_vectors(other), lags, temperature=0.2)
        assert np.abs(found).max() < 1e-3
    assert np.isfinite(correlation_scores(lively, lively, lags)).all()


def test_decorrelated_channels_do_not_repeat_what_all_of_them_say() -> None:
    """Five channels that follow one common signal, and one that does not: the common signal no longer rules."""
    rng = np.random.default_rng(3)
    common, other = gaussian_filter1d(rng.normal(size=(2, 400)), 2.0, axis=1)
    signal = np.stack([*[common + 0.001 * rng.normal(size=400) for _ in range(5)], other], axis=1)
    plain, (found, again) = change_vectors(signal), decorrelated_vectors(usual_change(signal), usual_change(signal))
    np.testing.assert_array_equal(found, again)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-9)
    assert np.mean(plain[:, 5] ** 2) < 0.35 < 0.45 < np.mean(found[:, 5] ** 2)


def test_cross_products_are_sums_over_the_overlap() -> None:
    x, y = np.arange(4.0)[:, None], np.arange(10.0, 16.0)[:, None]
    found = cross_products(x, y, np.array([-3, 0, 5]))[:, 0]
    np.testing.assert_allclose(found, [3 * 10, 0 * 10 + 1 * 11 + 2 * 12 + 3 * 13, 0 * 15], atol=1e-9)


def test_a_lag_without_overlap_is_named() -> None:
    x, y = shifted_pair(0, frames=30)
    with pytest.raises(ValueError, match="offset 30 leaves signals of 30 and 30 frames no overlap"):
        correlation_scores(x, y, np.array([0, 30]))
