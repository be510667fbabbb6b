"""``videosync import-sets``: object arrays of older code become sets that detectors are trained on."""

import numpy as np
import pytest
import torch

from videosync.carl.sets import other_direction
from videosync.cli.import_sets import main
from videosync.offset.methods import PREDICTORS
from videosync.similarity.matrix import similarity_matrix
from videosync.similarity.store import load_similarity_set


def embeddings(rng, frames):
    values = rng.normal(size=(frames, 8)).cumsum(0)
    return (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)


def pair(rng, frames, k):
    """Row softmax of −d² (temperature 1) of two windows k frames apart, and the true other direction."""
    video = embeddings(rng, frames + 60)
    e0, e1 = video[30 + k : 30 + k + frames], video[30 : 30 + frames]
    e0, e1 = torch.from_numpy(e0), torch.from_numpy(e1)
    return [similarity_matrix(a, b, metric="sqeuclidean", temperature=1.0).numpy() for a, b in ((e0, e1), (e1, e0))]


@pytest.fixture
def old(tmp_path):
    rng = np.random.default_rng(0)
    for split, count in (("train", 6), ("val", 4)):
        offsets = rng.integers(-9, 10, count)
        matrices = np.empty(count, object)
        for i, k in enumerate(offsets):
            matrices[i] = pair(rng, 40 + 3 * i, int(k))[0]
        np.save(tmp_path / f"ntu_{split}_softmaxed_sim_12.npy", matrices)
        np.save(tmp_path / f"ntu_{split}_softmaxed_sim_12_labels.npy", offsets[:, None])
    return tmp_path


def test_sets_that_detectors_can_read(old, tmp_path, capsys):
    out = tmp_path / "sets"
    for ending in ("", "; replaces the set that was there"):
        assert main([str(old), "--prefix", "ntu", "--dataset_prefix", "new", "--sets", str(out)]) == 0
        said = f"new_train: 6 pairs of 40 … 55 frames, offsets within ±30{ending}\n"
        assert said in capsys.readouterr().out
    pairs, header = load_similarity_set(out, "new", "train")
    assert header["temperature"] == 1.0
    assert pairs.lengths.tolist() == [40, 43, 46, 49, 52, 55]
    assert pairs.max_offset == 30
    original = np.load(old / "ntu_train_softmaxed_sim_12.npy", allow_pickle=True)
    np.testing.assert_allclose(pairs.forward[2, :46, :46], original[2], atol=1e-6)
    labels = np.load(old / "ntu_train_softmaxed_sim_12_labels.npy").ravel()
    assert pairs.offsets.tolist() == labels.tolist()
    np.testing.assert_allclose(pairs.backward[0, :40, :40].sum(1), 1, atol=1e-5)


def test_the_other_direction_is_close_to_the_true_one_and_says_the_opposite():
    rng = np.random.default_rng(3)
    forward, backward = pair(rng, 50, 6)
    made = other_direction(forward)
    np.testing.assert_allclose(made.sum(1), 1, atol=1e-5)
    assert np.corrcoef(made.ravel(), backward.ravel())[0, 1] > 0.95
    uniform = np.full((50, 50), 1 / 50, np.float32)
    np.testing.assert_allclose(other_direction(uniform), uniform, rtol=1e-6)  # one normaliser for all rows: exact
    there = PREDICTORS["diagonal"](np.stack([forward, made]), np.stack([made, forward]), 20)
    assert there.tolist() == [6, -6]
    assert PREDICTORS["diagonal"](forward[None], backward[None], 20).tolist() == [6]


def test_matrices_that_are_not_square_are_cut_and_it_is_said(tmp_path, capsys):
    matrices = np.empty(2, object)
    for i, shape in enumerate(((30, 34), (30, 30))):
        matrices[i] = np.full(shape, 1 / shape[1], np.float32)
    np.save(tmp_path / "a_val_softmaxed_sim_12.npy", matrices)
    np.save(tmp_path / "a_val_softmaxed_sim_12_labels.npy", np.array([4, -2]))
    assert main([str(tmp_path), "--prefix", "a", "--sets", str(tmp_path)]) == 0
    assert "1 that were not square are cut" in capsys.readouterr().out
    pairs, _ = load_similarity_set(tmp_path, "a", "val")
    np.testing.assert_allclose(pairs.forward[0].sum(1), 1, atol=1e-5)


@pytest.mark.parametrize(
    ("matrices", "labels", "said"),
    [
        (np.ones((2, 3, 3)), [0, 1], "matrix 0: its rows do not sum to 1"),
        (np.full((2, 3, 3), 1 / 3), [0], "1 labels for 2 matrices"),
        (np.full((2, 3, 3), 1 / 3), [0.5, 1], "whole numbers of frames"),
        (np.full((2, 3, 3), np.nan), [0, 1], "expected finite similarities"),
        (np.full((2, 3), 1 / 3), [0, 1], "expected finite similarities"),
        (np.full((2, 3, 3), 1 / 3), [0, 50], "beyond max_offset=30"),
    ],
)
def test_what_does_not_fit_is_one_sentence(tmp_path, capsys, matrices, labels, said):
    np.save(tmp_path / "a_val_softmaxed_sim_12.npy", matrices)
    np.save(tmp_path / "a_val_softmaxed_sim_12_labels.npy", np.array(labels))
    command = [str(tmp_path), "--prefix", "a", "--sets", str(tmp_path / "out"), "--max_offset", "30"]
    assert main(command) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_an_unknown_prefix_names_those_there_are(old, capsys):
    assert main([str(old), "--prefix", "nut"]) == 2
    assert "no similarity matrices with prefix 'nut'; there are ntu" in capsys.readouterr().err
    assert main([str(old), "--prefix", "ntu", "--fps", "0"]) == 2
