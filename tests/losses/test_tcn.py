"""The n-pairs loss: published numbers, which frames are positives, and the loss of two views written out."""

from pathlib import Path

import numpy as np
import pytest
import torch

from videosync.losses.tcn import n_pairs_loss, nearest_in_time
from videosync.losses.tcn import two_view_n_pairs_loss as two_view_loss

GOLDEN = np.load(Path(__file__).parents[1] / "data" / "tcn_loss.npz")


@pytest.mark.parametrize("case", range(2))
def test_reference_values_and_gradients(case):
    embeddings = torch.tensor(GOLDEN[f"case{case}_embeddings"], requires_grad=True)
    reg_lambda = float(GOLDEN[f"case{case}_reg_lambda"])
    loss = n_pairs_loss(embeddings[0::2], embeddings[1::2], reg_lambda=reg_lambda)
    loss.backward()
    grad = GOLDEN[f"case{case}_grad"]
    assert loss.item() == pytest.approx(float(GOLDEN[f"case{case}_loss"]), rel=1e-5)
    assert np.abs(embeddings.grad.numpy() - grad).max() < 1e-5 * np.abs(grad).max()


def test_equal_embeddings_cost_the_logarithm_of_their_number():
    same = torch.ones(7, 3)
    assert n_pairs_loss(same, same, reg_lambda=0.0).item() == pytest.approx(np.log(7))
    assert n_pairs_loss(same, same, reg_lambda=0.5).item() == pytest.approx(np.log(7) + 0.25 * 0.5 * 6)


def test_no_pairs_are_zero_and_shapes_that_differ_are_refused():
    nothing = torch.zeros(0, 4, requires_grad=True)
    loss = n_pairs_loss(nothing, nothing)
    loss.backward()
    assert loss.item() == 0
    with pytest.raises(ValueError, match="two \\[N, D\\]"):
        n_pairs_loss(torch.zeros(3, 4), torch.zeros(4, 4))


def test_the_nearest_frame_within_the_window_is_the_positive():
    steps = torch.tensor([[[0, 10, 20, 99], [1, 14, 26, 99]], [[5, 6, 7, 8], [6, 9, 50, 60]]])
    mask = torch.ones(2, 2, 4, dtype=torch.bool)
    mask[0, :, 3] = False  # padding of the first video
    anchors, positives = nearest_in_time(steps, mask, window=4)
    # video 0: 0→1, 10→14, 20 has none (6 away); video 1: 5→6, 6→6, 7→6, 8→9
    assert anchors.tolist() == [0, 1, 4, 5, 6, 7]
    assert positives.tolist() == [0, 1, 4, 4, 4, 5]
    mask[1, 1] = False
    assert nearest_in_time(steps, mask, window=4)[0].tolist() == [0, 1]


def two_views(frames=6, size=4, videos=3, seed=0):
    g = torch.Generator().manual_seed(seed)
    embeddings = torch.randn(videos, 2, frames, size, generator=g)
    steps = torch.randint(0, 40, (videos, 2, frames), generator=g).sort(-1).values
    mask = torch.rand(videos, 2, frames, generator=g) > 0.2
    return embeddings, steps, mask


def test_two_views_equal_the_loss_written_out():
    embeddings, steps, mask = two_views()
    losses = []
    for e, s, m in zip(embeddings, steps, mask):
        for this, other in ((0, 1), (1, 0)):
            anchors, positives = [], []
            for i in range(6):
                near = [(abs(int(s[this, i] - s[other, j])), j) for j in range(6) if m[other, j]]
                if m[this, i] and min(near)[0] <= 4:
                    anchors.append(e[this, i])
                    positives.append(e[other, min(near)[1]])
            logits = torch.stack(anchors) @ torch.stack(positives).T
            norms = torch.stack(anchors).pow(2).sum(1).mean() + torch.stack(positives).pow(2).sum(1).mean()
            losses.append(-logits.log_softmax(1).diag().mean() + 0.25 * 0.1 * norms)
    loss = two_view_loss(embeddings, steps, mask, window=4, reg_lambda=0.1)
    assert loss.item() == pytest.approx(torch.stack(losses).mean().item(), rel=1e-5)


def test_a_video_without_any_positive_takes_no_part():
    embeddings, steps, mask = two_views()
    steps[2, 1] += 1000
    two = two_view_loss(embeddings[:2], steps[:2], mask[:2], window=4).item()
    assert two_view_loss(embeddings, steps, mask, window=4).item() == pytest.approx(two, rel=1e-5)
    alone = embeddings[2:].requires_grad_()
    loss = two_view_loss(alone, steps[2:], mask[2:], window=4)
    loss.backward()
    assert loss.item() == 0
    assert alone.grad.abs().max() == 0
