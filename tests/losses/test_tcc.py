"""Temporal cycle-consistency: published numbers, the formula frame by frame, and matches without doubt."""

from pathlib import Path

import numpy as np
import pytest
import torch

from videosync.errors import ConfigError
from videosync.losses.tcc import LOSS_TYPES, SIMILARITIES, Tcc, cycle_consistency_loss

GOLDEN = np.load(Path(__file__).parents[1] / "data" / "tcc_loss.npz")


def tcc(embeddings, steps, lengths, mask, **options):
    return cycle_consistency_loss(embeddings, steps, lengths, mask, Tcc(**options))


def random_batch(clips=3, frames=8, size=6, seed=0):
    g = torch.Generator().manual_seed(seed)
    embeddings = torch.randn(clips, frames, size, generator=g, dtype=torch.float64)
    steps = torch.rand(clips, frames, generator=g).argsort(-1).sort(-1).values * 2
    lengths = torch.tensor([20, 25, 30][:clips])
    mask = torch.ones(clips, frames, dtype=torch.bool)
    return embeddings, steps, lengths, mask


each_type = pytest.mark.parametrize("loss_type", LOSS_TYPES)


@pytest.mark.parametrize("case", range(8))
def test_reference_values_and_gradients(case):
    def g(key):
        return GOLDEN[f"case{case}_{key}"]

    embeddings = torch.tensor(g("embeddings"), requires_grad=True)
    mask = torch.ones(embeddings.shape[:2], dtype=torch.bool)
    options = {name: float(g(name)) for name in ("temperature", "label_smoothing", "variance_lambda")}
    options |= {f"tcc_{name.removeprefix('loss_')}": str(g(name)) for name in ("loss_type", "similarity")}
    options |= {"huber_delta": 1.0, "tcc_reference": True}
    loss = tcc(embeddings, torch.tensor(g("steps")), torch.tensor(g("seq_lens")), mask, **options)
    loss.backward()
    assert loss.item() == pytest.approx(float(g("loss")), rel=1e-4)
    assert np.abs(embeddings.grad.numpy() - g("grad")).max() < 1e-4 * np.abs(g("grad")).max()


def slow(embeddings, steps, lengths, mask, loss_type, similarity, tau, smoothing, lam, delta):
    """Frame by frame, as the paper writes it."""
    clips, size = len(embeddings), embeddings.shape[-1]

    def sim(a, b):
        return (float(a @ b) if similarity == "cosine" else -float(((a - b) ** 2).sum())) / size / tau

    losses = []
    for u in range(clips):
        for v in range(clips):
            if u == v:
                continue
            own = [i for i in range(len(mask[u])) if mask[u][i]]
            other = [j for j in range(len(mask[v])) if mask[v][j]]
            time = np.array([steps[u][i] / lengths[u] for i in own])
            for place, i in enumerate(own):
                weights = np.exp([sim(embeddings[u][i], embeddings[v][j]) for j in other])
                nearest = (weights / weights.sum()) @ embeddings[v][other]
                logits = np.array([sim(nearest, embeddings[u][k]) for k in own])
                beta = np.exp(logits) / np.exp(logits).sum()
                n = len(own)
                labels = np.full(n, smoothing / (n - 1))
                labels[place] += 1 - n * smoothing / (n - 1)
                left, returned = labels @ time, beta @ time
                variance = max(beta @ (time - returned) ** 2, 1 / (12 * float(lengths[u]) ** 2))
                gap = abs(left - returned)
                losses.append(
                    {
                        "classification": -(labels * np.log(beta)).sum(),
                        "regression_mse": gap**2,
                        "regression_mse_var": gap**2 / variance + lam * np.log(variance),
                        "regression_huber": gap**2 / 2 if gap <= delta else delta * (gap - delta / 2),
                    }[loss_type]
                )
    return np.mean(losses)


@pytest.mark.parametrize("similarity", SIMILARITIES)
@each_type
def test_equals_the_formula_written_out_whatever_padding_holds(loss_type, similarity):
    embeddings, steps, lengths, mask = random_batch()
    mask[1, -3:] = False
    embeddings[~mask], steps[~mask] = 100.0, -7
    arrays = (embeddings.numpy(), steps.numpy(), lengths.numpy(), mask.numpy())
    expected = slow(*arrays, loss_type, similarity, 0.1, 0.1, 0.001, 0.05)
    options = {"tcc_type": loss_type, "tcc_similarity": similarity, "huber_delta": 0.05}
    loss = tcc(embeddings.requires_grad_(), steps, lengths, mask, **options)
    loss.backward()
    assert loss.item() == pytest.approx(expected, rel=2e-4)
    assert embeddings.grad[~mask].abs().max() == 0
    assert embeddings.grad.isfinite().all()


def test_a_clip_without_real_frames_takes_no_part():
    embeddings, steps, lengths, mask = random_batch()
    mask[2] = False
    two = tcc(embeddings[:2], steps[:2], lengths[:2], mask[:2])
    assert tcc(embeddings, steps, lengths, mask).item() == pytest.approx(two.item(), rel=1e-5)


@each_type
def test_matches_without_doubt_leave_the_loss_finite(loss_type):
    """Embeddings so far apart that the softmax is one-hot, half of them matched to a wrong frame."""
    frames = torch.eye(8) * 1e4
    embeddings = torch.stack([frames, frames[[0, 1, 2, 3, 0, 1, 2, 3]]]).requires_grad_()
    steps, lengths = torch.arange(8).expand(2, -1), torch.tensor([8, 8])
    loss = tcc(embeddings, steps, lengths, torch.ones(2, 8, dtype=torch.bool), tcc_type=loss_type)
    loss.backward()
    assert 0 < loss.item() < 1e9
    assert embeddings.grad.isfinite().all()
    if loss_type == "regression_mse_var":
        assert loss.item() < 12 * 8**2


def test_wrong_input_is_named():
    embeddings, steps, lengths, mask = random_batch()
    with pytest.raises(ConfigError, match="Did you mean 'regression_mse'"):
        tcc(embeddings, steps, lengths, mask, tcc_type="regresion_mse")
    with pytest.raises(ConfigError, match="Did you mean 'cosine'"):
        tcc(embeddings, steps, lengths, mask, tcc_similarity="cosin")
    with pytest.raises(ConfigError, match="above 0"):
        tcc(embeddings, steps, lengths, mask, temperature=0)
    with pytest.raises(ValueError, match="two clips"):
        tcc(embeddings[:1], steps[:1], lengths[:1], mask[:1])
