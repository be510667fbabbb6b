import logging

import pytest
import torch
from safetensors.torch import save_file

from videosync.errors import CheckpointError
from videosync.models.backbones import build_backbone
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
    with pytest.raises(CheckpointError, match=r"absent\.pth do not exist"):
        load_backbone_weights(backbone, tmp_path / "absent.pth")
    with pytest.raises(CheckpointError, match=r"expected a \.safetensors"):
        load_backbone_weights(backbone, save(state, tmp_path / "weights.bin"))
    for name in ("torn.pth", "torn.safetensors"):
        (tmp_path / name).write_bytes(b"not weights at all")
        with pytest.raises(CheckpointError, match=name):
            load_backbone_weights(backbone, tmp_path / name)
    with pytest.raises(CheckpointError, match="state dict"):
        load_backbone_weights(backbone, save({"epoch": 3, "model": state}, tmp_path / "nested.pth"))


class Payload:
    """Something a pickle could run when it is read."""

    def __reduce__(self):
        return (print, ("executed",))


def test_pickled_code_is_not_run(tmp_path, capsys):
    torch.save({"conv1.weight": Payload()}, tmp_path / "evil.pth")
    with pytest.raises(CheckpointError, match="evil.pth"):
        load_backbone_weights(build_backbone("resnet18"), tmp_path / "evil.pth")
    assert "executed" not in capsys.readouterr().out
