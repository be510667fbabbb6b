"""Context over time: the filter, the block and the norm of a clip, and that padding does not reach them."""

import pytest
import torch

from videosync.errors import ConfigError
from videosync.models.temporal import TemporalBlock, TemporalFilter, over_clip


@pytest.fixture
def temporal():
    torch.manual_seed(0)
    return TemporalFilter(size=5, kernel=7)


def test_is_a_sliding_dot_product_of_each_feature_over_time(temporal):
    x = torch.randn(2, 20, 5)
    out = temporal(x)
    weight = temporal.filter.weight[:, 0]  # [F, kernel]
    for frame in (3, 10, 16):
        expected = (x[:, frame - 3 : frame + 4].transpose(1, 2) * weight).sum(-1)  # [B, F]
        torch.testing.assert_close(out[:, frame], expected)


def test_a_level_that_does_not_change_is_not_seen_at_first(temporal):
    x = torch.randn(1, 1, 5).expand(1, 12, 5)
    torch.testing.assert_close(temporal(x), torch.zeros(1, 12, 5), atol=1e-5, rtol=0)


def test_padding_changes_nothing(temporal):
    clip = torch.randn(1, 9, 5)
    padded = torch.cat([clip, torch.full((1, 6, 5), 1e3)], dim=1)
    mask = torch.arange(15)[None] < 9
    torch.testing.assert_close(temporal(padded, mask)[:, :9], temporal(clip))


def test_a_clip_shorter_than_the_filter_is_continued(temporal):
    assert temporal(torch.randn(3, 2, 5)).shape == (3, 2, 5)


@pytest.mark.parametrize("kernel", [-1, 4])
def test_the_middle_of_the_filter_must_be_a_frame(kernel):
    with pytest.raises(ConfigError, match="temporal_kernel"):
        TemporalFilter(size=5, kernel=kernel)


def test_without_a_projection_head_the_loss_sees_the_embeddings(make_encoder):
    model = make_encoder(projection_size=0, temporal_kernel=3, dropout=0.0).eval()
    frames = torch.rand(1, 2, 6, 3, 32, 32)
    torch.testing.assert_close(model(frames, project=True), model(frames))


def test_a_block_of_local_context_sees_so_far_and_no_further_and_no_padding():
    torch.manual_seed(0)
    block = TemporalBlock(size=4, dilation=2)
    x = torch.randn(1, 30, 4)
    changed = x.clone()
    changed[:, 15] = torch.randn(4)
    seen = (block(changed) - block(x)).abs().sum(-1)[0] > 1e-6
    assert seen.nonzero().flatten().tolist() == [11, 13, 15, 17, 19]
    padded = torch.cat([x, torch.full((1, 6, 4), 1e3)], dim=1)
    torch.testing.assert_close(block(padded, torch.arange(36)[None] < 30)[:, :30], block(x))


def test_features_over_a_clip_have_unit_deviation_whatever_their_size_and_the_padding():
    x = torch.randn(2, 20, 3) * torch.tensor([0.1, 1.0, 50.0]) + 7
    out = over_clip(x)
    torch.testing.assert_close(out.mean(1), torch.zeros(2, 3), atol=1e-3, rtol=0)
    torch.testing.assert_close(out.std(1, unbiased=False), torch.ones(2, 3), atol=1e-3, rtol=0)
    padded = torch.cat([x, torch.full((2, 4, 3), 1e3)], dim=1)
    mask = (torch.arange(24) < 20).expand(2, 24)
    torch.testing.assert_close(over_clip(padded, mask)[:, :20], out)
    assert over_clip(torch.ones(1, 5, 3)).abs().max() == 0
