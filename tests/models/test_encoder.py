"""The encoder as a whole: shapes, masks, cached features, gradients, autocast, weights."""

import pytest
import torch

from videosync.errors import CheckpointError, ConfigError


def frames(*lead, T=12, size=48, seed=1):
    return torch.rand(*lead, T, 3, size, size, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("input", ["rgb", "motion"])
@pytest.mark.parametrize("backbone", ["small", "resnet18"])
def test_unit_embeddings_for_any_leading_dimensions(make_encoder, backbone, input):
    model = make_encoder(backbone=backbone, input=input).eval()
    with torch.no_grad():
        one = model(frames(2))
        pairs = model(torch.stack([frames(2), frames(2, seed=2)], dim=1))
    assert one.shape == (2, 12, 16)
    assert pairs.shape == (2, 2, 12, 16)
    torch.testing.assert_close(pairs[:, 0], one, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(pairs.norm(dim=-1), torch.ones(2, 2, 12))


@pytest.mark.parametrize("input", ["rgb", "motion"])
def test_cached_features_give_the_same_embeddings(make_encoder, input):
    model = make_encoder(input=input, layer=4, random_backbone=True).eval()
    mask = torch.arange(12) < torch.tensor([[12], [8]])
    clips = frames(2)
    with torch.no_grad():
        features = model.backbone_features(clips)
        assert features.shape == (2, 12, model.feature_size)
        same = [(model(features, mask, project=p), model(clips, mask, project=p)) for p in (False, True)]
        for cached, direct in [*same, (model.embed(features, mask), model(clips, mask))]:
            torch.testing.assert_close(cached, direct, atol=1e-5, rtol=1e-5)


def test_cached_features_cannot_train_a_backbone(make_encoder):
    model = make_encoder().train()
    with pytest.raises(ConfigError, match="all of it must be frozen"):
        model(torch.rand(2, 12, model.feature_size))


LOCAL_CONTEXT = {"temporal_kernel": 5, "clip_norm": True, "temporal_layers": 2, "layers": 0, "positions": "none"}


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(
    "options", [{}, {"layer": 3}, {"input": "motion"}, {"input": "motion", "layer": 3}, LOCAL_CONTEXT], ids=str
)
def test_masked_frames_change_nothing(make_encoder, options, training):
    """Embeddings, gradients, running statistics (the backbone's too) do not depend on padding's content."""
    mask = torch.ones(2, 2, 12, dtype=torch.bool)
    mask[0, 1, 7:] = False
    mask[1, 0, 10:] = False
    clips = frames(2, 2)
    results = []
    for padding in (0.0, 0.7):
        model = make_encoder(random_backbone=True, dropout=0.0, **options).train(training)
        out = model(clips.masked_fill(~mask[..., None, None, None], padding), mask, project=True)
        assert (out[~mask] == 0).all()
        out[mask][:, 0].sum().backward()
        gradients = [p.grad.flatten() for p in model.parameters() if p.grad is not None]
        buffers = [b.flatten().float() for b in model.buffers()]
        results.append((out.detach(), torch.cat(buffers), torch.cat(gradients)))
    for a, b in zip(*results):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("layer", [0, 2, 4])
def test_every_trainable_parameter_gets_a_gradient(make_encoder, layer):
    """DDP waits for each of them; and frozen ones get none."""
    model = make_encoder(layer=layer, random_backbone=True).train()
    out = model(frames(2, 2), torch.ones(2, 2, 12, dtype=torch.bool), project=True)
    (out[:, 0] * out[:, 1].roll(1, -1)).sum().backward()
    for name, p in model.named_parameters():
        assert (p.grad is not None) == p.requires_grad, name
    assert any(p.requires_grad for p in model.backbone.parameters()) == (layer < 4)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_returns_float32_close_to_float32(make_encoder, dtype):
    model = make_encoder(input="motion").eval()
    clips, mask = frames(2), torch.arange(12) < torch.tensor([[12], [8]])
    with torch.no_grad():
        exact = model(clips, mask, project=True)
        with torch.autocast("cpu", dtype):
            cast = model(clips, mask, project=True)
    assert cast.dtype == torch.float32
    assert (exact * cast).sum(-1)[mask].min() > 0.99


def test_autocast_trains(make_encoder):
    model = make_encoder(layer=2, random_backbone=True).train()
    with torch.autocast("cpu", torch.bfloat16):
        out = model(frames(2), project=True)
    (out**3).sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.requires_grad)


def test_frozen_stages_need_weights_from_the_workdir_unless_random_is_asked_for(make_encoder, tmp_path):
    with pytest.raises(CheckpointError, match="allow a random_backbone"):
        make_encoder(layer=1)
    make_encoder(layer=1, random_backbone=True)
    torch.save(make_encoder().backbone.state_dict(), tmp_path / "small.pth")
    assert make_encoder(weights="small.pth", workdir=str(tmp_path), layer=3).backbone.layer == 3
    with pytest.raises(CheckpointError, match="absent"):
        make_encoder(weights="absent.pth", workdir=tmp_path)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"input": "motions"}, "Did you mean 'motion'"),
        ({"name": "nois"}, "encoder, noise"),
        ({"chunk_size": 0}, "chunk_size is 0"),
    ],
)
def test_wrong_options_are_named(make_encoder, wrong, said):
    with pytest.raises(ConfigError, match=said):
        make_encoder(**wrong)


def test_state_does_not_depend_on_the_length_of_training_clips(make_encoder):
    model = make_encoder()
    make_encoder(num_frames=30).load_state_dict(model.state_dict())
    assert not any("input" in name for name in model.state_dict())
