"""Faster copies of an encoder: how close they are, what they leave alone, and when bf16 is taken."""

import pytest
import torch
from torch import nn

from videosync.errors import ConfigError
from videosync.models import inference
from videosync.models.inference import TOLERANCE, has_native_bf16, optimize_for_inference


def moving_square(T=8, size=64):
    """A textured square on its way through a textured picture, float [1, T, 3, H, W]."""
    g = torch.Generator().manual_seed(0)
    background = torch.rand(3, size // 8, size // 8, generator=g).kron(torch.ones(1, 8, 8))
    clip = background.expand(T, -1, -1, -1).clone() * 0.6
    for t in range(T):
        clip[t, :, 10 + t : 26 + t, 3 * t : 3 * t + 16] = 0.95
    return clip[None]


def trained_statistics(model, clip):
    """BatchNorm statistics as after some training, so that fusing has something to get wrong."""
    model.train()
    for _ in range(5):
        model(clip + 0.1 * torch.rand_like(clip))
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.3, 0.3)
    return model.eval()


def centred_cosine(a, b):
    """Cosine of the frames' embeddings less the clip's mean: what is left to tell frames apart by."""
    return nn.functional.cosine_similarity(a - a.mean(1, keepdim=True), b - b.mean(1, keepdim=True), dim=-1)


@pytest.mark.parametrize(
    ("backbone", "input"),
    [
        ("small", "rgb"),
        ("small", "motion"),
        ("resnet18", "motion"),
        pytest.param("resnet50", "rgb", marks=pytest.mark.slow),
    ],
)
def test_faster_copies_stay_within_the_stated_tolerance(make_encoder, backbone, input):
    clip = moving_square()
    model = trained_statistics(make_encoder(backbone=backbone, input=input, positions="none"), clip)
    with torch.no_grad():
        exact = model(clip)
        fused = optimize_for_inference(model, precision="float32")(clip)
        half = optimize_for_inference(model, precision="bf16")(clip)
    assert half.dtype == torch.float32
    torch.testing.assert_close(fused, exact, atol=1e-4, rtol=1e-3)
    assert (exact * half).sum(-1).min() > TOLERANCE
    assert centred_cosine(exact, half).min() > 0.97


def test_the_original_is_left_alone(make_encoder):
    model = make_encoder(backbone="resnet18")
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    model.train()
    fast = optimize_for_inference(model, precision="bf16")
    assert model.training
    assert not fast.training
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name])
    assert not any(isinstance(m, nn.BatchNorm2d) for m in fast.modules())
    assert not any(p.requires_grad for p in fast.parameters())


def test_auto_is_bf16_only_where_it_is_native(make_encoder, monkeypatch):
    for native, dtype in ((True, torch.bfloat16), (False, torch.float32)):
        monkeypatch.setattr(inference, "has_native_bf16", lambda device, native=native: native)
        fast = optimize_for_inference(make_encoder(), precision="auto")
        assert next(fast.backbone.parameters()).dtype == dtype
        assert next(fast.embedder.parameters()).dtype == torch.float32


def test_auto_falls_back_where_bf16_changes_too_much(make_encoder, monkeypatch, caplog):
    monkeypatch.setattr(inference, "has_native_bf16", lambda device: True)
    monkeypatch.setattr(inference, "TOLERANCE", 1.01)
    fast = optimize_for_inference(make_encoder(), precision="auto")
    assert next(fast.backbone.parameters()).dtype == torch.float32
    assert "cosine" in caplog.text
    asked_for = optimize_for_inference(make_encoder(), precision="bf16")
    assert next(asked_for.backbone.parameters()).dtype == torch.bfloat16


@pytest.mark.parametrize(("capability", "expected"), [("avx512_bf16", True), ("amx_bf16", True), ("avx2", False)])
def test_native_bf16_is_asked_of_the_processor(monkeypatch, capability, expected):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {capability: True}, raising=False)
    assert has_native_bf16("cpu") == expected
    assert not has_native_bf16("meta")


def test_noise_and_wrong_precision(make_encoder):
    noise = make_encoder(name="noise")
    assert optimize_for_inference(noise).embed(torch.rand(1, 5, 1)).shape == (1, 5, 16)
    with pytest.raises(ConfigError, match="auto, float32, bf16"):
        optimize_for_inference(noise, precision="fp16")
