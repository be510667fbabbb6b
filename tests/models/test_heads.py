"""The heads that training uses, and what the encoder gives out for losses."""

import pytest
import torch
from torch.nn import functional as F

from videosync.errors import ConfigError
from videosync.models.heads import FrameClassifier


def clips(frames=12):
    return torch.rand(2, 2, frames, 3, 32, 32, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def mask():
    mask = torch.ones(2, 2, 12, dtype=torch.bool)
    mask[1, 0, 9:] = False
    return mask


@pytest.mark.parametrize("unit", [True, False])
@torch.no_grad()
def test_scores_are_a_linear_function_of_the_embeddings(make_encoder, mask, unit):
    model = make_encoder(num_classes=5).eval()
    scores = model(clips(), mask, classify=True, unit=unit)
    linear = model.classifier.net[1]
    expected = F.linear(model(clips(), mask, unit=unit), linear.weight, linear.bias)
    assert scores.shape == (2, 2, 12, 5)
    torch.testing.assert_close(scores[mask], expected[mask], rtol=1e-4, atol=1e-5)
    assert scores[~mask].abs().max() == 0
    assert set(model.classifier.state_dict()) == {"net.1.weight", "net.1.bias"}


@torch.no_grad()
def test_raw_embeddings_point_where_unit_ones_do(make_encoder, mask):
    model = make_encoder().eval()
    raw = model(clips(), mask, unit=False)
    assert raw.dtype == torch.float32
    assert (raw.norm(dim=-1)[mask] - 1).abs().min() > 1e-3
    torch.testing.assert_close(F.normalize(raw, dim=-1), model(clips(), mask))
    assert raw[~mask].abs().max() == 0


def test_without_classes_there_are_no_weights_and_no_scores(make_encoder):
    model = make_encoder().eval()
    assert not any(name.startswith("classifier") for name in model.state_dict())
    with pytest.raises(ConfigError, match="num_classes is 0"):
        model(clips(), classify=True)


def test_dropout_is_in_front_of_the_linear_layer_while_training():
    head = FrameClassifier(size=4, num_classes=3, dropout=0.5)
    x = torch.ones(1, 6, 4)
    assert not torch.equal(head.train()(x), head(x))
    assert torch.equal(head.eval()(x), head(x))
