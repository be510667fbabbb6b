"""A toy loss, backbone, detector, predictor, cue and dataset, made from outside by the steps of CONTRIBUTING.md alone:
one file, which is this one, and one line in a dict. Each goes through the command that a user would type.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import Tensor, nn

from tests.cli.noise_clips import write_noise_clips
from tests.cli.test_detector_commands import store_both
from videosync.cli import eval_detector, train, train_detector
from videosync.cli.main import main as videosync
from videosync.config.load import load_config
from videosync.cues.cue import Cue, Part, Signals
from videosync.cues.named import CUES
from videosync.errors import ConfigError
from videosync.lags.correlation import correlation_scores
from videosync.losses.named import LOSSES
from videosync.losses.objective import Objective
from videosync.models.options import BACKBONES
from videosync.models.staged import StagedBackbone
from videosync.offset.cell_detector import CellDetector, Examples
from videosync.offset.detector import DetectorOptions, Report
from videosync.offset.methods import DETECTORS, PREDICTORS, load_detector
from videosync.option import option
from videosync.types import ClipBatch
from videosync.video.write import write_video

TINY = [
    "data.dataset=toys", "data.image_size=16", "data.num_frames=8", "data.num_workers=0", "augment.enabled=false",
    "pairs.num_frames=12", "pairs.max_offset=2", "model.backbone=small", "model.layer=0", "model.fc_layers=0",
    "model.hidden_size=8", "model.layers=1", "model.heads=2", "model.ff_size=8", "model.embedding_size=4",
    "train.epochs=1", "train.holdout=0.3", "log.every=1",
]  # fmt: skip


@dataclass(frozen=True)
class ToyLoss(Objective):
    """The mean distance of the views' embeddings, above a margin."""

    toy_margin: float = option(0.0, "distance that costs nothing", "[0, inf)")

    def __call__(self, output: Tensor, batch: ClipBatch) -> Tensor:
        apart = (output[:, 0] - output[:, 1]).square().sum(-1)
        return (apart - self.toy_margin).clamp(min=0).mean()


class ToyBackbone(StagedBackbone):
    """A pixel's colour through one weight a stage."""

    feature_size = 3

    def __init__(self) -> None:
        super().__init__()
        self.stages = nn.ModuleList(nn.Conv2d(3, 3, 1) for _ in range(5))

    def stage_modules(self, stage: int) -> tuple[nn.Module, ...]:
        return (self.stages[stage],)

    def run_stage(self, stage: int, x: Tensor) -> Tensor:
        return self.stages[stage](x)

    def pool(self, x: Tensor) -> Tensor:
        return x.amax((-2, -1))


@dataclass(frozen=True)
class ToyDetectorOptions(DetectorOptions):
    shift: int = option(0, "added to the logits' place", "[0, 5]")


class ToyDetector(CellDetector):
    """Logits that say the same of every matrix: how often each offset was trained on."""

    method = "toy"
    Options = ToyDetectorOptions

    def _fit(self, train: Examples, held: Examples, on_epoch: Callable[[Report], None]) -> dict[str, Any]:
        counts = np.bincount(train.labels, minlength=2 * self.max_offset + 1)
        self._often = np.roll(counts, self.options.shift).astype(np.float32)
        return {"examples": len(train.labels)}

    def _logits(self, inputs: np.ndarray) -> np.ndarray:
        return np.repeat(self._often[None], len(inputs), axis=0)

    def _model_arrays(self) -> dict[str, np.ndarray]:
        return {"often": self._often}

    def _load_model(self, arrays: Mapping[str, np.ndarray]) -> None:
        self._often = arrays["often"]


def toy_predictor(forward: np.ndarray, backward: np.ndarray, max_offset: int) -> np.ndarray:
    """Always 0."""
    return np.zeros(len(forward))


def toy_curve(clip0: Signals, clip1: Signals, lags: np.ndarray) -> np.ndarray:
    return correlation_scores(clip0["energy"], clip1["energy"], lags)


