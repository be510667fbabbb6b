from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from tests.reference.scl import slow_scl
from videosync.errors import ConfigError
from videosync.losses.scl import NEGATIVE_TYPES, sequence_contrastive_loss

GOLDEN = np.load(Path(__file__).parents[1] / "data" / "scl_loss.npz")


def random_batch(batch=3, frames=9, size=8, seed=0):
    """Unit embeddings, sorted steps, lengths that differ between views, and a few padded frames at the ends."""
    g = torch.Generator().manual_seed(seed)
    embeddings = F.normalize(torch.randn(batch, 2, frames, size, generator=g), dim=-1)
    steps = torch.randint(0, 20, (batch, 2, frames), generator=g).sort(-1).values
    lengths = torch.randint(20, 26, (batch, 2), generator=g)
    mask = torch.ones(batch, 2, frames, dtype=torch.bool)
    mask[0, 1, -2:] = False
    mask[-1, 0, -3:] = False
    return embeddings, steps, lengths, mask


@pytest.mark.parametrize("case", range(8))
def test_reference_values_and_gradients(case):
    def g(key):
        return GOLDEN[f"case{case}_{key}"]

    embeddings = torch.tensor(g("embeddings"), requires_grad=True)
    loss = sequence_contrastive_loss(
        embeddings,
        torch.tensor(g("steps")),
        torch.tensor(g("seq_lens")),
        torch.tensor(g("mask")),
        temperature=float(g("temperature")),
        label_variance=float(g("label_variance")),
        negative_type=str(g("negative_type")),
        log_epsilon=1e-6,
    )
    loss.backward()
    assert loss.item() == pytest.approx(float(g("loss")), rel=1e-4)
    error = np.abs(embeddings.grad.numpy() - g("grad")).max()
    assert error < 1e-4 * np.abs(g("grad")).max()


@pytest.mark.parametrize("epsilon", [0.0, 1e-6])
@pytest.mark.parametrize("negative_type", NEGATIVE_TYPES)
def test_equals_the_formula_written_out(negative_type, epsilon):
    embeddings, steps, lengths, mask = random_batch()
    fast = sequence_contrastive_loss(
        embeddings, steps, lengths, mask,
        temperature=0.2, label_variance=6.0, negative_type=negative_type, log_epsilon=epsilon,
    )  # fmt: skip
    slow = slow_scl(
        embeddings.double().numpy(),
        steps.numpy(),
        lengths.numpy(),
        mask.numpy(),
        0.2,
        6.0,
        negative_type,
        epsilon,
    )
    assert fast.item() == pytest.approx(slow, rel=1e-4)


@pytest.mark.parametrize("negative_type", NEGATIVE_TYPES)
def test_masked_frames_change_nothing(negative_type):
    embeddings, steps, lengths, mask = random_batch()
    other, other_steps = embeddings.clone(), steps.clone()
    other[~mask] = 100.0
    other_steps[~mask] = 7
    other.requires_grad_(True)
    losses = [
        sequence_contrastive_loss(e, s, lengths, mask, negative_type=negative_type)
        for e, s in ((embeddings, steps), (other, other_steps))
    ]
    assert losses[0].item() == pytest.approx(losses[1].item(), rel=1e-6)
    losses[1].backward()
    assert (other.grad[~mask] == 0).all()
    assert torch.isfinite(other.grad).all()


@pytest.mark.parametrize("negative_type", NEGATIVE_TYPES)
def test_swapping_the_views_changes_nothing(negative_type):
    embeddings, steps, lengths, mask = random_batch()
    a = sequence_contrastive_loss(embeddings, steps, lengths, mask, negative_type=negative_type)
    b = sequence_contrastive_loss(
        embeddings.flip(1), steps.flip(1), lengths.flip(1), mask.flip(1), negative_type=negative_type
    )
    assert a.item() == pytest.approx(b.item(), rel=1e-5)


def test_single_sees_no_other_video_and_batch_does():
    embeddings, steps, lengths, mask = random_batch()
    changed = embeddings.clone()
    changed[1] = changed[1].flip(-1)
    for negative_type in NEGATIVE_TYPES:
        e = embeddings.clone().requires_grad_(True)
        total = sequence_contrastive_loss(e, steps, lengths, mask, negative_type=negative_type)
        (grad,) = torch.autograd.grad(total, e)
        (grad_changed,) = torch.autograd.grad(
            sequence_contrastive_loss(
                c := changed.clone().requires_grad_(True), steps, lengths, mask, negative_type=negative_type
            ),
            c,
        )
        same = torch.allclose(grad[0], grad_changed[0], atol=1e-7)
        assert same == negative_type.startswith("single")


def test_aligned_one_hot_embeddings_reach_the_floor():
    """Identity embeddings, tiny temperature and variance: the softmax is the target, and the divergence is 0."""
    e = torch.eye(6).expand(2, 2, 6, 6)
    steps = torch.arange(6).expand(2, 2, 6)
    args = (steps, torch.full((2, 2), 6), torch.ones(2, 2, 6, dtype=torch.bool))
    assert sequence_contrastive_loss(e, *args, temperature=0.01, label_variance=0.01).item() < 1e-6
    shifted = torch.stack([e[:, 0], e[:, 1].roll(1, dims=1)], dim=1)
    assert sequence_contrastive_loss(shifted, *args, temperature=0.01, label_variance=0.01).item() > 50


