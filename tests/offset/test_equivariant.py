"""The shift-equivariant detector: what its construction promises, whatever its weights, and what training adds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.offset.simulated import simulated_pairs
from videosync.offset import diagonal_network
from videosync.offset.cnn import matrix_network
from videosync.offset.crops import draw_batch
from videosync.offset.diagonal import diagonal
from videosync.offset.diagonal_network import BRIGHT, HALO, DiagonalNetwork, by_diagonals, cell_features
from videosync.offset.equivariant import EquivariantDetector, batches
from videosync.offset.lengths import predict_offsets
from videosync.types import MatrixPairs

TRAIN = simulated_pairs(60, size=24, max_offset=5, noise=1.0, seed=0)


@pytest.fixture(scope="module")
def detector() -> EquivariantDetector:
    trained = EquivariantDetector(channels=(4, 6), epochs=6)
    trained.fit(TRAIN)
    return trained


def random_network(seed: int = 0) -> DiagonalNetwork:
    """Weights of a size that makes every part of the network matter."""
    torch.manual_seed(seed)
    network = DiagonalNetwork((4, 6)).eval()
    for weights in network.parameters():
        torch.nn.init.normal_(weights, std=0.3)
    return network


def matrices(count: int, size: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    pairs = simulated_pairs(count, windows=1, size=size, max_offset=3, seed=seed)
    return torch.from_numpy(pairs.forward), torch.from_numpy(pairs.backward)


def cut(pairs: MatrixPairs, frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Matrices of both directions where video 0 ends after ``frames`` frames: [N, frames, T] and [N, T, frames]."""
    back = pairs.backward[:, :, :frames]
    return pairs.forward[:, :frames], back / back.sum(axis=2, keepdims=True)


@pytest.mark.parametrize(
    ("rows", "columns", "lags"),
    [(7, 7, range(-3, 4)), (4, 4, range(-6, 7)), (1, 1, range(-2, 3)), (9, 4, range(-8, -3)), (3, 8, range(2, 9))],
)
def test_diagonals_are_those_of_numpy(rows: int, columns: int, lags: range) -> None:
    cells = torch.randn(2, 3, rows, columns)
    found, inside = (values.numpy() for values in by_diagonals(cells, lags))
    assert found.shape[2:] == inside.shape
    for n, k in enumerate(lags):
        expected = np.diagonal(cells.numpy(), k, axis1=2, axis2=3)
        np.testing.assert_array_equal(found[:, :, inside[:, n] > 0, n], expected)
        assert not found[:, :, inside[:, n] == 0, n].any()


def test_cell_features_by_hand() -> None:
    forward = torch.tensor([[[0.5, 0.5], [0.9, 0.1]]])
    backward = torch.tensor([[[0.25, 0.75], [0.5, 0.5]]])
    cells = cell_features(forward, backward)[0].numpy()  # [6, 2, 2]
    logs = np.log(forward[0].numpy())
    np.testing.assert_allclose(cells[0], (logs - logs.mean()) / logs.std(), atol=1e-4)
    np.testing.assert_allclose(cells[1], [[0, 0], [1, -1]], atol=1e-4)
    np.testing.assert_allclose(cells[2], np.log1p(2 * forward[0].numpy()), atol=1e-6)
    np.testing.assert_allclose(cells[4], [[-1, 0], [1, 0]], atol=1e-4)  # rows of the other direction are columns
    assert np.isfinite(cell_features(torch.zeros(1, 3, 3), torch.zeros(1, 3, 3)).numpy()).all()


def test_a_later_window_of_video_1_moves_the_scores_by_as_many_lags() -> None:
    """Equivariance: the same diagonals elsewhere in the matrix give the same scores elsewhere."""
    size, shift = 30, 4
    block = torch.from_numpy(np.random.default_rng(0).dirichlet(np.ones(size), (2, size)).astype(np.float32))
    moved = torch.roll(block, shift, dims=2)  # cell (i, j + shift): wraps around, at the far ends only
    back, moved_back = block.transpose(1, 2), torch.roll(block.transpose(1, 2), shift, dims=1)
    network = random_network()
    with torch.no_grad():
        first, second = (
            by_diagonals(cell_features(*of), range(1 - size, size))[0] for of in ((block, back), (moved, moved_back))
        )
    # cells: features of a whole row, column or matrix do not depend on where its cells lie
    rows = slice(0, size - shift - 10)
    for k in range(5):
        torch.testing.assert_close(
            second[:, :, rows, size - 1 + k + shift], first[:, :, rows, size - 1 + k], atol=1e-4, rtol=1e-4
        )
    # scores: with one bright diagonal and nothing else, its score only depends on the overlap
    for k in (-6, 0, 3, 7):
        bright = torch.full((1, size, size), 0.01) + 0.71 * torch.diag(torch.ones(size - abs(k)), k)[None]
        with torch.no_grad():
            scores = network(bright, bright.transpose(1, 2).contiguous(), range(-10, 11))[0]
        background = torch.cat([scores[: 10 + k - HALO], scores[10 + k + HALO + 1 :]])
        assert (scores[10 + k] - background.mean()).abs() > 3 * background.std()


