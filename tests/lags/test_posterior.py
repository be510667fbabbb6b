"""Softmax over lags, its median and its temperature."""

from __future__ import annotations

import numpy as np
import pytest

from videosync.lags.posterior import fit_beta, posterior_median, symmetric_softmax


def test_softmax_is_reversed_to_the_last_bit() -> None:
    """As added up from one end or from the other, about one row in a hundred would differ."""
    logits = 3 * np.random.default_rng(0).normal(size=(300, 201))
    logits[:, :5] = -np.inf
    found = symmetric_softmax(logits)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert not found[:, :5].any()
    np.testing.assert_array_equal(symmetric_softmax(logits[:, ::-1])[:, ::-1], found)
    np.testing.assert_array_equal(symmetric_softmax(logits[7]), found[7])


def test_posterior_median_by_hand() -> None:
    rows = np.array([[0, 0, 0.2, 0.7, 0.1], [0.5, 0, 0, 0, 0.5], [0.5, 0.5, 0, 0, 0], [1, 0, 0, 0, 0]])
    np.testing.assert_array_equal(posterior_median(rows), [1, 0, -1.5, -2])
    p = np.random.default_rng(0).dirichlet(np.full(11, 0.3), 500)
    np.testing.assert_array_equal(posterior_median(p[:, ::-1]), -posterior_median(p))
    expected = np.abs(np.arange(11)[:, None] - np.arange(11)) @ p.T  # [answer, row]: expected absolute error
    best = expected.min(axis=0)
    answers = np.round(posterior_median(p)).astype(int) + 5
    np.testing.assert_allclose(expected[answers, np.arange(500)], best, atol=1e-9)


def test_calibration_finds_the_temperature_that_made_the_labels() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(4000, 9))
    for beta in (0.3, 4.0):
        p = np.exp(beta * logits)
        p /= p.sum(axis=1, keepdims=True)
        labels = (rng.random((4000, 1)) > p.cumsum(axis=1)).sum(axis=1).clip(max=8)
        assert fit_beta(100 * logits, labels) == pytest.approx(beta / 100, rel=0.1)
