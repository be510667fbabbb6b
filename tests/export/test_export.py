"""Exports: programs that answer as PyTorch does, weights that are read back, a card that says only what is known."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from videosync.checkpoints.checkpoint import Checkpoint, save_checkpoint
from videosync.config.load import config_from_dict, config_to_dict
from videosync.config.schema import Config
from videosync.engine.encoders import load_trained_encoder
from videosync.engine.train import starting_point
from videosync.errors import CheckpointError, ConfigError, VideoSyncError
from videosync.evaluation.metrics import floor_metrics, sync_metrics
from videosync.export import modules as export_modules
from videosync.export.card import model_card
from videosync.export.export import ExportRequest, export
from videosync.export.modules import detector_network, encoder_network, related_matrices
from videosync.models.encoder import Encoder, build_encoder
from videosync.models.exported import load_exported_encoder
from videosync.models.programs import Network, trace, write_onnx, write_torch
from videosync.offset.cnn import CnnDetector
from videosync.offset.methods import DETECTORS, load_detector
from videosync.offset.saving import save_detector
from videosync.types import MatrixPairs

ARCHITECTURES: dict[str, dict[str, Any]] = {
    "motion": {"input": "motion", "temporal_kernel": 5, "positions": "rotary"},
    "stretched": {"positions": "stretched", "fc_layers": 2},
}
MORE: dict[str, dict[str, Any]] = {
    "plain": {"positions": "plain", "temporal_kernel": 3, "layers": 2},
    "set": {"positions": "none", "layers": 0},
    "local": {"positions": "none", "layers": 0, "temporal_kernel": 3, "clip_norm": True, "temporal_layers": 2},
    "resnet18": {"backbone": "resnet18", "positions": "stretched"},
    "resnet50": {"backbone": "resnet50", "input": "motion", "positions": "plain"},
}


def config_of(**model: Any) -> Config:
    small = {"backbone": "small", "layer": 0, "fc_layers": 1, "fc_size": 16, "hidden_size": 16, "layers": 1}
    sizes = {"heads": 2, "ff_size": 32, "embedding_size": 8, "projection_size": 16}
    return config_from_dict(
        {
            "data": {"dataset": "clips", "image_size": 32, "num_frames": 20},
            "model": {**small, **sizes, "random_backbone": True, **model},
            "train": {"seed": 7},
        }
    )


def encoder_of(config: Config) -> Encoder:
    torch.manual_seed(0)
    encoder = build_encoder(config.model, num_frames=config.data.num_frames)
    assert isinstance(encoder, Encoder)
    for module in encoder.modules():  # fresh batch norms change nothing: a forgotten one would go unseen
        if isinstance(module, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
            module.running_mean.uniform_(-0.2, 0.2)
            module.running_var.uniform_(0.7, 1.4)
    return encoder.eval()


def network_of(architecture: str, dtype: torch.dtype) -> Network:
    encoder = encoder_of(config_of(**{**ARCHITECTURES, **MORE}[architecture]))
    return encoder_network(encoder, image_size=32, num_frames=20, dtype=dtype)


def report(encoder_hash: str, *, error: float = 1.0) -> dict[str, Any]:
    true = np.arange(8) - 4.0
    options: dict[str, Any] = {"fps": 25.0, "events": [f"e{n // 2}" for n in range(8)]}
    methods = {"diagonal": sync_metrics(true + error, true, **options).to_json()}
    return {
        "dataset": "clips",
        "split": "val",
        "encoder": {"name": "run/best", "hash": encoder_hash},
        "command": "evaluate.py --logdir run",
        "methods": methods,
        "floor": floor_metrics(true, **options).to_json(),
        "differences": ["data.image_size is 64 but was 32 in training"],
    }


def save(
    logdir: Path, config: Config, name: str = "best", *, step: int, epoch: int = 2, metrics: Any = ()
) -> Checkpoint:
    weights, options = encoder_of(config).state_dict(), config_to_dict(config)
    return save_checkpoint(
        logdir, name, weights=weights, state={}, epoch=epoch, step=step, metrics=dict(metrics), config=options
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The logdir of a run, as training and evaluation leave it."""
    logdir = tmp_path_factory.mktemp("runs") / "encoder"
    config = config_of(**ARCHITECTURES["motion"])
    metrics = {"loss": 2.5, "val/loss": 2.25}
    best = save(logdir, config, epoch=3, step=12, metrics=metrics)
    save(logdir, config, "last", epoch=5, step=20, metrics=metrics)
    data = {"dataset": "clips", "split": "train", "events": 11, "samples": 12, "videos": 24, "hours": 0.5}
    commands = ["train.py --logdir runs/encoder"]
    (logdir / "run.json").write_text(
        json.dumps({"commands": commands, "data": {**data, "held_out_events": 2, "manifest_hash": "ab" * 32}})
    )
    for name, content in (("clips_val", report(best.weights_hash)), ("old", report("other", error=3.0))):
        (logdir / "evaluation" / name).mkdir(parents=True)
        (logdir / "evaluation" / name / "metrics.json").write_text(json.dumps(content))
    return logdir