def test_steps_are_compared_on_the_other_views_timeline():
    """Half-speed views: frame 2i of a 20-frame view is frame i of a 10-frame view."""
    e = torch.eye(10).expand(1, 2, 10, 10)
    steps = torch.stack([torch.arange(0, 20, 2), torch.arange(10)])[None]
    mask = torch.ones(1, 2, 10, dtype=torch.bool)
    loss = sequence_contrastive_loss(
        e, steps, torch.tensor([[20, 10]]), mask, temperature=0.01, label_variance=0.01
    )
    assert loss.item() < 1e-6


def partly_overlapping_batch():
    """Two clips of 30 frames; the first view's early frames lie far before the second view. None lies at the brink."""
    embeddings = random_batch(batch=2, frames=30)[0]
    early, late = [0, 3, 6, 9, 12], [*range(22, 47)]
    steps = torch.stack([torch.tensor([*early, *late]), torch.arange(60, 90)]).expand(2, 2, 30).clone()
    steps[1, 1] += 200  # no frame within reach of the other view's
    mask = torch.ones(2, 2, 30, dtype=torch.bool)
    mask[0, 1, -4:] = False
    mask[0, 0, -6:] = False
    return embeddings, steps, torch.full((2, 2), 400), mask


@pytest.mark.parametrize("epsilon", [0.0, 1e-6])
@pytest.mark.parametrize("negative_type", NEGATIVE_TYPES)
def test_frames_far_from_the_whole_other_view_have_no_target(negative_type, epsilon):
    """Loss and gradient, the latter along a random direction, are those of the formula written out."""
    embeddings, steps, lengths, mask = partly_overlapping_batch()

    def slow(moved):
        return slow_scl(
            moved.numpy(), steps.numpy(), lengths.numpy(), mask.numpy(), 0.1, 10.0, negative_type, epsilon
        )

    e = embeddings.requires_grad_(True)
    loss = sequence_contrastive_loss(
        e, steps, lengths, mask, negative_type=negative_type, log_epsilon=epsilon
    )
    loss.backward()
    exact = e.detach().double()
    assert loss.item() == pytest.approx(slow(exact), rel=1e-4)
    way = torch.randn(exact.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    slope = (slow(exact + 1e-5 * way) - slow(exact - 1e-5 * way)) / 2e-5
    assert (e.grad.double() * way).sum().item() == pytest.approx(slope, rel=1e-3)


@pytest.mark.parametrize("epsilon", [0.0, 1e-6])
def test_views_without_a_common_moment_add_nothing(epsilon):
    embeddings, steps, lengths, mask = random_batch()
    steps = steps.clone()
    steps[:, 1] += 10_000
    embeddings.requires_grad_(True)
    loss = sequence_contrastive_loss(
        embeddings, steps, torch.full_like(lengths, 20_000), mask, log_epsilon=epsilon
    )
    loss.backward()
    assert loss.item() == 0
    assert (embeddings.grad == 0).all()


def test_frames_without_a_real_counterpart_are_left_out():
    embeddings, steps, lengths, mask = random_batch()
    mask = mask.clone()
    mask[1, 1] = False
    with_dead_pair = sequence_contrastive_loss(
        embeddings, steps, lengths, mask, negative_type="single_noself"
    )
    keep = [0, 2]
    without = sequence_contrastive_loss(
        embeddings[keep], steps[keep], lengths[keep], mask[keep], negative_type="single_noself"
    )
    assert with_dead_pair.item() == pytest.approx(without.item(), rel=1e-5)  # products of another shape
    assert sequence_contrastive_loss(embeddings, steps, lengths, torch.zeros_like(mask)).item() == 0


def test_float32_under_autocast_and_for_half_inputs():
    embeddings, steps, lengths, mask = random_batch()
    plain = sequence_contrastive_loss(embeddings, steps, lengths, mask)
    with torch.autocast("cpu", torch.bfloat16):
        cast = sequence_contrastive_loss(embeddings, steps, lengths, mask)
    assert cast.dtype == torch.float32
    assert cast.item() == plain.item()
    assert sequence_contrastive_loss(embeddings.bfloat16(), steps, lengths, mask).dtype == torch.float32


def test_a_batch_of_four_long_pairs_fits():
    """B = 4, T = 240: at most one [B*2*T]² matrix at a time matters; it runs in well under a second."""
    embeddings = F.normalize(torch.randn(4, 2, 240, 128), dim=-1).requires_grad_(True)
    steps = torch.arange(240).expand(4, 2, 240)
    mask = torch.ones(4, 2, 240, dtype=torch.bool)
    for negative_type in NEGATIVE_TYPES:
        saved = 0

        def count(tensor):
            nonlocal saved
            saved += tensor.numel() * tensor.element_size()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(count, lambda t: t):
            loss = sequence_contrastive_loss(
                embeddings, steps, torch.full((4, 2), 240), mask, negative_type=negative_type
            )
        loss.backward()
        assert saved < 100e6, f"{negative_type} keeps {saved / 1e6:.0f} MB for the backward pass"


def test_wrong_options_are_named():
    embeddings, steps, lengths, mask = random_batch()
    with pytest.raises(ConfigError, match="Did you mean 'single_noself'"):
        sequence_contrastive_loss(embeddings, steps, lengths, mask, negative_type="single_no_self")
    with pytest.raises(ConfigError, match="above 0"):
        sequence_contrastive_loss(embeddings, steps, lengths, mask, temperature=0.0)
    with pytest.raises(ValueError, match=r"\[B, 2, T, D\]"):
        sequence_contrastive_loss(embeddings[:, :1], steps, lengths, mask)
