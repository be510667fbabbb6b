import pytest
import torch

from videosync.errors import CheckpointError, ConfigError
from videosync.models.backbones import BACKBONES


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
        for project in (False, True):
            torch.testing.assert_close(
                model(features, mask, project=project),
                model(clips, mask, project=project),
                atol=1e-5,
                rtol=1e-5,
            )
        torch.testing.assert_close(model.embed(features, mask), model(clips, mask), atol=1e-5, rtol=1e-5)


def test_cached_features_cannot_train_a_backbone(make_encoder):
    model = make_encoder().train()
    with pytest.raises(ConfigError, match=r"model\.layer=4"):
        model(torch.rand(2, 12, model.feature_size))


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("input", ["rgb", "motion"])
@pytest.mark.parametrize("layer", [0, 3])
def test_masked_frames_change_nothing(make_encoder, input, layer, training):
    """Embeddings, gradients, running statistics (the backbone's too) do not depend on padding's content."""
    mask = torch.ones(2, 2, 12, dtype=torch.bool)
    mask[0, 1, 7:] = False
    mask[1, 0, 10:] = False
    clips = frames(2, 2)
    results = []
    for padding in (0.0, 0.7):
        model = make_encoder(input=input, layer=layer, random_backbone=True, dropout=0.0).train(training)
        out = model(clips.masked_fill(~mask[..., None, None, None], padding), mask, project=True)
        assert (out[~mask] == 0).all()
        out[mask][:, 0].sum().backward()
        gradients = [p.grad.flatten() for p in model.parameters() if p.grad is not None]
        results.append(
            (out.detach(), torch.cat([b.flatten().float() for b in model.buffers()]), torch.cat(gradients))
        )
    for a, b in zip(*results):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("input", ["rgb", "motion"])
@pytest.mark.parametrize("training", [False, True])
def test_results_do_not_depend_on_the_chunk_size(make_encoder, input, training):
    clips = frames(2)
    outputs = []
    for chunk_size in (1, 5, 24, 100):
        model = make_encoder(input=input, layer=2, random_backbone=True, chunk_size=chunk_size, dropout=0.0)
        outputs.append(model.train(training)(clips, project=True).detach())
    for other in outputs[1:]:
        torch.testing.assert_close(outputs[0], other, atol=1e-4, rtol=1e-4)


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


def test_motion_context_is_used(make_encoder):
    model = make_encoder(input="motion").eval()
    assert model.context == 4
    assert make_encoder().context == 0
    clip = frames(1, T=20)
    with torch.no_grad():
        whole = model.backbone_features(clip)
        window = model.backbone_features(clip[:, 2:10], context=4)
    torch.testing.assert_close(window, whole[:, 6:10], atol=1e-5, rtol=1e-5)


def test_frozen_random_stages_are_refused(make_encoder):
    with pytest.raises(CheckpointError, match=r"model\.random_backbone=true"):
        make_encoder(layer=1)
    make_encoder(layer=1, random_backbone=True)
    make_encoder(layer=0)


def test_weights_come_from_the_workdir(make_encoder, tmp_path):
    torch.save(make_encoder().backbone.state_dict(), tmp_path / "small.pth")
    torch.manual_seed(5)
    model = make_encoder(weights="small.pth", workdir=str(tmp_path), layer=3)
    assert model.backbone.layer == 3
    with pytest.raises(CheckpointError, match="absent"):
        make_encoder(weights="absent.pth", workdir=tmp_path)


def test_wrong_options_are_named(make_encoder):
    with pytest.raises(ConfigError, match="Did you mean 'motion'"):
        make_encoder(input="motions")
    with pytest.raises(ConfigError, match="encoder, noise"):
        make_encoder(name="nois")
    with pytest.raises(ConfigError, match="chunk_size is 0"):
        make_encoder(chunk_size=0)


@pytest.mark.parametrize("backbone", BACKBONES)
def test_state_survives_a_round_trip(make_encoder, backbone):
    model = make_encoder(backbone=backbone)
    other = make_encoder(backbone=backbone, num_frames=30)
    other.load_state_dict(model.state_dict())
    assert not any("input" in name for name in model.state_dict())
