"""The kernel of lag scores: the formula, whatever the library, the lengths, the padding and the blocks."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from videosync.lags.similarity import diagonal_sums, similarity_scores

LAGS = np.array([-48, -30, -7, 0, 12, 60])
LIBRARIES: dict[str, Callable[[np.ndarray], Any]] = {"numpy": np.asarray, "torch": torch.from_numpy}


def unit_vectors(*shape: int, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=shape)
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


def slow_scores(similarity: np.ndarray, lags: np.ndarray) -> list[float]:
    diagonals = [np.diagonal(similarity, lag) for lag in lags]
    return [(d.mean() - similarity.mean()) / similarity.std() * np.sqrt(len(d)) for d in diagonals]


def slow_similarity(x: np.ndarray, y: np.ndarray, temperature: float) -> np.ndarray:
    e = np.exp(x.astype(np.float64) @ y.T / temperature)
    return (e / e.sum(0) + e / e.sum(1, keepdims=True)) / 2


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("temperature", [0.02, 0.2, 1.0])
def test_it_is_the_formula_for_unequal_lengths_too(library: str, temperature: float) -> None:
    x, y = unit_vectors(70, 3), unit_vectors(110, 3, seed=1)
    found = similarity_scores(*map(LIBRARIES[library], (x, y)), LAGS, temperature=temperature)
    expected = slow_scores(slow_similarity(x, y, temperature), LAGS)
    np.testing.assert_allclose(np.asarray(found), expected, rtol=1e-4, atol=1e-4)  # exponentials in float32


@pytest.mark.parametrize("library", LIBRARIES)
def test_in_blocks_it_is_that_of_the_whole(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = (LIBRARIES[library](unit_vectors(2, 120, 3, seed=seed)) for seed in (0, 1))
    whole = similarity_scores(x, y, LAGS, temperature=0.2)
    monkeypatch.setattr("videosync.lags.similarity.ROWS", 50)
    np.testing.assert_allclose(
        similarity_scores(x, y, LAGS, temperature=0.2), whole, rtol=1e-4, atol=1e-4
    )  # sums over columns are float32


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


@pytest.mark.parametrize("library", LIBRARIES)
def test_diagonal_sums_are_those_of_numpys_traces(library: str) -> None:
    for matrix in (
        np.random.default_rng(0).random((2, 4, 7)),
        np.random.default_rng(1).random((3, 5, 2)) < 0.5,
    ):
        lags = range(1 - matrix.shape[1], matrix.shape[2])
        expected = [np.trace(matrix.astype(float), lag, axis1=1, axis2=2) for lag in lags]
        np.testing.assert_allclose(diagonal_sums(LIBRARIES[library](matrix)), np.stack(expected, axis=1))


def test_arrays_of_numpy_do_not_bring_torch_in() -> None:
    code = (
        "import sys, numpy as np; from videosync.lags.similarity import similarity_scores; "
        "similarity_scores(np.eye(30), np.eye(30), np.arange(-5, 6), temperature=0.2); "
        "raise SystemExit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