@pytest.fixture(autouse=True)
def _one_line_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LOSSES, "toy", ToyLoss)
    monkeypatch.setitem(BACKBONES, "toy", f"{__name__}:ToyBackbone")
    monkeypatch.setitem(DETECTORS, "toy", ToyDetector)
    monkeypatch.setitem(PREDICTORS, "zero", toy_predictor)
    monkeypatch.setitem(CUES, "toy", Cue((Part(("energy",), toy_curve),)))


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of another kind needs no code: clips, and a manifest that names them."""
    workdir = tmp_path_factory.mktemp("workdir")
    write_noise_clips(workdir / "toys", train=4, val=1)
    return workdir


def run_training(workdir: Path, logdir: Path, *opts: str) -> int:
    return train.main(["--workdir", str(workdir), "--logdir", str(logdir), "--opts", *TINY, *opts])


def steps(logdir: Path) -> list[dict[str, Any]]:
    records = [json.loads(line) for line in (logdir / "metrics.jsonl").read_text().splitlines()]
    return [record for record in records if "loss" in record]


def test_a_loss_is_trained_with_and_owns_its_options(dataset: Path, tmp_path: Path) -> None:
    assert run_training(dataset, tmp_path / "plain", "loss.name=toy") == 0
    assert run_training(dataset, tmp_path / "wide", "loss.name=toy", "loss.toy_margin=9") == 0
    assert all(step["loss"] > 0 for step in steps(tmp_path / "plain"))
    assert all(step["loss"] == 0 for step in steps(tmp_path / "wide"))
    assert load_config(tmp_path / "wide" / "config.yaml").loss.toy_margin == 9  # type: ignore[attr-defined]


def test_a_backbone_is_trained(dataset: Path, tmp_path: Path) -> None:
    assert run_training(dataset, tmp_path, "model.backbone=toy", "model.layer=2", "model.random_backbone=true") == 0
    assert np.isfinite([step["loss"] for step in steps(tmp_path)]).all()


def test_a_detector_and_a_predictor_are_trained_and_evaluated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store_both(tmp_path / "similarity_sets", "ntu")
    monkeypatch.chdir(tmp_path)
    quick = ["--opts", "eval.bootstrap=100"]
    own = "detector.toy_shift=1"
    assert train_detector.main(["--prefix", "ntu", "--sync_methods", "toy", *quick, own]) == 0
    detector, facts = load_detector(tmp_path / "detectors/ntu/toy")
    assert detector.options == ToyDetectorOptions(shift=1)
    assert facts["options"]["shift"] == 1
    names = ["--models", "toy", "zero", *quick]
    assert eval_detector.main(["--model_prefix", "ntu", "--data_prefix", "ntu", *names]) == 0
    report = json.loads((tmp_path / "runs/detectors/ntu_on_ntu/metrics.json").read_text())
    assert list(report["methods"]) == ["toy", "zero"]
    assert report["methods"]["zero"]["mae_frames"] == report["floor"]["mae_frames"]


def test_a_cue_synchronises_files(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frames = np.full((230, 64, 64, 3), 40, dtype=np.uint8)
    for frame, reach in zip(frames, rng.integers(4, 40, len(frames))):
        frame[20 : 20 + reach, 10 : 10 + reach] = 200
    files = [str(tmp_path / f"cam{camera}.mp4") for camera in range(2)]
    for file, start in zip(files, (17, 0)):
        write_video(file, frames[start : start + 200], 30.0, preset="ultrafast")
    assert videosync(["sync", *files, "--cue", "toy", "--json", str(tmp_path / "answer.json")]) == 0
    answer = json.loads((tmp_path / "answer.json").read_text())
    assert answer["cue"] == "toy"
    assert answer["pairs"][0]["offset_frames"] == pytest.approx(17, abs=0.5)


@pytest.mark.parametrize("command", [train_detector.main, eval_detector.main])
def test_help_and_explanation_name_them(
    command: Callable[[list[str]], int], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        command(["--help"])
    assert "equivariant, toy" in " ".join(capsys.readouterr().out.split())
    assert videosync(["config", "--explain"]) == 0
    assert videosync(["config", "--markdown"]) == 0
    shown = capsys.readouterr().out
    for line in (
        r"\| `loss.toy_margin` \| `0.0` \| a number in \[0, inf\) \| toy: distance that costs nothing \|",
        r"name: scl .*\(scl \| tcc \| tcn \| classification \| crisscross \| toy\)",
        r"backbone: resnet50 .*\| toy\)",
        r"toy_margin: 0.0 +# toy: distance that costs nothing",
        r"toy_shift: 0 +# added to the logits' place",
    ):
        assert re.search(line, shown), line


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("loss.toy_margin=-1", "loss.toy_margin is -1.0; expected 0 or more"),
        ("loss.toy_margin=1", "the option is read only when loss.name is 'toy'"),
        ("detector.toy_shift=6", "detector.toy_shift is 6; expected 0 … 5"),
        ("model.backbone=toyy", "Did you mean 'toy'"),
    ],
)
def test_their_options_are_checked(override: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        load_config(None, [override])


def test_two_losses_may_not_mean_different_things_by_one_option(monkeypatch: pytest.MonkeyPatch) -> None:
    @dataclass(frozen=True)
    class Other(ToyLoss):
        temperature: float = option(5.0, "another one", "(0, inf)")

    monkeypatch.setitem(LOSSES, "other", Other)
    with pytest.raises(TypeError, match="temperature of other is not that of scl; give it another name"):
        load_config()