@pytest.mark.parametrize("at_once", [10**6, 40])  # all diagonals together, or a few at a time
@pytest.mark.parametrize("frames", [17, 40])
def test_swapped_videos_reverse_the_scores_exactly_and_identical_ones_are_symmetric(
    frames: int, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    forward, backward = map(torch.from_numpy, cut(simulated_pairs(2, windows=1, size=40, max_offset=3), frames))
    network, lags = random_network(), np.array([-12, -2, 0, 1, 9])
    with torch.no_grad():
        whole = network(forward, backward, lags)
        monkeypatch.setattr(diagonal_network, "AT_ONCE", at_once)
        scores = network(forward, backward, lags)
        assert torch.equal(network(backward, forward, -lags), scores)
        ways = [network(*m, k, both_ways=False) for m, k in (((forward, backward), lags), ((backward, forward), -lags))]
        same = network(forward[:, :, :frames], forward[:, :, :frames], range(-7, 8))
    torch.testing.assert_close(scores, whole, atol=1e-4, rtol=1e-4)  # sums in another order
    torch.testing.assert_close((ways[0] + ways[1]) / 2, scores)
    assert torch.equal(same, same.flip(1))


def test_untrained_it_reads_the_mean_along_the_diagonals_of_rectangles() -> None:
    """z + z|z|, weighted, of single diagonals cut out by NumPy."""
    forward, backward = cut(simulated_pairs(1, windows=1, size=30, max_offset=3), 20)
    cells = cell_features(torch.from_numpy(forward), torch.from_numpy(backward))[0].numpy()  # [6, 20, 30]
    span = range(-4 - HALO, 12 + HALO)
    frames = np.array([len(np.diagonal(cells[0], k)) for k in span])
    means = np.array([np.diagonal(cells, k, axis1=1, axis2=2).mean(axis=1) for k in span]).T  # [6, L]
    background = (means * frames).sum(axis=1, keepdims=True) / frames.sum()
    errors = (means - background) * np.sqrt(frames)
    z = errors[[0, 3]].mean(axis=0) + BRIGHT[2] * errors[[2, 5]].mean(axis=0)
    network = DiagonalNetwork((4, 6))
    with torch.no_grad():
        found = network(torch.from_numpy(forward), torch.from_numpy(backward), range(-4, 12))[0].numpy()
    expected = BRIGHT[0] * z + BRIGHT[1] * z * np.abs(z)
    np.testing.assert_allclose(found, expected[HALO:-HALO], rtol=1e-4, atol=1e-4)


def test_a_wider_range_appends_lags() -> None:
    """The score of a lag says the same whatever other lags are asked for, up to one background they share."""
    forward, backward = matrices(3, 40)
    network = DiagonalNetwork((4, 6))  # untrained: the weights of z alone
    with torch.no_grad():
        narrow, wide = (network(forward, backward, range(-k, k + 1)) for k in (8, 20))
    middle = wide[:, 12:29]
    order = [(a - a.mean(1, keepdim=True)).numpy().ravel() for a in (narrow, middle)]
    assert np.corrcoef(*order)[0, 1] > 0.98


def test_lags_without_a_common_frame_are_impossible(detector: EquivariantDetector) -> None:
    pairs = simulated_pairs(3, size=6, max_offset=3)
    probabilities = detector.probabilities(pairs.forward, pairs.backward, 9)
    assert probabilities.shape == (12, 19)
    assert not probabilities[:, [0, 1, 2, 3, 15, 16, 17, 18]].any()  # offsets of ±6 and more
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)


@pytest.mark.parametrize(("size", "max_offset"), [(24, 5), (16, 3), (60, 20), (100, 5), (24, 12)])
def test_lengths_and_ranges_it_was_not_trained_on(detector: EquivariantDetector, size: int, max_offset: int) -> None:
    val = simulated_pairs(40, size=size, max_offset=max_offset, noise=1.0, seed=7, name="val")
    found, plain = (predict_offsets(method, val) for method in (detector, diagonal))
    errors, others = np.abs(found - val.offsets), np.abs(plain - val.offsets)
    assert errors.mean() < 0.4 * np.abs(val.offsets).mean()
    assert errors.mean() < others.mean() + 0.1  # never worse than the mean along the diagonal


