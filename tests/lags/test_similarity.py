"""The kernel of lag scores: one formula, whatever the library, the lengths, the padding, the blocks and the source."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter1d

from tests.reference.lags import slow_scores, softmax
from videosync.errors import CheckpointError
from videosync.lags.correlation import change_vectors
from videosync.lags.scores import best_lag
from videosync.lags.similarity import lag_scores, similarity_scores

LAGS = np.array([-48, -30, -7, 0, 12, 60])
LIBRARIES: dict[str, Callable[[np.ndarray], Any]] = {"numpy": np.asarray, "torch": torch.from_numpy}


def unit_vectors(*shape: int, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=shape)
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("temperature", [0.02, 0.2, 1.0])
def test_it_is_the_formula_for_unequal_lengths_too(library: str, temperature: float) -> None:
    x, y = unit_vectors(70, 40), unit_vectors(110, 40, seed=1)
    found = similarity_scores(*map(LIBRARIES[library], (x, y)), LAGS, temperature=temperature)
    expected = slow_scores(x, y, LAGS, temperature)
    np.testing.assert_allclose(np.asarray(found), expected, rtol=1e-4, atol=1e-4)  # exponentials in float32


@pytest.mark.parametrize("temperature", [0.1, 1.0])
def test_vectors_and_their_matrices_have_the_same_scores(temperature: float) -> None:
    x, y, lags = unit_vectors(50, 8), unit_vectors(40, 8, seed=1), np.arange(-30, 31)
    ahead, back = (softmax(a @ b.T / temperature)[None] for a, b in ((x, y), (y, x)))
    found = similarity_scores(x, y, lags, temperature=temperature)
    np.testing.assert_allclose(found, lag_scores(ahead, back, 30)[0], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("library", LIBRARIES)
def test_in_blocks_it_is_that_of_the_whole(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = (LIBRARIES[library](unit_vectors(2, 120, 3, seed=seed)) for seed in (0, 1))
    whole = similarity_scores(x, y, LAGS, temperature=0.2)
    monkeypatch.setattr("videosync.lags.similarity.ROWS", 50)
    np.testing.assert_allclose(
        similarity_scores(x, y, LAGS, temperature=0.2), whole, rtol=1e-4, atol=1e-4
    )  # sums in another order, of float32


def test_padding_takes_no_part_and_each_clip_of_a_batch_stands_alone() -> None:
    x, y = unit_vectors(2, 60, 4), unit_vectors(2, 60, 4, seed=1)
    lags, real = np.arange(-20, 21), [(60, 60), (45, 32)]
    masks = [torch.arange(60) < torch.tensor([[pair[view]] for pair in real]) for view in (0, 1)]
    found = similarity_scores(
        torch.from_numpy(x), torch.from_numpy(y), lags, temperature=0.3, mask0=masks[0], mask1=masks[1]
    )
    for number, (frames0, frames1) in enumerate(real):
        alone = similarity_scores(x[number, :frames0], y[number, :frames1], lags, temperature=0.3)
        np.testing.assert_allclose(found[number], alone, rtol=1e-4, atol=1e-4)


def test_gradients_are_finite_also_of_padding_and_of_clips_in_which_nothing_changes() -> None:
    x = torch.from_numpy(unit_vectors(3, 30, 4))
    x[1] = x[1, :1]
    x.requires_grad_(True)
    mask = torch.ones(3, 30, dtype=torch.bool)
    mask[2] = False
    scores = similarity_scores(x, x.flip(1), np.arange(-29, 30), temperature=0.1, mask0=mask, mask1=mask)
    assert not scores[1:].any()
    scores.square().sum().backward()
    assert torch.isfinite(x.grad).all()
    assert x.grad[0].any()


def test_arrays_of_numpy_do_not_bring_torch_in() -> None:
    code = (
        "import sys, numpy as np; from videosync.lags.similarity import similarity_scores; "
        "similarity_scores(np.eye(30), np.eye(30), np.arange(-5, 6), temperature=0.2); "
        "raise SystemExit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_clips_too_long_for_their_matrix_have_nearly_the_same_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    """700 and 800 frames that agree roughly, offset 170."""
    rng, lags = np.random.default_rng(0), np.arange(-500, 501)
    scene = gaussian_filter1d(rng.normal(size=(1200, 6)), 1.5, axis=0)
    scene /= scene.std()
    x, y = (change_vectors(v + 0.8 * rng.normal(size=v.shape)) for v in (scene[220:920], scene[50:850]))
    whole = similarity_scores(x, y, lags, temperature=0.2)
    monkeypatch.setattr("videosync.lags.similarity.MOST_CELLS", 100_000)
    monkeypatch.setattr("videosync.lags.similarity.SAMPLES", 200)
    found = similarity_scores(x, y, lags, temperature=0.2)
    assert lags[found.argmax()] == lags[whole.argmax()] == 170
    np.testing.assert_allclose(found, whole, rtol=0.1, atol=0.5)
    assert found.std() == pytest.approx(whole.std(), rel=0.05)
    assert not similarity_scores(np.zeros_like(x), y, lags, temperature=0.2).any()


# matrices


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
    assert not lag_scores(matrices, matrices, 9).any()
    with pytest.raises(CheckpointError, match="below 10"):
        lag_scores(matrices, matrices, 10)
