"""Cross-entropy of labelled frames against the formula, and frames without a label."""

from __future__ import annotations

import math

import pytest
import torch

from videosync.losses.classification import frame_accuracy, frame_cross_entropy


def test_equals_the_formula_over_real_labelled_frames() -> None:
    g = torch.Generator().manual_seed(0)
    scores = torch.randn(2, 2, 5, 4, generator=g)
    labels = torch.randint(-1, 4, (2, 2, 5), generator=g)
    mask = torch.rand(2, 2, 5, generator=g) > 0.3
    losses, right = [], []
    for place in torch.cartesian_prod(*[torch.arange(n) for n in labels.shape]):
        row, label = scores[tuple(place)].tolist(), int(labels[tuple(place)])
        if mask[tuple(place)] and label >= 0:
            losses.append(math.log(sum(map(math.exp, row))) - row[label])
            right.append(row.index(max(row)) == label)
    assert 5 < len(losses) < 20
    mean = sum(losses) / len(losses)
    assert frame_cross_entropy(scores, labels, mask).item() == pytest.approx(mean, rel=1e-5)
    assert frame_accuracy(scores, labels, mask) == (sum(right), len(right))


def test_without_known_labels_it_is_zero_with_a_gradient() -> None:
    scores = torch.randn(1, 2, 3, 4, requires_grad=True)
    labels, mask = torch.full((1, 2, 3), -1), torch.ones(1, 2, 3, dtype=torch.bool)
    loss = frame_cross_entropy(scores, labels, mask)
    loss.backward()
    assert loss.item() == 0
    assert scores.grad is not None
    assert scores.grad.abs().max() == 0
    assert frame_accuracy(scores, labels, mask) == (0, 0)


def test_it_stays_float32_under_autocast() -> None:
    scores = torch.randn(1, 2, 8, 4)
    labels, mask = torch.randint(0, 4, (1, 2, 8)), torch.ones(1, 2, 8, dtype=torch.bool)
    exact = frame_cross_entropy(scores, labels, mask)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(frame_cross_entropy(scores, labels, mask), exact)


def test_shapes_and_labels_that_do_not_fit_are_named() -> None:
    scores, mask = torch.zeros(1, 2, 3, 4), torch.ones(1, 2, 3, dtype=torch.bool)
    with pytest.raises(ValueError, match="label 4 has no score: there are 4 classes"):
        frame_cross_entropy(scores, torch.full((1, 2, 3), 4), mask)
    with pytest.raises(ValueError, match=r"expected \[\.\.\., C\]"):
        frame_cross_entropy(scores, torch.zeros(1, 2, 4, dtype=torch.int64), mask)
