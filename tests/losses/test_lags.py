import pytest
import torch
from torch.nn import functional as F

from videosync.losses.lags import lag_loss

OPTIONS = {"temperature": 0.2, "label_variance": 1.0}


def moments(frames=40, size=6, seed=0):
    """Unit vectors of consecutive moments, float32 ``[frames, size]``."""
    return F.normalize(torch.randn(frames, size, generator=torch.Generator().manual_seed(seed)), dim=-1)


def pair(offset, frames=24):
    """Two views of the same moments, the second ``offset`` frames later: embeddings, steps, mask of a batch of one."""
    starts = torch.tensor([max(0, offset), max(0, -offset)])
    steps = torch.stack([torch.arange(int(s), int(s) + frames) for s in starts])[None]  # [1, 2, T]
    return moments(64)[steps], steps, torch.ones(1, 2, frames, dtype=torch.bool)


def test_small_where_the_true_lag_stands_out_and_large_where_another_one_does():
    embeddings, steps, mask = pair(4)
    right = lag_loss(embeddings, steps, mask, **OPTIONS)
    wrong = lag_loss(embeddings, steps + torch.tensor([6, 0])[:, None], mask, **OPTIONS)
    assert right < 2 < wrong


def test_learns_to_align():
    frames = 24
    torch.manual_seed(1)
    first = torch.randn(1, 1, 64, 12)
    mixed = first @ torch.randn(12, 12)
    layer = torch.nn.Linear(12, 8, bias=False)
    steps = torch.stack([torch.arange(7, 7 + frames), torch.arange(frames)])[None]
    mask = torch.ones(1, 2, frames, dtype=torch.bool)

    def loss():
        views = torch.stack([first[0, 0, steps[0, 0]], mixed[0, 0, steps[0, 1]]])[None]
        apart = torch.stack([layer(views[:, 0]), second(views[:, 1])], dim=1)
        return lag_loss(F.normalize(apart, dim=-1), steps, mask, **OPTIONS)

    second = torch.nn.Linear(12, 8, bias=False)
    optimizer = torch.optim.Adam([*layer.parameters(), *second.parameters()], lr=0.02)
    before = loss().item()
    for _ in range(60):
        optimizer.zero_grad()
        value = loss()
        value.backward()
        optimizer.step()
    assert loss().item() < 0.6 * before


def test_swapping_the_views_changes_nothing():
    embeddings, steps, mask = pair(-6)
    noisy = F.normalize(embeddings + 0.5 * torch.randn(embeddings.shape), dim=-1)
    a, b = (lag_loss(e, s, mask, **OPTIONS) for e, s in ((noisy, steps), (noisy.flip(1), steps.flip(1))))
    assert a.item() == pytest.approx(b.item(), rel=1e-5)


def test_padding_changes_nothing_and_pairs_without_overlap_do_not_count():
    embeddings, steps, mask = pair(3)
    padded, more = F.pad(embeddings, (0, 0, 0, 5), value=0.3), F.pad(steps, (0, 5), value=99)
    longer = lag_loss(padded, more, F.pad(mask, (0, 5)), **OPTIONS)
    assert longer.item() == pytest.approx(lag_loss(embeddings, steps, mask, **OPTIONS).item(), rel=1e-4)
    apart = steps + torch.tensor([500, 0])[:, None]
    both = lag_loss(torch.cat([embeddings] * 2), torch.cat([steps, apart]), torch.cat([mask] * 2), **OPTIONS)
    assert both.item() == pytest.approx(lag_loss(embeddings, steps, mask, **OPTIONS).item(), rel=1e-5)
    embeddings.requires_grad_(True)
    alone = lag_loss(embeddings, apart, mask, **OPTIONS)
    alone.backward()
    assert alone.item() == 0
    assert torch.isfinite(embeddings.grad).all()
