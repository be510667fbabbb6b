"""The sequence contrastive loss: published numbers, the formula frame by frame, and frames without a target."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from tests.reference.scl import slow_scl
from videosync.errors import ConfigError
from videosync.losses.scl import NEGATIVE_TYPES, Scl, sequence_contrastive_loss

GOLDEN = np.load(Path(__file__).parents[1] / "data" / "scl_loss.npz")

each_negative_type = pytest.mark.parametrize("negative_type", NEGATIVE_TYPES)
each_epsilon = pytest.mark.parametrize("epsilon", [0.0, 1e-6])


def scl(embeddings, steps, lengths, mask, **options):
    return sequence_contrastive_loss(embeddings, steps, lengths, mask, Scl(**options))


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
    inputs = [torch.tensor(g(name)) for name in ("steps", "seq_lens", "mask")]
    options = {name: float(g(name)) for name in ("temperature", "label_variance")}
    loss = scl(embeddings, *inputs, negative_type=str(g("negative_type")), log_epsilon=1e-6, **options)
    loss.backward()
    assert loss.item() == pytest.approx(float(g("loss")), rel=1e-4)
    assert np.abs(embeddings.grad.numpy() - g("grad")).max() < 1e-4 * np.abs(g("grad")).max()


@each_epsilon
@each_negative_type
def test_equals_the_formula_written_out_in_both_orders_whatever_padding_holds(negative_type, epsilon):
    embeddings, steps, lengths, mask = random_batch()
    embeddings[~mask], steps[~mask] = 100.0, 7
    arrays = (embeddings.double().numpy(), steps.numpy(), lengths.numpy(), mask.numpy())
    slow = slow_scl(*arrays, 0.2, 6.0, negative_type, epsilon)
    options = dict(temperature=0.2, label_variance=6.0, negative_type=negative_type, log_epsilon=epsilon)
    loss = scl(embeddings.requires_grad_(), steps, lengths, mask, **options)
    swapped = scl(*(x.flip(1) for x in (embeddings, steps, lengths, mask)), **options)
    assert loss.item() == pytest.approx(slow, rel=1e-4)
    assert swapped.item() == pytest.approx(loss.item(), rel=1e-5)
    loss.backward()
    assert (embeddings.grad[~mask] == 0).all()
    assert embeddings.grad.isfinite().all()


def test_aligned_one_hot_embeddings_reach_the_floor():
    """Identity embeddings, tiny temperature and variance: the softmax is the target, and the divergence is 0."""
    e = torch.eye(6).expand(2, 2, 6, 6)
    steps = torch.arange(6).expand(2, 2, 6)
    args = (steps, torch.full((2, 2), 6), torch.ones(2, 2, 6, dtype=torch.bool))
    assert scl(e, *args, temperature=0.01, label_variance=0.01).item() < 1e-6
    shifted = torch.stack([e[:, 0], e[:, 1].roll(1, dims=1)], dim=1)
    assert scl(shifted, *args, temperature=0.01, label_variance=0.01).item() > 50


def test_steps_are_compared_on_the_other_views_timeline():
    """Half-speed views: frame 2i of a 20-frame view is frame i of a 10-frame view."""
    e = torch.eye(10).expand(1, 2, 10, 10)
    steps = torch.stack([torch.arange(0, 20, 2), torch.arange(10)])[None]
    mask = torch.ones(1, 2, 10, dtype=torch.bool)
    loss = scl(e, steps, torch.tensor([[20, 10]]), mask, temperature=0.01, label_variance=0.01)
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


@each_epsilon
@each_negative_type
def test_frames_far_from_the_whole_other_view_have_no_target(negative_type, epsilon):
    """Loss and gradient, the latter along a random direction, are those of the formula written out."""
    e, steps, lengths, mask = partly_overlapping_batch()

    def slow(moved):
        arrays = (moved.numpy(), steps.numpy(), lengths.numpy(), mask.numpy())
        return slow_scl(*arrays, 0.1, 10.0, negative_type, epsilon)

    e.requires_grad_()
    loss = scl(e, steps, lengths, mask, negative_type=negative_type, log_epsilon=epsilon)
    loss.backward()
    exact = e.detach().double()
    assert loss.item() == pytest.approx(slow(exact), rel=1e-4)
    way = torch.randn(exact.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    slope = (slow(exact + 1e-5 * way) - slow(exact - 1e-5 * way)) / 2e-5
    assert (e.grad.double() * way).sum().item() == pytest.approx(slope, rel=1e-3)


@each_epsilon
def test_views_without_a_common_moment_add_nothing(epsilon):
    embeddings, steps, lengths, mask = random_batch()
    steps[:, 1] += 10_000
    embeddings.requires_grad_()
    loss = scl(embeddings, steps, torch.full_like(lengths, 20_000), mask, log_epsilon=epsilon)
    loss.backward()
    assert loss.item() == 0
    assert (embeddings.grad == 0).all()


def test_frames_without_a_real_counterpart_are_left_out():
    batch = random_batch()
    batch[-1][1, 1] = False
    with_dead_pair = scl(*batch)
    without = scl(*(x[[0, 2]] for x in batch))
    assert with_dead_pair.item() == pytest.approx(without.item(), rel=1e-5)  # products of another shape


def test_float32_under_autocast_and_for_half_inputs():
    embeddings, *rest = random_batch()
    with torch.autocast("cpu", torch.bfloat16):
        cast = scl(embeddings, *rest)
    assert cast.dtype == torch.float32
    assert cast.item() == scl(embeddings, *rest).item()
    assert scl(embeddings.bfloat16(), *rest).dtype == torch.float32


@each_negative_type
def test_a_batch_of_four_long_pairs_fits(negative_type):
    """B = 4, T = 240: at most one [B*2*T]² matrix at a time matters."""
    embeddings = F.normalize(torch.randn(4, 2, 240, 128), dim=-1).requires_grad_()
    steps, mask = torch.arange(240).expand(4, 2, 240), torch.ones(4, 2, 240, dtype=torch.bool)
    saved = 0

    def count(tensor):
        nonlocal saved
        saved += tensor.numel() * tensor.element_size()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(count, lambda t: t):
        loss = scl(embeddings, steps, torch.full((4, 2), 240), mask, negative_type=negative_type)
    loss.backward()
    assert saved < 100e6, f"{saved / 1e6:.0f} MB are kept for the backward pass"


def test_wrong_input_is_named():
    embeddings, *rest = random_batch()
    with pytest.raises(ConfigError, match="Did you mean 'single_noself'"):
        scl(embeddings, *rest, negative_type="single_no_self")
    with pytest.raises(ConfigError, match="above 0"):
        scl(embeddings, *rest, temperature=0.0)
    with pytest.raises(ValueError, match=r"\[B, 2, T, D\]"):
        scl(embeddings[:, :1], *rest)
