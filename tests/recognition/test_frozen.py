"""What is fitted on frozen features: SVM, linear layer, ridge, nearest neighbours; and the features themselves."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest
import torch
from torch import nn

from videosync.models.audio_resnet import AudioBackbone
from videosync.recognition.features import calibrate_norm, conv5
from videosync.recognition.linear import train_linear
from videosync.recognition.options import LinearOptions
from videosync.recognition.retrieval import recall_chance, recall_hits, ridge_hits
from videosync.recognition.svm import CostScores, score_costs


def blobs(files: int, clips: int, classes: int, *, noise: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Features float32 ``[files * classes, clips, 8]`` around a place for each class."""
    places = np.random.default_rng(7).normal(0, 1, (classes, 8))
    labels = np.repeat(np.arange(classes), files)
    found = places[labels][:, None] + np.random.default_rng(seed).normal(0, noise, (len(labels), clips, 8))
    return found.astype(np.float32), labels


@pytest.mark.parametrize(("seconds", "values"), [(2, 4608), (5, 10752)])
def test_conv5_has_the_published_number_of_values(seconds: int, values: int) -> None:
    with torch.device("meta"):
        backbone = AudioBackbone().eval()
        mel = torch.zeros(3, 1, 80, 1 + 100 * seconds)
        assert conv5(backbone.feature_map)(mel).shape == (3, values)


def test_conv5_is_a_maximum_over_three_steps_of_time_scaled_to_length_1() -> None:
    maps = torch.randn(2, 4, 3, 7, generator=torch.Generator().manual_seed(0))
    expected = torch.stack([maps[..., start : start + 3].amax(-1) for start in (0, 2, 4)], -1).flatten(1)
    found = conv5(lambda mel: mel)(maps)
    torch.testing.assert_close(found, expected / expected.norm(dim=1, keepdim=True))


def test_calibrated_batch_norm_has_the_mean_statistics_of_the_clips() -> None:
    network = nn.Sequential(nn.Conv1d(1, 3, 1), nn.BatchNorm1d(3)).eval()
    clips = torch.randn(20, 1, 6, generator=torch.Generator().manual_seed(0)) * 5 + 2
    calibrate_norm(network, clips.split(10))
    with torch.no_grad():
        seen = [network[0](part) for part in clips.split(10)]
        expected = torch.stack([part.mean((0, 2)) for part in seen]).mean(0)
    torch.testing.assert_close(network[1].running_mean, expected)
    assert not network.training
    assert not network[1].training
    assert network[1].momentum == 0.1


@pytest.mark.parametrize("classes", [2, 4])
def test_the_svm_adds_the_scores_of_the_clips_of_a_file(classes: int) -> None:
    """Single clips are often wrong; ten of a file together are not."""
    train, labels = blobs(10, 4, classes, noise=1.5, seed=1)
    held = np.arange(len(labels)) % 5 == 0
    test, wanted = blobs(10, 20, classes, noise=1.5, seed=2)
    parts = (train, labels, held), (train[held], labels[held])
    whole = score_costs(*parts, (test, wanted), [1e-4, 0.01], seed=0)
    alone = score_costs(*parts, (test.reshape(-1, 1, 8), np.repeat(wanted, 20)), [1e-4, 0.01], seed=0)
    assert whole.of(0.01).mean() > alone.of(0.01).mean() + 0.05
    assert len(whole.held_out) == 2


def test_c_is_chosen_on_held_out_files_and_as_published_on_test() -> None:
    hits = np.array([[True, True], [True, False], [False, False]])
    scores = CostScores((0.1, 1.0, 10.0), (0.2, 0.4, 0.5), hits, ())
    assert scores.chosen([0.1, 1.0, 10.0]) == 10.0
    assert scores.chosen([0.1, 1.0]) == 1.0
    assert scores.best_on_test([0.1, 1.0, 10.0]) == 0.1
    assert CostScores((0.1, 1.0), (), hits[:2], ()).chosen([0.1, 1.0]) == 0.1  # nothing was held out


def test_the_linear_layer_learns_and_is_the_same_each_time() -> None:
    train, test = blobs(10, 3, 3, noise=0.3, seed=1), blobs(6, 3, 3, noise=0.3, seed=2)
    options = LinearOptions(epochs=30, batch_size=16)
    first, again = (train_linear(train, test, options, num_classes=3, seed=4) for _ in range(2))
    assert first.mean() > 0.9
    assert (first == again).all()


def test_recall_counts_a_class_among_the_nearest() -> None:
    rng = np.random.default_rng(0)
    query, gallery = rng.normal(size=(6, 5)), rng.normal(size=(9, 5))
    asked, there = rng.integers(3, size=6), rng.integers(3, size=9)
    hits = recall_hits(query, gallery, asked, there, [1, 3, 20])
    for n in range(6):
        cosine = [q @ query[n] / np.linalg.norm(q) / np.linalg.norm(query[n]) for q in gallery]
        order = sorted(range(9), key=lambda g: -cosine[g])
        for k, row in zip((1, 3, 20), hits):
            assert row[n] == any(there[g] == asked[n] for g in order[:k])


def test_chance_of_recall_is_that_of_drawing_without_putting_back() -> None:
    gallery = np.array([0, 0, 1, 1, 1, 2])
    for k, found in zip((1, 2, 5, 20), recall_chance(np.array([0, 2]), gallery, [1, 2, 5, 20])):
        drawn = min(k, 6)
        misses = [comb(6 - right, drawn) / comb(6, drawn) for right in (2, 1)]
        assert found == pytest.approx(1 - np.mean(misses))


def test_ridge_chooses_its_penalty_on_held_out_files() -> None:
    (train, labels), (test, wanted) = blobs(12, 1, 3, noise=0.4, seed=1), blobs(6, 1, 3, noise=0.4, seed=2)
    held = np.arange(len(labels)) % 4 == 0
    hits, penalty = ridge_hits((train[:, 0], labels, held), (test[:, 0], wanted), [1.0, 1e6])
    assert hits.mean() > 0.8
    assert penalty == 1.0
    assert ridge_hits((train[:, 0], labels, held & False), (test[:, 0], wanted), [1.0, 5.0, 1e6])[1] == 5.0
