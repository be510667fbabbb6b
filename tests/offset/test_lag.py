"""Lag scores and the tie rule."""

from __future__ import annotations

import numpy as np
import pytest

from videosync.errors import CheckpointError
from videosync.offset.lag import best_lag, lag_scores


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


def test_swapping_the_videos_reverses_the_scores_exactly() -> None:
    rng = np.random.default_rng(1)
    forward, backward = rng.random((2, 3, 20, 20), dtype=np.float32)
    np.testing.assert_array_equal(lag_scores(forward, backward, 7), lag_scores(backward, forward, 7)[:, ::-1])


def test_short_diagonals_do_not_win_by_chance() -> None:
    """Noise, searched down to 5 frames of overlap: the answers must not pile up at the edges."""
    rng = np.random.default_rng(2)
    forward, backward = (rng.dirichlet(np.ones(50), size=(300, 50)).astype(np.float32) for _ in range(2))
    answers = best_lag(lag_scores(forward, backward, 45))
    edge = (np.abs(answers) > 35).mean()  # 20 of 91 candidates: 0.22 if all are alike
    assert 0.1 < edge < 0.35


def test_an_offset_range_as_long_as_the_matrix_is_refused() -> None:
    matrices = np.full((1, 10, 10), 0.1)
    assert lag_scores(matrices, matrices, 9).shape == (1, 19)
    with pytest.raises(CheckpointError, match="below 10"):
        lag_scores(matrices, matrices, 10)
