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


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_both_formats_fill_every_weight_and_say_what_is_left_out(tmp_path, state, suffix, caplog):
    backbone = build_backbone("resnet18")
    with caplog.at_level(logging.INFO):
        load_backbone_weights(backbone, save(state, tmp_path / f"r18{suffix}"))
    for name, tensor in backbone.state_dict().items():
        assert torch.equal(tensor, state[name]), name
    assert "fc.weight" in caplog.text
    assert "fc.bias" in caplog.text


def test_old_files_without_counters_load_and_it_is_said(tmp_path, state, caplog):
    old = {name: tensor for name, tensor in state.items() if "num_batches" not in name}
    backbone = build_backbone("resnet18")
    with caplog.at_level(logging.INFO):
        load_backbone_weights(backbone, save(old, tmp_path / "old.pth"))
    assert torch.equal(backbone.conv1.weight, state["conv1.weight"])
    assert "num_batches_tracked" in caplog.text


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


def test_files_that_are_not_weights(tmp_path, state):
    backbone = build_backbone("resnet18")
    with pytest.raises(CheckpointError, match=r"absent\.pth: there is no such file"):
        load_backbone_weights(backbone, tmp_path / "absent.pth")
    for name in ("torn.pth", "torn.safetensors"):
        (tmp_path / name).write_bytes(b"not weights at all")
        with pytest.raises(CheckpointError, match=name):
            load_backbone_weights(backbone, tmp_path / name)
    whole = save(state, tmp_path / "whole.pth").read_bytes()
    (tmp_path / "half.pth").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match="half.pth"):
        load_backbone_weights(backbone, tmp_path / "half.pth")
    for content in ({"epoch": 3, "network": state}, [1, 2], {"fc.weight": torch.zeros(1)}, {}):
        with pytest.raises(CheckpointError, match=r"no weights of this backbone in it \(it holds"):
            load_backbone_weights(backbone, save(content, tmp_path / "other.pth"))


class Payload:
    """Something a pickle could run when it is read."""

    def __reduce__(self):
        return (print, ("executed",))


def test_pickled_code_is_not_run(tmp_path, capsys):
    torch.save({"conv1.weight": Payload()}, tmp_path / "evil.pth")
    with pytest.raises(CheckpointError, match="evil.pth"):
        load_backbone_weights(build_backbone("resnet18"), tmp_path / "evil.pth")
    assert "executed" not in capsys.readouterr().out


def published(state):
    """File name → content, in the layout each project publishes."""
    copy = {name: tensor + 1 for name, tensor in state.items() if tensor.is_floating_point()}
    backbone = {name: tensor for name, tensor in state.items() if not name.startswith("fc.")}

    def under(prefix, weights):
        return {prefix + name: tensor for name, tensor in weights.items()}

    no_counters = {name: t for name, t in backbone.items() if "num_batches" not in name}
    return {
        "BYOL_1000.pth": {
            "model": {**under("module.encoder_k.", copy), **under("module.encoder.", backbone),
                      "module.projector.0.weight": torch.zeros(2)},
            "optimizer": {"state": {}},
        },
        "moco_v2_200ep_pretrain.pth.tar": {
            "epoch": 200, "arch": "resnet50",
            "state_dict": {**under("module.encoder_q.", state), **under("module.encoder_k.", copy),
                           "module.queue": torch.zeros(2)},
        },
        "simclr_imagenet.ckpt": {
            "epoch": 1, "state_dict": {**under("encoder.", no_counters), "projection.model.0.weight": torch.zeros(2)},
        },
        "resnet50-0676ba61.pth": state,
        "dino_resnet50_pretrain.pth": backbone,
        "dino_full.pth": {
            "student": under("module.backbone.", copy), "teacher": {**under("backbone.", backbone),
                                                                     "head.mlp.0.weight": torch.zeros(2)},
        },
    }  # fmt: skip


NAMES = ("BYOL_1000.pth", "moco_v2_200ep_pretrain.pth.tar", "simclr_imagenet.ckpt", "resnet50-0676ba61.pth",
         "dino_resnet50_pretrain.pth", "dino_full.pth")  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_every_published_layout_fills_every_weight(tmp_path, state, name):
    torch.save(published(state)[name], tmp_path / name)
    backbone = build_backbone("resnet18")
    load_backbone_weights(backbone, tmp_path / name)
    for key, tensor in backbone.state_dict().items():
        if "num_batches" not in key:
            assert torch.equal(tensor, state[key]), key


def test_timms_safetensors_are_torchvisions_names(tmp_path, state):
    backbone = build_backbone("resnet18")
    load_backbone_weights(backbone, save(state, tmp_path / "model.safetensors"))
    assert torch.equal(backbone.layer4[1].bn2.weight, state["layer4.1.bn2.weight"])


def test_what_is_left_out_is_said(tmp_path, state, caplog):
    torch.save(published(state)["BYOL_1000.pth"], tmp_path / "b.pth")
    with caplog.at_level(logging.INFO):
        load_backbone_weights(build_backbone("resnet18"), tmp_path / "b.pth")
    assert "module.encoder_k" in caplog.text
    assert "module.projector" in caplog.text


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