def sync_set(size: int, lengths: Sequence[int]) -> MatrixPairs:
    forward, backward = np.zeros((2, len(lengths), size, size), dtype=np.float32)
    for n, length in enumerate(lengths):
        ahead, back = related_matrices(1, length, 3, 0.1, n)
        forward[n, :length, :length], backward[n, :length, :length] = ahead[0], back[0]
    events = tuple(f"e{n // 2}" for n in range(len(lengths)))
    offsets = np.arange(len(lengths)) % 7 - 3
    rates = np.full(len(lengths), 25.0)
    return MatrixPairs(forward, backward, np.array(lengths), offsets, events, events, rates, 3)


def fitted(lengths: Sequence[int]) -> CnnDetector:
    detector = CnnDetector(channels=(4, 8), epochs=2, lr=1e-2, device="cpu")
    detector.fit(sync_set(14, lengths))
    return detector


@pytest.mark.parametrize(
    ("architecture", "dtype"),
    [pytest.param("motion", torch.uint8, marks=pytest.mark.slow), ("stretched", torch.float32)],
)
def test_torch_programs_answer_as_pytorch_for_any_length(architecture: str, dtype: torch.dtype, tmp_path: Path) -> None:
    network = network_of(architecture, dtype)
    checked = write_torch(trace(network), network, tmp_path, {"sign": "k"})
    assert checked.difference < 1e-5  # far below what is allowed
    shortest = 6 if architecture == "motion" else 1
    assert network.checked_on == f"clips of {shortest}, {shortest + 11}, 20, 30 frames"
    program = torch.export.load(tmp_path / checked.file).module()
    wrong = [(1, 8, 3, 48, 48), *([(1, 5, 3, 32, 32)] if architecture == "motion" else [])]
    for shape in wrong:
        with pytest.raises((AssertionError, RuntimeError)):
            program(torch.zeros(shape, dtype=dtype))


