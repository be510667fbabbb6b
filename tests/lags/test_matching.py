from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from videosync.lags import matching, similarity
from videosync.lags.matching import match_scores


def two_clips(frames0: int, frames1: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    found = (rng.normal(size=(frames, 4)) for frames in (frames0, frames1))
    one, other = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True) for vectors in found)
    return one, other


@pytest.mark.parametrize("rows", [7, 512])
def test_it_is_the_formula_written_out_and_reversed_when_swapped(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matching, "ROWS", rows)
    one, other = two_clips(30, 44)
    lags = np.arange(-20, 31)
    products = one @ other.T / 0.2
    cells = (softmax(products, axis=0) + softmax(products, axis=1)) / 2
    slow = [
        (d.mean() - cells.mean()) / cells.std() * np.sqrt(len(d)) for d in (np.diagonal(cells, lag) for lag in lags)
    ]
    # sums of float32 cells
    np.testing.assert_allclose(match_scores(one, other, lags, temperature=0.2), slow, atol=1e-4)
    swapped = match_scores(other, one, -lags[::-1], temperature=0.2)[::-1]
    np.testing.assert_allclose(swapped, slow, atol=1e-4)


def test_nothing_that_changes_scores_nothing_and_long_clips_are_read_by_logarithms(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lags = np.arange(-5, 6)
    assert not match_scores(np.ones((20, 1)), np.ones((25, 1)), lags, temperature=0.2).any()
    one, other = two_clips(30, 44)
    monkeypatch.setattr(matching, "MOST_CELLS", 100)
    found = match_scores(one, other, lags, temperature=0.2)
    np.testing.assert_array_equal(found, similarity.similarity_scores(one, other, lags, temperature=0.2))
    with pytest.raises(ValueError, match="no overlap"):
        match_scores(one, other, np.array([50]), temperature=0.2)
