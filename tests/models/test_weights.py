"""Backbone weights: every published layout fills every weight, and what does not fit is said in one message."""

import logging
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from videosync.errors import CheckpointError
from videosync.models.backbones import build_backbone
from videosync.models.pretrained import PRETRAINED, find_weights
from videosync.models.weights import load_backbone_weights


@pytest.fixture(scope="module")
def state():
    """What a torchvision ResNet-18 file holds: the backbone and a classifier."""
    torch.manual_seed(7)
    weights = {name: tensor.clone() for name, tensor in build_backbone("resnet18").state_dict().items()}
    return {**weights, "fc.weight": torch.zeros(10, 512), "fc.bias": torch.zeros(10)}


def save(state, path):
    if path.suffix == ".safetensors":
        save_file(state, path)
    else:
        torch.save(state, path)
    return path


def test_everything_that_does_not_fit_is_in_one_message(tmp_path, state):
    wrong = dict(state)
    del wrong["layer3.0.conv1.weight"]
    wrong["layer9.weight"] = torch.zeros(1)
    wrong["conv1.weight"] = torch.zeros(64, 1, 7, 7)
    backbone = build_backbone("resnet18")
    before = backbone.bn1.weight.clone()
    with pytest.raises(CheckpointError) as error:
        load_backbone_weights(backbone, save(wrong, tmp_path / "wrong.pth"))
    message = str(error.value)
    for part in ("wrong.pth", "missing: layer3.0.conv1.weight", "unexpected: layer9.weight",
                 "conv1.weight [64, 1, 7, 7] instead of [64, 3, 7, 7]"):  # fmt: skip
        assert part in message
    assert "\n" not in message
    assert torch.equal(before, backbone.bn1.weight)


def test_weights_of_another_backbone_are_refused_briefly(tmp_path, state):
    with pytest.raises(CheckpointError, match="and .* more") as error:
        load_backbone_weights(build_backbone("resnet50"), save(state, tmp_path / "r18.pth"))
    assert len(str(error.value)) < 1500


@pytest.mark.parametrize("content", [{"epoch": 3, "network": {}}, [1, 2], {"fc.weight": torch.zeros(1)}, {}])
def test_files_without_weights_of_a_backbone(tmp_path, content):
    with pytest.raises(CheckpointError, match=r"no weights of this backbone in it \(it holds"):
        load_backbone_weights(build_backbone("small"), save(content, tmp_path / "other.pth"))


def test_safetensors_that_are_torn_or_absent(tmp_path):
    with pytest.raises(CheckpointError, match=r"absent\.safetensors: there is no such file"):
        load_backbone_weights(build_backbone("small"), tmp_path / "absent.safetensors")
    (tmp_path / "torn.safetensors").write_bytes(b"not weights at all")
    with pytest.raises(CheckpointError, match=r"torn\.safetensors: not a complete"):
        load_backbone_weights(build_backbone("small"), tmp_path / "torn.safetensors")


def under(prefix, weights):
    return {prefix + name: tensor for name, tensor in weights.items()}


def published(state):
    """File name → content in the layout each project publishes, and a part of it that is left out."""
    copy = {name: tensor + 1 for name, tensor in state.items() if tensor.is_floating_point()}
    backbone = {name: tensor for name, tensor in state.items() if not name.startswith("fc.")}
    no_counters = {name: t for name, t in backbone.items() if "num_batches" not in name}
    byol = under("module.encoder_k.", copy) | under("module.encoder.", backbone)
    moco = under("module.encoder_q.", state) | under("module.encoder_k.", copy)
    some = torch.zeros(2)
    return {
        "BYOL_1000.pth": ({"model": {**byol, "module.projector.0.weight": some}, "optimizer": {}}, "module.encoder_k"),
        "moco_v2.pth.tar": ({"epoch": 200, "state_dict": {**moco, "module.queue": some}}, "module.queue"),
        "simclr.ckpt": ({"state_dict": {**under("encoder.", no_counters), "projection.model.0.weight": some}},
                        "num_batches_tracked"),
        "resnet50-0676ba61.pth": (state, "fc.weight"),
        "model.safetensors": (state, "fc.bias"),  # timm's
        "dino_resnet50_pretrain.pth": (backbone, ""),
        "dino_full.pth": ({"student": under("module.backbone.", copy),
                           "teacher": {**under("backbone.", backbone), "head.mlp.0.weight": some}}, "head.mlp"),
    }  # fmt: skip


@pytest.mark.parametrize("name", published({}))
def test_every_published_layout_fills_every_weight_and_what_is_left_out_is_said(tmp_path, state, name, caplog):
    content, left_out = published(state)[name]
    backbone = build_backbone("resnet18")
    with caplog.at_level(logging.INFO):
        load_backbone_weights(backbone, save(content, tmp_path / name))
    for key, tensor in backbone.state_dict().items():
        if "num_batches" not in key:
            assert torch.equal(tensor, state[key]), key
    assert left_out in caplog.text


def test_weights_are_found_by_name_by_file_and_by_path(tmp_path):
    folder = tmp_path / "pretrained_models"
    folder.mkdir()
    (folder / "BYOL_1000.pth").touch()
    (tmp_path / "own.pth").touch()
    assert find_weights("byol", tmp_path) == folder / "BYOL_1000.pth"
    assert find_weights("BYOL_1000.pth", tmp_path) == folder / "BYOL_1000.pth"
    assert find_weights("pretrained_models/BYOL_1000.pth", tmp_path) == folder / "BYOL_1000.pth"
    assert find_weights("own.pth", tmp_path) == tmp_path / "own.pth"
    assert find_weights(str(tmp_path / "own.pth"), Path("/elsewhere")) == tmp_path / "own.pth"


@pytest.mark.parametrize("name", [*PRETRAINED, "resnet50-0676ba61.pth", "mine.pth"])
def test_missing_weights_say_which_where_from_and_how_to_do_without(tmp_path, name):
    with pytest.raises(CheckpointError) as error:
        find_weights(name, tmp_path)
    message = str(error.value)
    assert str(tmp_path) in message
    assert "layer=0" in message
    if name in PRETRAINED:
        assert PRETRAINED[name].origin in message
    elif name == "mine.pth":
        assert "byol, mocov2" in message
    else:
        assert "download.pytorch.org" in message