@pytest.mark.slow
@pytest.mark.parametrize("architecture", [*ARCHITECTURES, *MORE])
def test_every_architecture_answers_as_pytorch_in_every_form(architecture: str, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    for dtype in (torch.uint8, torch.float32):
        network = network_of(architecture, dtype)
        program = trace(network)
        for write in (write_torch, write_onnx):
            assert write(program, network, tmp_path, {}).difference < 1e-5


@pytest.mark.slow
def test_a_detector_program_of_several_lengths_is_exactly_antisymmetric(tmp_path: Path) -> None:
    lengths = [9, 14, 11, 14]
    network = detector_network(fitted(lengths * 3), temperature=0.1)
    write_torch(trace(network), network, tmp_path, {})
    program = torch.export.load(tmp_path / "detector.pt2").module()
    for length in sorted(set(lengths)):
        ahead, back = related_matrices(5, length, 3, 0.1, 99)
        probabilities, offset = program(ahead, back)
        swapped_probabilities, swapped = program(back, ahead)
        assert torch.equal(swapped_probabilities, probabilities.flip(1))
        assert torch.equal(swapped, -offset)
        assert torch.equal(program(ahead, ahead)[1], torch.zeros(5))
        assert probabilities.sum(1).numpy() == pytest.approx(1)


def test_a_program_that_is_off_is_refused_and_leaves_nothing(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_modules.FrameEmbedder, "forward", _wrong)
    with pytest.raises(CheckpointError, match=r"encoder.pt2 differs from PyTorch by .* on 2 x 6 frames"):
        export(run, tmp_path / "out", ["torch"], ExportRequest())
    assert list(tmp_path.iterdir()) == []


def _wrong(embedder: Any, frames: torch.Tensor) -> torch.Tensor:
    x = embedder.encoder.input.whole_clip_channels(frames).mean((-2, -1))  # [B, T, 3]
    return x.repeat(1, 1, 3)[..., :8]


def test_weights_are_read_back_and_serve_as_a_logdir(run: Path, tmp_path: Path) -> None:
    export(run, tmp_path / "out", ["safetensors"], ExportRequest(checkpoint="last"))
    encoder, facts = load_exported_encoder(tmp_path / "out")
    config = config_of(**ARCHITECTURES["motion"])
    config = config_from_dict({**config_to_dict(config), "eval": {"precision": "float32", "checkpoint": "last"}})
    frames = torch.randint(0, 256, (1, 9, 3, 32, 32), dtype=torch.uint8)
    expected = encoder_of(config)(frames)
    torch.testing.assert_close(encoder(frames), expected, atol=0, rtol=0)
    assert facts["checkpoint"]["epoch"] == 5
    loaded = {
        folder: load_trained_encoder(config, workdir=tmp_path, logdir=folder, device="cpu")
        for folder in (run, tmp_path / "out")
    }
    again, identity = loaded[tmp_path / "out"]
    torch.testing.assert_close(again(frames), expected, atol=1e-5, rtol=0)
    assert (identity["name"], identity["hash"]) == ("out (epoch 5)", loaded[run][1]["hash"])
    assert identity["checkpoint"] == {"name": "out", "epoch": 5, "step": 20, "why": "out: epoch 5 of 300"}
    export(tmp_path / "out", tmp_path / "second", ["safetensors"], ExportRequest())  # an export of an export
    assert load_exported_encoder(tmp_path / "second")[1]["training"] == facts["training"]
    with pytest.raises(CheckpointError, match=r"train\.start_from"):
        starting_point(tmp_path / "out", continue_train=True)


def test_damaged_exports_are_named(run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    export(run, folder, ["safetensors"], ExportRequest())
    weights = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(weights[:-4] + b"oops")
    with pytest.raises(CheckpointError, match="does not match the hash"):
        load_exported_encoder(folder)
    (folder / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match="--format safetensors"):
        load_exported_encoder(folder)
    (folder / "model_card.json").write_text('{"format": 1, "kind": "detector"}')
    with pytest.raises(CheckpointError, match="describes a detector"):
        load_exported_encoder(folder)


def test_the_card_says_what_the_run_knows(run: Path, tmp_path: Path) -> None:
    remarks = export(run, tmp_path / "my encoder", ["safetensors"], ExportRequest(command="videosync export x"))
    card = " ".join((tmp_path / "my encoder" / "README.md").read_text().split())
    facts = json.loads((tmp_path / "my encoder" / "model_card.json").read_text())
    for words in (
        "# my encoder", "11 events, 24 videos, 0.5 hours; 2 further events held out", "train.py --logdir runs/encoder",
        "Seed 7.", "On events held out of training, by which `best` is chosen: loss 2.25", "always 0 2.00 ±",
        "Note: data.image_size is 64 but was 32 in training.", "diagonal 1.00 ±", "8 pairs of 4 events",
        "evaluate.py --logdir run", "k > 0` means that video 1 started first", "None was given for these weights",
        "`clips`", "cameras that stand still",
    ):  # fmt: skip
        assert words in card, words
    assert "diagonal 3.00" not in card  # the evaluation of other weights
    assert any("made with other weights" in remark for remark in remarks)
    assert facts["parameters"] == sum(
        p.numel()
        for name, p in encoder_of(config_of(**ARCHITECTURES["motion"])).named_parameters()
        if not name.startswith("projection")
    )
    export(run, tmp_path / "open", ["safetensors"], ExportRequest(licence="CC BY 4.0", name="Clips 1"))
    card = (tmp_path / "open" / "README.md").read_text()
    assert "## Licence\n\nCC BY 4.0\n" in card
    assert card.startswith("# Clips 1\n")


def test_the_card_does_not_claim_what_is_not_known(tmp_path: Path) -> None:
    config = config_of(**ARCHITECTURES["stretched"])
    save(tmp_path / "ours", config, step=4)
    save(tmp_path / "foreign", config, step=0)
    remarks = export(tmp_path / "ours", tmp_path / "a", ["safetensors"], ExportRequest(workdir=tmp_path))
    card = (tmp_path / "a" / "README.md").read_text()
    assert any("clips does not exist" in remark for remark in remarks)
    assert "its events were not counted" in card
    assert "The command was not recorded" in card
    assert "No evaluation was found" in card
    assert "pulls estimated offsets toward 0" in card
    export(tmp_path / "foreign", tmp_path / "b", ["safetensors"], ExportRequest())
    card = (tmp_path / "b" / "README.md").read_text()
    assert "come from other code" in card
    assert "Seed" not in card


def test_the_card_that_comes_with_the_package_says_what_its_facts_are(root: Path) -> None:
    folder = root / "videosync" / "weights" / "crossview"
    facts = json.loads((folder / "model_card.json").read_text(encoding="utf-8"))
    assert (folder / "README.md").read_text(encoding="utf-8") == model_card(facts)


def test_what_stands_in_facts_is_no_part_of_the_template(root: Path) -> None:
    facts = json.loads((root / "videosync/weights/crossview/model_card.json").read_text(encoding="utf-8"))
    facts |= {"name": "$name ${sign} <<licence:x>>", "licence": "", "evaluations": []}
    facts["config"]["model"]["weights"] = "a$b"
    card = model_card(facts)
    assert card.startswith("# $name ${sign} <<licence:x>>\n")
    assert "it began with (`a$b`)" in card
    assert "\n\n\n" not in card


def test_reports_of_other_models_are_refused(run: Path, tmp_path: Path) -> None:
    other = tmp_path / "metrics.json"
    other.write_text(json.dumps(report("other")))
    with pytest.raises(CheckpointError, match="made with other weights"):
        export(run, tmp_path / "out", ["safetensors"], ExportRequest(reports=[other]))
    save_detector(fitted([14] * 12), tmp_path / "ntu/cnn", {"prefix": "ntu"})
    with pytest.raises(CheckpointError, match="no numbers of the detector ntu/cnn"):
        export(tmp_path / "ntu/cnn", tmp_path / "out", ["safetensors"], ExportRequest(reports=[other]))
    other.write_text("{")
    with pytest.raises(CheckpointError, match="damaged"):
        export(run, tmp_path / "out", ["safetensors"], ExportRequest(reports=[other]))
    assert not (tmp_path / "out").exists()


def test_a_detectors_card_has_the_floor_of_its_numbers(tmp_path: Path) -> None:
    numbers = report("-")
    metrics, floor = {"val": numbers["methods"]["diagonal"]}, {"val": numbers["floor"]}
    saved = {"prefix": "ntu", "encoder": "run/best (epoch 3)", "encoder_hash": "f" * 64, "temperature": 0.1}
    facts = {**saved, "train_events": 6, "metrics": metrics, "dataset": "clips"}
    detector = fitted([14] * 12)
    save_detector(detector, tmp_path / "new/cnn", {**facts, "floor": floor, "command": "train_detector"})
    export(tmp_path / "new/cnn", tmp_path / "a", ["safetensors"], ExportRequest())
    card = (tmp_path / "a/README.md").read_text()
    for words in ("always 0 2.00 ±", "ntu/cnn 1.00 ±", "of 6 events", "`clips`", "run/best (epoch 3)"):
        assert words in " ".join(card.split()), words
    save_detector(detector, tmp_path / "old/cnn", facts)
    remarks = export(tmp_path / "old/cnn", tmp_path / "b", ["safetensors"], ExportRequest())
    assert "always answering 0" in remarks[0]
    assert "was not recorded" in (tmp_path / "b/README.md").read_text()
    trained = {"prefix": "ntu", "split": "val", "methods": {"cnn": metrics["val"]}, "floor": floor["val"]}
    (tmp_path / "metrics.json").write_text(json.dumps(trained))
    request = ExportRequest(reports=[tmp_path / "metrics.json"])
    assert export(tmp_path / "old/cnn", tmp_path / "c", ["safetensors"], request) == []
    assert "always 0" in (tmp_path / "c/README.md").read_text()


@pytest.mark.parametrize("method", ["log_reg", "mlp"])
def test_other_detectors_leave_as_safetensors_only(method: str, tmp_path: Path) -> None:
    pairs = sync_set(14, [14] * 12)
    detector = DETECTORS[method](**({"hidden": [8], "epochs": 2} if method == "mlp" else {}))
    detector.fit(pairs)
    save_detector(detector, tmp_path / "ntu" / method, {"prefix": "ntu"})
    with pytest.raises(ConfigError, match="--format safetensors"):
        export(tmp_path / "ntu" / method, tmp_path / "out", ["torch"], ExportRequest())
    export(tmp_path / "ntu" / method, tmp_path / "out", ["safetensors"], ExportRequest())
    again, _ = load_detector(tmp_path / "out")
    expected = detector.probabilities(pairs.forward, pairs.backward)
    np.testing.assert_array_equal(again.probabilities(pairs.forward, pairs.backward), expected)


def test_wrong_sources_and_targets_are_said_in_a_sentence(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "detectors").mkdir()
    save_detector(fitted([14] * 12), tmp_path / "detectors/ntu/cnn", {})
    for source, target, sentence in (
        (run, "there", "there already"),
        (run.with_name("encode"), "out", "Did you mean .*encoder"),
        (tmp_path / "there", "out", "neither a training run"),
        (tmp_path / "detectors/ntu", "out", "name one of them, as in .*ntu/cnn"),
    ):
        with pytest.raises(VideoSyncError, match=sentence):
            export(source, tmp_path / target, ["safetensors"], ExportRequest())
    with pytest.raises(CheckpointError, match="there are best, last"):
        export(run, tmp_path / "out", ["safetensors"], ExportRequest(checkpoint="lats"))
    monkeypatch.setattr("videosync.export.export.ONNX_PACKAGES", ("onnx", "no_such_runtime"))
    with pytest.raises(ConfigError, match=r"no_such_runtime.*pip install 'videosync\[onnx\]'"):
        export(run, tmp_path / "out", ["onnx"], ExportRequest())
    assert not (tmp_path / "out").exists()
