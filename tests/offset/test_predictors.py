"""Label-free predictors: the contract that every one keeps, and each method's published numbers."""

from __future__ import annotations

import sys
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest
import torch

from videosync.offset.dtw import LEAST, dtw_paths, median_of_dtw, relative_distances
from videosync.offset.mean import mean_of_argmax
from videosync.offset.median import median_of_argmax
from videosync.offset.methods import PREDICTORS
from videosync.similarity.matrix import similarity_matrix

GOLDEN = Path(__file__).parents[2].parent / "shared" / "golden" / "similarity.npz"
needs_golden = [
    pytest.mark.shared,
    pytest.mark.skipif(not GOLDEN.exists(), reason="the reference numbers are not there"),
]


def matrices(
    offsets: list[int], *, size: int = 48, noise: float = 0.3, seed: int = 0, temperature: float = 0.05
) -> tuple[np.ndarray, np.ndarray]:
    """Similarities of noisy views of one random walk, video 0 ``offset`` frames later than video 1."""
    pairs = views_of(offsets, size=size, noise=noise, seed=seed)
    forward = [similarity_matrix(a, b, temperature=temperature).numpy() for a, b in pairs]
    backward = [similarity_matrix(b, a, temperature=temperature).numpy() for a, b in pairs]
    return np.stack(forward), np.stack(backward)


def views_of(offsets: list[int], *, size: int, noise: float, seed: int) -> list[list[torch.Tensor]]:
    rng = np.random.default_rng(seed)
    pairs = []
    for k in offsets:
        walk = np.cumsum(rng.normal(size=(size + abs(k), 12)), axis=0)
        starts = max(k, 0), max(-k, 0)
        views = [walk[s : s + size] + noise * rng.normal(size=(size, 12)) for s in starts]
        pairs.append([torch.nn.functional.normalize(torch.tensor(v), dim=-1) for v in views])
    return pairs


@pytest.mark.parametrize("name", PREDICTORS)
class TestEveryPredictor:
    def test_swapped_videos_give_exactly_the_negative_offset(self, name: str) -> None:
        forward, backward = matrices([7, -3, 0, 12], noise=4.0)
        one = PREDICTORS[name](forward, backward, 15)
        np.testing.assert_array_equal(PREDICTORS[name](backward, forward, 15), -one)
        assert np.abs(one).max() > 0

    def test_identical_videos_give_exactly_zero(self, name: str) -> None:
        forward, _ = matrices([9, -4], noise=3.0)
        np.testing.assert_array_equal(PREDICTORS[name](forward, forward, 15), [0, 0])

    def test_flat_matrices_give_exactly_zero(self, name: str) -> None:
        flat = np.full((2, 30, 30), 1 / 30, dtype=np.float32)
        np.testing.assert_array_equal(PREDICTORS[name](flat, flat, 10), [0, 0])

    def test_sign_is_column_minus_row(self, name: str) -> None:
        forward, backward = matrices([6, -6], noise=0.05)
        found = PREDICTORS[name](forward, backward, 15)
        assert found[0] > 3
        assert found[1] < -3

    def test_answers_stay_within_the_maximum_offset(self, name: str) -> None:
        forward, backward = matrices([14, -14, 11], noise=0.05)
        found = PREDICTORS[name](forward, backward, 5)
        assert found.dtype == np.float64
        assert np.abs(found).max() <= 5

    def test_pair_by_pair_equals_all_at_once(self, name: str) -> None:
        forward, backward = matrices([k % 9 - 4 for k in range(70)], size=20, noise=2.0)  # more than one chunk
        together = PREDICTORS[name](forward, backward, 8)
        alone = [PREDICTORS[name](forward[n : n + 1], backward[n : n + 1], 8)[0] for n in range(70)]
        np.testing.assert_array_equal(together, alone)

    def test_matrices_that_do_not_fit_are_refused(self, name: str) -> None:
        forward, backward = matrices([1, 2])
        with pytest.raises(ValueError, match="expected"):
            PREDICTORS[name](forward, backward[:1], 5)


@pytest.mark.parametrize("name", ["median", "dtw", "diagonal"])
def test_easy_pairs_are_found_to_the_frame(name: str) -> None:
    offsets = [0, 1, -1, 5, -8, 12, -12]
    forward, backward = matrices(offsets, noise=0.05, size=80)
    np.testing.assert_array_equal(PREDICTORS[name](forward, backward, 15), offsets)


def test_median_has_no_half_frame_bias() -> None:
    """Two middle votes 2 and 3 mean 2.5; flooring would answer 2 here and -3 for the swapped pair."""
    votes = np.array([2, 2, 3, 3])
    matrix = np.zeros((1, 4, 8))
    matrix[0, np.arange(4), np.arange(4) + votes] = 1
    assert median_of_argmax(matrix)[0] == 2.5


def slow_dtw(cost: np.ndarray) -> list[tuple[int, int]]:
    """Textbook dynamic programming, cell by cell; ties in the order 1-1, 1-0, 0-1."""
    rows, columns = cost.shape
    total = np.full((rows + 1, columns + 1), np.inf)
    total[0, 0] = 0
    came = {}
    for i in range(rows):
        for j in range(columns):
            options = [(total[i, j], (i - 1, j - 1)), (total[i, j + 1], (i - 1, j)), (total[i + 1, j], (i, j - 1))]
            best = min(range(3), key=lambda o: options[o][0])  # min keeps the first of equal ones
            total[i + 1, j + 1] = cost[i, j] + options[best][0]
            came[i, j] = options[best][1]
    path = [(rows - 1, columns - 1)]
    while path[-1] != (0, 0):
        path.append(came[path[-1]])
    return path


