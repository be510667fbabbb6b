"""Pairs of different lengths in one set: every method sees the real part of each matrix, and padding says nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.offset.simulated import simulated_pairs
from tests.offset.test_detectors import fitted
from videosync.errors import CheckpointError
from videosync.offset.lengths import by_length, log_cells, predict_offsets
from videosync.offset.methods import DETECTORS, PREDICTORS, load_detector
from videosync.offset.saving import save_detector
from videosync.types import MatrixPairs

SIZES = (10, 13, 16)


def mixed_pairs(*sets: MatrixPairs, size: int = 16) -> MatrixPairs:
    """Sets of different sizes as one, shuffled, padded with zeros as similarity sets are."""

    def padded(matrices: np.ndarray) -> np.ndarray:
        room = size - matrices.shape[1]
        return np.pad(matrices, ((0, 0), (0, room), (0, room)))

    order = np.random.default_rng(0).permutation(sum(map(len, sets)))
    names = [f"{n}/{name}" for n, pairs in enumerate(sets) for name in pairs.pair_ids]
    events = [f"{n}/{event}" for n, pairs in enumerate(sets) for event in pairs.events]
    return MatrixPairs(
        forward=np.concatenate([padded(pairs.forward) for pairs in sets])[order],
        backward=np.concatenate([padded(pairs.backward) for pairs in sets])[order],
        lengths=np.concatenate([pairs.lengths for pairs in sets])[order],
        offsets=np.concatenate([pairs.offsets for pairs in sets])[order],
        events=tuple(events[n] for n in order),
        pair_ids=tuple(names[n] for n in order),
        fps=np.full(len(order), 30.0),
        max_offset=sets[0].max_offset,
    )


def simulated(events: int, seed: int, **options: float) -> MatrixPairs:
    return mixed_pairs(*(simulated_pairs(events, size=s, max_offset=4, seed=seed + s, **options) for s in SIZES))


TRAIN, VAL = simulated(30, 0), simulated(12, 100)


@pytest.mark.parametrize("name", PREDICTORS)
def test_a_predictor_says_of_padded_matrices_what_it_says_of_the_real_ones(name: str) -> None:
    alone = [
        float(PREDICTORS[name](VAL.forward[n : n + 1, :s, :s], VAL.backward[n : n + 1, :s, :s], VAL.max_offset)[0])
        for n, s in enumerate(VAL.lengths)
    ]
    np.testing.assert_array_equal(predict_offsets(PREDICTORS[name], VAL), alone)
    assert (np.abs(alone - VAL.offsets) <= 1).mean() > 0.6


@pytest.mark.parametrize("name", DETECTORS)
def test_a_detector_learns_from_all_lengths(name: str, tmp_path: Path) -> None:
    detector = fitted(name, TRAIN)
    predicted = predict_offsets(detector, VAL)
    for length in SIZES:
        errors = np.abs(predicted - VAL.offsets)[VAL.lengths == length]
        assert errors.mean() < 0.7 * np.abs(VAL.offsets).mean(), length
    save_detector(detector, tmp_path / "set" / name, {})
    loaded, facts = load_detector(tmp_path / "set" / name)
    np.testing.assert_array_equal(predict_offsets(loaded, VAL), predicted)
    assert (facts["shortest"], facts["size"]) == (10, 16)
    larger = simulated_pairs(1, size=18, max_offset=4)
    if loaded.any_size:
        assert loaded.predict(larger.forward, larger.backward).shape == (4,)
        return
    with pytest.raises(CheckpointError, match="reads 16 x 16 matrices or smaller ones, but the data holds 18 x"):
        loaded.predict(larger.forward, larger.backward)


def test_a_detector_of_one_length_refuses_others() -> None:
    detector = fitted("log_reg", simulated_pairs(20, size=16, max_offset=4))
    with pytest.raises(CheckpointError, match="reads 16 x 16 matrices, but the data holds 10 x 10"):
        predict_offsets(detector, VAL)


@pytest.mark.parametrize("name", DETECTORS)
def test_different_lengths_of_noise_give_nothing_away(name: str) -> None:
    val = simulated(30, 300, noise=np.inf)
    errors = np.abs(predict_offsets(fitted(name, simulated(30, 200, noise=np.inf)), val) - val.offsets)
    margin = 4 * np.abs(val.offsets).std() / np.sqrt(len(val))
    assert abs(errors.mean() - np.abs(val.offsets).mean()) < margin


def test_what_lies_around_a_short_matrix_is_its_own_mean() -> None:
    matrices = np.random.default_rng(0).random((3, 4, 4)).astype(np.float32)
    cells = log_cells(matrices, 6).reshape(3, 6, 6)
    np.testing.assert_array_equal(cells[:, :4, :4], np.log(matrices))
    mean = np.log(matrices).mean(axis=(1, 2))
    np.testing.assert_allclose(cells[:, 4:, :], np.broadcast_to(mean[:, None, None], (3, 2, 6)), rtol=1e-6)
    np.testing.assert_allclose(cells[:, :, 4:], np.broadcast_to(mean[:, None, None], (3, 6, 2)), rtol=1e-6)
    np.testing.assert_array_equal(log_cells(matrices, 4), np.log(matrices).reshape(3, 16))


def test_every_pair_comes_once_and_with_its_like() -> None:
    lengths = np.random.default_rng(0).integers(3, 6, 500)
    parts = list(by_length(lengths))
    np.testing.assert_array_equal(np.sort(np.concatenate([rows for _, rows in parts])), np.arange(500))
    assert all((lengths[rows] == length).all() and len(rows) <= 64 for length, rows in parts)
