"""Similarity matrices: the published numbers, and that they are safe at any scale."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from videosync.errors import CheckpointError
from videosync.similarity.matrix import similarity_matrix
from videosync.types import Embeddings


def unit(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.nn.functional.normalize(torch.randn(*shape, generator=generator), dim=-1)


@pytest.mark.shared
@pytest.mark.parametrize("case", [0, 1, 2])
def test_published_softmax_similarity(shared: Path, case: int) -> None:
    golden = np.load(shared / "golden" / "similarity.npz", allow_pickle=False)
    e0, e1 = (torch.from_numpy(golden[f"case{case}_embeddings{v}"]) for v in (0, 1))
    found = similarity_matrix(e0, e1, metric="sqeuclidean", temperature=1.0)
    np.testing.assert_allclose(found, golden[f"case{case}_softmax_similarity"], rtol=1e-5, atol=1e-7)


def squared_distance(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return -(a - b).square().sum()


def cosine(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return torch.cosine_similarity(a, b, dim=0)


@pytest.mark.parametrize(("metric", "measure"), [("sqeuclidean", squared_distance), ("cosine", cosine)])
def test_formula_entry_by_entry(metric: Any, measure: Callable[..., torch.Tensor]) -> None:
    e0, e1 = 3 * unit(4, 6), 2 * unit(5, 6, seed=1)
    found = similarity_matrix(e0, e1, metric=metric, temperature=0.3)
    for i in range(4):
        raw = torch.stack([measure(e0[i], b) for b in e1])
        torch.testing.assert_close(found[i], torch.exp(raw / 0.3) / torch.exp(raw / 0.3).sum())


def test_batched_equals_one_by_one() -> None:
    e0, e1 = unit(2, 3, 7, 8), unit(2, 3, 9, 8, seed=1)
    found = similarity_matrix(e0, e1)
    assert found.shape == (2, 3, 7, 9)
    torch.testing.assert_close(found[1, 2], similarity_matrix(e0[1, 2], e1[1, 2]))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_rows_sum_to_one_at_any_scale_also_under_autocast(dtype: torch.dtype) -> None:
    e0, e1 = (100 * unit(5, 8)).to(dtype), (100 * unit(5, 8, seed=1)).to(dtype)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = similarity_matrix(e0, e1, temperature=1e-4)
    assert found.dtype == torch.float32
    assert torch.equal(found, similarity_matrix(e0, e1, temperature=1e-4))
    torch.testing.assert_close(found.sum(-1), torch.ones(5))


def test_bad_input_is_named() -> None:
    good = unit(5, 8)
    broken = good.clone()
    broken[2, 3] = float("nan")
    with pytest.raises(CheckpointError, match="video 1 hold NaN"):
        similarity_matrix(good, broken)
    with pytest.raises(ValueError, match="temperature"):
        similarity_matrix(good, good, temperature=0.0)
    with pytest.raises(ValueError, match=r"available: sqeuclidean, cosine"):
        similarity_matrix(good, good, metric="euclid")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="8 and 7"):
        similarity_matrix(good, good[:, :7])


def embeddings(frames: int, temperature: float, seed: int = 0) -> Embeddings:
    return Embeddings(unit(frames, 6, seed=seed).numpy(), np.arange(frames) / 30, 30.0, "a.mp4", temperature)


def test_embeddings_of_videos_and_arrays_give_arrays_at_the_temperature_of_their_encoder() -> None:
    one, other = embeddings(4, 0.3), embeddings(7, 0.3, seed=1)
    found = similarity_matrix(one, other)
    assert isinstance(found, np.ndarray)
    assert (found.shape, found.dtype) == ((4, 7), np.float32)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)
    tensors = [torch.from_numpy(e.vectors) for e in (one, other)]
    np.testing.assert_array_equal(found, similarity_matrix(*tensors, temperature=0.3).numpy())
    np.testing.assert_array_equal(similarity_matrix(one.vectors, other.vectors, temperature=0.3), found)
    np.testing.assert_array_equal(similarity_matrix(one, other.vectors), found)
    usual = similarity_matrix(one, other, temperature=0.1)
    np.testing.assert_array_equal(similarity_matrix(one.vectors, other.vectors), usual)
    with pytest.raises(ValueError, match=r"unlike temperatures \(\[0.2, 0.3\]\)"):
        similarity_matrix(one, embeddings(5, 0.2))
    with pytest.raises(ValueError, match="above 0"):
        similarity_matrix(one, other, temperature=0)
