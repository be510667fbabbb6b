"""Signals too long for their matrix: the same answer, from a small part of the cells."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from videosync.lags import long_similarity, similarity
from videosync.lags.correlation import change_vectors
from videosync.lags.similarity import similarity_scores

TRUE = 170
LAGS = np.arange(-500, 501)


@pytest.fixture(scope="module")
def vectors() -> tuple[np.ndarray, np.ndarray]:
    """Of 700 and 800 frames, offset 170: frames agree roughly."""
    rng = np.random.default_rng(0)
    scene = gaussian_filter1d(rng.normal(size=(1200, 6)), 1.5, axis=0)
    scene /= scene.std()
    first, second = scene[TRUE + 50 : TRUE + 750], scene[50:850]
    return tuple(change_vectors(v + 0.8 * rng.normal(size=v.shape)) for v in (first, second))  # type: ignore[return-value]


def scored(vectors: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    return similarity_scores(*vectors, LAGS, temperature=0.2)


@pytest.fixture
def short_of_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(similarity, "MOST_CELLS", 100_000)
    monkeypatch.setattr(long_similarity, "SAMPLES", 200)
    monkeypatch.setattr(long_similarity, "CANDIDATES", 60)


def test_the_best_lags_are_scored_as_if_all_cells_had_been_seen(
    vectors: tuple[np.ndarray, np.ndarray], request: pytest.FixtureRequest
) -> None:
    whole = scored(vectors)
    request.getfixturevalue("short_of_cells")
    found = scored(vectors)
    assert LAGS[found.argmax()] == LAGS[whole.argmax()] == TRUE
    peak = slice(found.argmax() - 2, found.argmax() + 3)
    np.testing.assert_allclose(found[peak], whole[peak], rtol=0.1, atol=0.5)
    assert np.corrcoef(found, whole)[0, 1] > 0.7
    assert found.std() == pytest.approx(whole.std(), rel=0.3)  # scores of both kinds can be compared


@pytest.mark.usefixtures("short_of_cells")
def test_swapped_signals_give_the_same_scores(vectors: tuple[np.ndarray, np.ndarray]) -> None:
    back = similarity_scores(vectors[1], vectors[0], -LAGS[::-1], temperature=0.2)[::-1]
    np.testing.assert_allclose(scored(vectors), back, rtol=1e-3, atol=1e-3)


@pytest.mark.usefixtures("short_of_cells")
def test_nothing_is_found_in_nothing(vectors: tuple[np.ndarray, np.ndarray]) -> None:
    still = np.zeros_like(vectors[0])
    assert not similarity_scores(still, vectors[1], LAGS, temperature=0.2).any()
