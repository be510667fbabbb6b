"""Exports of a CrissCross run: both backbones as weights and programs, and a card that says what they are."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from videosync.checkpoints.checkpoint import save_checkpoint
from videosync.checkpoints.crisscross import load_backbone
from videosync.config.load import config_from_dict, config_to_dict
from videosync.errors import CheckpointError
from videosync.export.export import ExportRequest, export
from videosync.models.audio_resnet import AudioBackbone
from videosync.models.crisscross import CrissCrossModel
from videosync.models.inputs import RGBInput
from videosync.models.r2plus1d import VideoBackbone

CONFIG = config_from_dict(
    {
        "data": {"dataset": "kinetics", "image_size": 32, "num_frames": 8},
        "model": {"name": "crisscross"},
        "loss": {"name": "crisscross"},
        "crisscross": {"width": 4, "projection_size": 16, "prediction_size": 8, "normalise_clip": True},
    }
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    logdir = tmp_path_factory.mktemp("runs") / "pretraining"
    torch.manual_seed(0)
    model = CrissCrossModel(CONFIG.crisscross)
    model(torch.randn(4, 2, 3, 8, 32, 32), torch.randn(4, 2, 1, 80, 51))  # batch norms that do something
    facts = {
        "state": {},
        "epoch": 3,
        "step": 30,
        "metrics": {"loss": -0.5, "val/loss": -0.4},
        "config": config_to_dict(CONFIG),
    }
    save_checkpoint(logdir, "best", weights=model.state_dict(), **facts)
    return logdir


def test_both_backbones_leave_under_their_published_names(run: Path, tmp_path: Path) -> None:
    export(run, tmp_path / "out", ["safetensors"], ExportRequest(name="Two streams"))
    trained = load_file(run / "checkpoints/best/model.safetensors")
    for kind, backbone in (("video", VideoBackbone(width=4)), ("audio", AudioBackbone(width=4))):
        path = tmp_path / "out" / f"{kind}.safetensors"
        load_backbone(backbone, path)  # complete, as a training starts from it
        load_backbone(backbone, tmp_path / "out")
        for name, tensor in load_file(path).items():
            assert torch.equal(tensor, trained[f"{kind}.{name}"]), name
    card = (tmp_path / "out" / "README.md").read_text()
    assert card.startswith("# Two streams\n\nTwo backbones that learned together")
    assert "VideoBackbone(width=4, normalise_clip=True)" in card
    assert "without its mean over time" in card
    assert "Loss: `crisscross`. All weights were random at first." in card
    assert "On events held out of training: loss -0.4." in card
    assert not [word for word in ("offset", "similarity", "${", "<<", "onnx") if word in card]
    facts = json.loads((tmp_path / "out" / "model_card.json").read_text())
    assert facts["kind"] == "two_streams"
    assert facts["parameters"] == sum(
        p.numel() for backbone in (VideoBackbone(width=4), AudioBackbone(width=4)) for p in backbone.parameters()
    )
    with pytest.raises(CheckpointError, match="describes the two backbones of a CrissCross run, expected an encoder"):
        export(tmp_path / "out", tmp_path / "again", ["safetensors"], ExportRequest())


def test_the_card_holds_what_was_recognised(run: Path, tmp_path: Path) -> None:
    weights = json.loads((run / "checkpoints/best/checkpoint.json").read_text())["weights_hash"]
    found = {"tasks": {"probe": {"n": 9}}, "folds": {"probe": [{"files": ["a.mp4"]}]}, "table": "probe: 61.1 %"}
    report = {"dataset": "ucf101", "split": "test", "recognition": found, "network": {"hash": weights}}
    (tmp_path / "metrics.json").write_text(json.dumps(report))
    export(run, tmp_path / "out", ["safetensors"], ExportRequest(reports=[tmp_path / "metrics.json"]))
    card = (tmp_path / "out" / "README.md").read_text()
    assert "On `ucf101`, split `test`:\n\n```\nprobe: 61.1 %\n```" in card
    assert "Errors are of offsets" not in card
    (evaluation,) = json.loads((tmp_path / "out" / "model_card.json").read_text())["evaluations"]
    assert evaluation["recognition"] == found["tasks"]
    (tmp_path / "metrics.json").write_text(json.dumps({**report, "network": {"hash": "of others"}}))
    with pytest.raises(CheckpointError, match="made with other weights"):
        export(run, tmp_path / "again", ["safetensors"], ExportRequest(reports=[tmp_path / "metrics.json"]))


@pytest.mark.slow
def test_the_usage_in_the_card_runs(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    export(run, tmp_path / "this_folder", ["safetensors", "torch"], ExportRequest())
    card = (tmp_path / "this_folder" / "README.md").read_text()
    blocks = [block.split("```")[0] for block in card.split("```python\n")[1:]]
    monkeypatch.chdir(tmp_path)
    frames = torch.randint(0, 256, (2, 8, 3, 32, 32), dtype=torch.uint8)
    pictures = RGBInput().normalise(frames).transpose(1, 2)
    mel = torch.randn(2, 1, 80, 201)
    first: dict[str, torch.Tensor] = {"frames": pictures, "mel": mel}
    exec(blocks[0], first)
    assert first["features"].shape == (2, 32)
    second: dict[str, torch.Tensor] = {"frames": frames}
    exec(blocks[1], second)
    torch.testing.assert_close(second["features"], first["video"](pictures), rtol=1e-4, atol=1e-5)  # type: ignore[operator]


@pytest.mark.slow
def test_onnx_programs_take_clips_of_any_length(run: Path, tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    export(run, tmp_path / "out", ["onnx"], ExportRequest(frames=["uint8", "float"]))
    random = np.random.default_rng(0)
    frames = random.integers(0, 256, (3, 11, 3, 32, 32), dtype=np.uint8)
    found = {
        name: onnxruntime.InferenceSession(tmp_path / "out" / f"{name}.onnx").run(None, {port: values})[0]
        for name, port, values in (
            ("video", "frames", frames),
            ("video_float", "frames", frames.astype(np.float32) / 255),
            ("audio", "mel", random.standard_normal((3, 1, 80, 77), dtype=np.float32)),
        )
    }
    assert {features.shape for features in found.values()} == {(3, 32)}
    np.testing.assert_allclose(found["video_float"], found["video"], rtol=1e-3, atol=1e-4)
