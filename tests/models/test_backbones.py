"""Backbones: torchvision's shapes and names, freezing by stages, and chunks that change nothing."""

import pytest
import torch
from torch import nn

from videosync.errors import ConfigError
from videosync.models.backbones import build_backbone
from videosync.models.options import BACKBONES
from videosync.models.staged import STAGES

# parameters of torchvision's models without the classifier
TORCHVISION_SIZES = {"resnet18": 11_176_512, "resnet34": 21_284_672, "resnet50": 23_508_032}


def features(backbone, frames, chunk_size=64):
    return backbone(frames, chunk_size=chunk_size, prepare=lambda x: x)


@pytest.mark.parametrize("name", TORCHVISION_SIZES)
def test_resnets_are_torchvisions(name):
    backbone = build_backbone(name)
    assert sum(p.numel() for p in backbone.parameters()) == TORCHVISION_SIZES[name]
    names = set(backbone.state_dict())
    assert {"conv1.weight", "bn1.running_var", "layer2.0.downsample.0.weight", "layer4.1.bn2.bias"} <= names
    assert not any(name.startswith("fc.") for name in names)
    inner = "conv2" if name == "resnet50" else "conv1"
    modules = dict(backbone.named_modules())
    assert all(modules[f"layer{stage}.0.{inner}"].stride == (2, 2) for stage in (2, 3, 4))


@pytest.mark.parametrize("name", BACKBONES)
def test_contract(name):
    backbone = build_backbone(name).eval()
    frames = torch.rand(3, 3, 64, 80)
    with torch.no_grad():
        out = features(backbone, frames)
    assert out.shape == (3, backbone.feature_size)
    assert not torch.allclose(out[0], out[1])
    modules = [module for stage in range(STAGES + 1) for module in backbone.stage_modules(stage)]
    assert sum(len(list(m.parameters())) for m in modules) == len(list(backbone.parameters()))


def test_resnet_features_are_the_spatial_maximum():
    backbone = build_backbone("resnet18").eval()
    x = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        maps = x
        for stage in range(STAGES + 1):
            maps = backbone.run_stage(stage, maps)
        torch.testing.assert_close(features(backbone, x), maps.amax((-2, -1)))


@pytest.mark.parametrize("batch_statistics", [True, False])
@pytest.mark.parametrize(("name", "layer"), [("resnet18", 0), ("resnet18", 3), ("small", 0)])
def test_what_is_computed_again_gives_the_same_gradients_and_statistics(name, layer, batch_statistics):
    torch.manual_seed(0)
    backbone = build_backbone(name)
    backbone.freeze(layer)
    backbone.batch_statistics = batch_statistics
    frames, weights, start = torch.rand(6, 3, 40, 40), torch.rand(6, backbone.feature_size), None
    found = []
    for recompute, chunk_size in ((False, 6), (True, 6), (True, 2)):
        start = start or {k: v.clone() for k, v in backbone.state_dict().items()}
        backbone.load_state_dict(start)
        backbone.recompute = recompute
        backbone.train()
        backbone.zero_grad()
        kept = set()

        def keep(tensor, kept=kept):
            kept.add((tensor.data_ptr(), tensor.nbytes))
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            out = features(backbone, frames, chunk_size)
        (out * weights).sum().backward()
        gradients = [p.grad for p in backbone.parameters() if p.requires_grad]
        state = {k: v.clone() for k, v in backbone.state_dict().items()}
        found.append((out.detach(), gradients, state, sum(size for _, size in kept)))
    assert any(not torch.equal(v, start[k]) for k, v in found[0][2].items()) == batch_statistics
    scale = max(gradient.abs().max() for gradient in found[0][1])
    for out, gradients, state, kept in found[1:]:
        torch.testing.assert_close(out, found[0][0], atol=1e-5, rtol=1e-5)
        for ours, theirs in zip(gradients, found[0][1], strict=True):
            torch.testing.assert_close(ours / scale, theirs / scale, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(state, found[0][2], atol=1e-5, rtol=1e-5)
        assert kept < 0.7 * found[0][3]  # weights are kept in any case


@pytest.mark.parametrize("layer", range(STAGES + 1))
@pytest.mark.parametrize("name", ["small", "resnet18"])
def test_freezing(name, layer):
    backbone = build_backbone(name)
    backbone.freeze(layer)
    backbone.train()
    before = {k: v.clone() for k, v in backbone.state_dict().items()}
    out = features(backbone, torch.rand(4, 3, 64, 64))
    assert out.requires_grad == (layer < STAGES)
    if layer < STAGES:
        out.square().sum().backward()
    for stage in range(STAGES + 1):
        frozen = layer > 0 and stage <= layer
        for module in backbone.stage_modules(stage):
            for m in module.modules():
                if isinstance(m, nn.BatchNorm2d):
                    assert m.training != frozen
            for p in module.parameters():
                assert p.requires_grad != frozen
                assert (p.grad is None) == frozen
    drifted = {k for k, v in backbone.state_dict().items() if not torch.equal(v, before[k])}
    assert bool(drifted) == (layer < STAGES)
    assert all("running" in k or "num_batches" in k for k in drifted)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("layer", [0, 2, 4])
def test_chunks_change_nothing(layer, training):
    frames = torch.rand(10, 3, 48, 48)
    results = []
    for chunk_size in (1, 3, 10, 64):
        torch.manual_seed(0)
        backbone = build_backbone("small")
        backbone.freeze(layer)
        backbone.train(training)
        results.append(features(backbone, frames, chunk_size))
        state = torch.cat([v.flatten().float() for v in backbone.state_dict().values()])
        results[-1] = torch.cat([results[-1].flatten(), state]).detach()
    for other in results[1:]:
        torch.testing.assert_close(results[0], other, atol=1e-5, rtol=1e-5)


def test_wrong_names_and_layers_are_named():
    with pytest.raises(ConfigError, match="Did you mean 'resnet50'"):
        build_backbone("resnet-50")
    with pytest.raises(ConfigError, match=r"layer is 5"):
        build_backbone("small").freeze(5)


def test_small_is_small():
    """Room for thousands of frames/s on one core: under 12 million multiplications for a frame of 96 px."""
    operations = 0

    def count(module, inputs, output):
        nonlocal operations
        operations += output[0].numel() * module.weight[0].numel()

    backbone = build_backbone("small").eval()
    for m in backbone.modules():
        if isinstance(m, nn.Conv2d):
            m.register_forward_hook(count)
    features(backbone, torch.rand(1, 3, 96, 96))
    assert operations < 12e6