@pytest.mark.parametrize("shape", [(1, 1), (1, 6), (6, 1), (9, 14), (20, 20)])
@pytest.mark.parametrize("levels", [3, 1000])  # 3: many ties
def test_dtw_equals_the_textbook(shape: tuple[int, int], levels: int) -> None:
    cost = np.random.default_rng(levels).integers(0, levels, (5, *shape)).astype(float)
    rows, columns, real = dtw_paths(cost)
    for n in range(5):
        found = list(zip(rows[n][real[n]].tolist(), columns[n][real[n]].tolist()))
        assert found == slow_dtw(cost[n])


@pytest.mark.parametrize("temperature", [0.02, 0.05, 0.1, 0.5, 1.0, 5.0])
def test_dtw_answers_as_on_distances_at_every_temperature(temperature: float) -> None:
    offsets = [int(k) for k in np.random.default_rng(1).integers(-15, 16, 40)]
    setting = {"size": 60, "noise": 2.0, "seed": 1}
    costs = np.stack([(a[:, None] - b[None]).square().sum(-1).numpy() for a, b in views_of(offsets, **setting)])
    on_distances = (median_of_dtw(costs) - median_of_dtw(costs.swapaxes(1, 2))) / 2
    found = PREDICTORS["dtw"](*matrices(offsets, temperature=temperature, **setting), 15)
    assert np.abs(found - on_distances).mean() < 0.2  # 0.1: the distance of the nearest pair is a guess
    assert np.abs(found - offsets).mean() < np.abs(on_distances - offsets).mean() + 0.1


def test_dtw_costs_are_the_distances_but_for_scale_and_zero() -> None:
    (pair,) = views_of([4], size=30, noise=1.0, seed=3)
    distances = (pair[0][:, None] - pair[1][None]).square().sum(-1).numpy()
    forward, backward = matrices([4], size=30, noise=1.0, seed=3, temperature=0.7)
    cost = relative_distances(forward, backward)[0]
    assert cost.min() == pytest.approx(LEAST, abs=1e-5)
    assert cost.mean() == pytest.approx(LEAST + 1, abs=1e-5)
    scaled = (distances - distances.min()) / (distances.mean() - distances.min())
    np.testing.assert_allclose(cost - LEAST, scaled, atol=1e-5)


def test_dtw_of_frames_that_are_all_alike_follows_the_diagonal() -> None:
    still = torch.nn.functional.normalize(torch.ones(40, 8), dim=-1)
    noisy = torch.nn.functional.normalize(torch.randn(1, 8).repeat(40, 1), dim=-1)
    forward, backward = (similarity_matrix(a, b)[None].numpy() for a, b in ((still, noisy), (noisy, still)))
    assert PREDICTORS["dtw"](forward, backward, 10)[0] == 0


def test_dtw_goes_through_anti_diagonals_of_all_matrices_at_once_not_through_cells() -> None:
    """The lines of code that are run grow with the frames; a loop over cells runs some for each of them."""
    cost = np.random.default_rng(0).random((8, 240, 240))
    lines = 0

    def count(frame: FrameType, event: str, _: object) -> Any:
        nonlocal lines
        lines += event == "line" and frame.f_code.co_filename.endswith("dtw.py")
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        median_of_dtw(cost)
    finally:
        sys.settrace(before)
    assert 2 * 240 < lines < 30 * 2 * 240


class TestGolden:
    pytestmark = needs_golden

    @pytest.mark.parametrize("case", [0, 1, 2])
    def test_published_read_outs(self, case: int) -> None:
        golden = np.load(GOLDEN, allow_pickle=False)
        similarity = golden[f"case{case}_softmax_similarity"][None]
        assert median_of_argmax(similarity)[0] == golden[f"case{case}_median_of_argmax"]
        assert mean_of_argmax(similarity)[0] == pytest.approx(float(golden[f"case{case}_mean_of_argmax"]))

    @pytest.mark.parametrize("case", [0, 1, 2])
    def test_published_warping_path(self, case: int) -> None:
        golden = np.load(GOLDEN, allow_pickle=False)
        e0, e1 = (golden[f"case{case}_embeddings{v}"].astype(np.float64) for v in (0, 1))
        cost = np.square(e0[:, None] - e1[None]).sum(-1)[None]  # [1, T0, T1]
        rows, columns, real = dtw_paths(cost)
        np.testing.assert_array_equal(rows[0][real[0]][::-1], golden[f"case{case}_dtw_path0"])
        np.testing.assert_array_equal(columns[0][real[0]][::-1], golden[f"case{case}_dtw_path1"])
        assert median_of_dtw(cost)[0] == golden[f"case{case}_median_of_dtw"]

    @pytest.mark.parametrize("case", [0, 1, 2])
    def test_the_same_offset_from_softmaxed_similarities(self, case: int) -> None:
        golden = np.load(GOLDEN, allow_pickle=False)
        e0, e1 = (torch.tensor(golden[f"case{case}_embeddings{v}"]) for v in (0, 1))
        backward = similarity_matrix(e1, e0, temperature=1.0)[None].numpy()
        cost = relative_distances(golden[f"case{case}_softmax_similarity"][None], backward)
        assert median_of_dtw(cost)[0] == golden[f"case{case}_median_of_dtw"]
