"""The offset with the largest score."""

from __future__ import annotations

import numpy as np

from videosync.lags.scores import best_lag


def test_ties_are_answered_by_their_mean() -> None:
    scores = np.array([[0, 2, 1, 2, 0], [0, 0, 0, 2, 2], [1, 1, 1, 1, 1], [5, 0, 0, 0, 0]], dtype=float)
    np.testing.assert_array_equal(best_lag(scores), [0, 1.5, 0, -2])


def test_reversed_scores_flip_the_sign_exactly() -> None:
    scores = np.random.default_rng(0).integers(-3, 3, (200, 11)).astype(float)
    np.testing.assert_array_equal(best_lag(scores[:, ::-1]), -best_lag(scores))


def test_scores_within_a_millionth_are_tied_and_others_are_not() -> None:
    near = np.array([[1.0, 0.0, 1.0 + 1e-8]])
    far = np.array([[1.0, 0.0, 1.0 + 1e-4]])
    assert best_lag(near)[0] == 0
    assert best_lag(far)[0] == 1