def test_pairs_of_another_length_in_the_same_set_change_nothing(detector: EquivariantDetector) -> None:
    short = simulated_pairs(4, size=14, max_offset=5)
    room = ((0, 0), (0, 10), (0, 10))
    padded = replace(short, forward=np.pad(short.forward, room), backward=np.pad(short.backward, room))
    np.testing.assert_array_equal(predict_offsets(detector, padded), predict_offsets(detector, short))


def test_after_learning_from_good_matrices_it_is_unsure_of_those_that_say_nothing(
    detector: EquivariantDetector,
) -> None:
    good, nothing = (
        simulated_pairs(100, size=24, max_offset=5, noise=noise, seed=9, name="val") for noise in (1.0, np.inf)
    )
    surest = [detector.probabilities(pairs.forward, pairs.backward).max(axis=1).mean() for pairs in (good, nothing)]
    assert surest[1] < 0.75 * surest[0]
    found, plain = (np.abs(predict_offsets(m, nothing) - nothing.offsets) for m in (detector, diagonal))
    assert found.mean() < plain.mean()  # nearer to the floor
    constant = np.full((2, 24, 24), 1 / 24, dtype=np.float32)
    np.testing.assert_array_equal(detector.predict(constant, constant), [0, 0])


@pytest.mark.parametrize("frames", [20, 45])
def test_videos_of_unlike_lengths(detector: EquivariantDetector, frames: int) -> None:
    val = simulated_pairs(40, size=60, max_offset=8, noise=1.0, seed=7, name="val")
    forward, backward = cut(val, frames)
    errors = np.abs(detector.predict(forward, backward, 8) - val.offsets)
    assert errors.mean() < 0.4 * np.abs(val.offsets).mean()
    best = detector.lag_scores(forward, backward, range(-15, 40)).argmax(axis=1) - 15
    assert np.median(np.abs(best - val.offsets)) <= 1


def test_a_hundredth_of_the_parameters_of_the_convolutional_detector() -> None:
    def count(network: torch.nn.Module) -> int:
        return sum(weights.numel() for weights in network.parameters())

    own = count(DiagonalNetwork(EquivariantDetector().options.channels))
    assert 100 * own <= count(matrix_network(96, (16, 32, 64, 128), 0.0, 33))  # the demo's
    assert 100 * own <= count(matrix_network(96, (32, 64, 128, 256), 0.0, 33))


def clear_pairs(count: int, size: int, max_offset: int) -> MatrixPairs:
    return simulated_pairs(count, size=size, max_offset=max_offset, noise=0.0, seed=3)


def test_crops_are_matrices_of_shorter_windows_with_the_offset_they_say() -> None:
    pairs = clear_pairs(12, 32, 6)
    rng = np.random.default_rng(0)
    seen: set[tuple[int, int]] = set()
    for _ in range(60):
        batch = draw_batch(pairs, np.arange(16), rng)
        size, reach = batch.forward.shape[1], batch.max_offset
        seen.add((size, reach))
        assert batch.target.shape == (16, 2 * reach + 1)
        np.testing.assert_allclose(batch.target.sum(axis=1), 1, rtol=1e-5)
        np.testing.assert_allclose(batch.forward.sum(axis=2), 1, rtol=1e-4)
        np.testing.assert_allclose(batch.backward.sum(axis=2), 1, rtol=1e-4)
        for n in np.flatnonzero(batch.target.max(axis=1) == 1):
            k = int(batch.target[n].argmax()) - reach
            assert abs(k) < size
            rows = np.arange(max(0, -k), min(size, size - k))
            away = batch.forward[n, rows].argmax(axis=1) - (rows + k)  # equal frames are the most alike
            back = batch.backward[n, rows + k].argmax(axis=1) - rows
            errors = np.abs(np.concatenate([away, back]))
            if (size, reach) == (32, 6):  # as it is
                assert not errors.any()
            assert np.median(errors) <= 2  # one frame may have become four
    sizes, reaches = zip(*seen)
    assert min(sizes) < 14
    assert max(sizes) > 32
    assert min(reaches) < 6 < max(reaches)


def test_crops_never_ask_for_a_lag_without_a_common_frame() -> None:
    pairs = simulated_pairs(8, size=9, max_offset=8)
    rng = np.random.default_rng(1)
    for _ in range(50):
        batch = draw_batch(pairs, np.arange(16), rng)
        lags = np.arange(-batch.max_offset, batch.max_offset + 1)
        assert not batch.target[:, np.abs(lags) >= batch.forward.shape[1]].any()


def test_every_pair_is_in_one_batch_beside_others_of_its_length() -> None:
    lengths = np.repeat([10, 20, 30], 16)
    rows = np.random.default_rng(0).permutation(48)
    parts = list(batches(lengths, rows, 16, np.random.default_rng(1)))
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.arange(48))
    assert all(len(set(lengths[part])) == 1 for part in parts)
