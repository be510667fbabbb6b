"""``videosync convert-config``, and old configurations through the commands that people type."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
import yaml

from tests.cli.noise_clips import write_noise_clips
from tests.config.carl.carl_files import PUBLISHED, published
from videosync.checkpoints.checkpoint import find_checkpoint
from videosync.cli.common import command_parser
from videosync.cli.convert_config import main
from videosync.cli.evaluate import main as evaluate
from videosync.cli.train import main as train
from videosync.config.carl.table import legacy_table
from videosync.config.load import load_config
from videosync.config.options import options

TINY = """
DATASETS: [clips]
PATH_TO_DATASET: clips
IMAGE_SIZE: 32
NUM_GPUS: 8
USE_AMP: false
DATA: {NUM_WORKERS: 0, SAMPLING_REGION: 1.5, CONSISTENT_OFFSET: 1.0}
EVAL: {TASKS: [sync_offset, kendalls_tau], VAL_INTERVAL: 1, KENDALLS_TAU_STRIDE: 2}
LOGGING: {REPORT_INTERVAL: 1}
MODEL:
  BASE_MODEL: {LAYER: 3, NETWORK: Resnet50_byol, FRAMES_PER_BATCH: 40}
  EMBEDDER_MODEL:
    CAPACITY_SCALAR: 2
    D_FF: 32
    EMBEDDING_SIZE: 8
    FC_LAYERS:
    - &layer
      - 8
      - true
    - *layer
    HIDDEN_SIZE: 16
    NUM_HEADS: 2
    NUM_LAYERS: 1
  PROJECTION_SIZE: 12
OPTIMIZER: {LR: {DECAY_TYPE: cosine, INITIAL_LR: 0.001}}
TRAIN: {BATCH_SIZE: 1, MAX_EPOCHS: 2, NUM_FRAMES: 8}
"""
SMALL = ["model.backbone=small", "model.layer=0", "model.weights=", "eval.pictures=0", "pairs.max_offset=3"]


@pytest.fixture(scope="module")
def workdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of noise: 4 train events and 2 val events of two views, 20 frames of 32 x 32; an old config."""
    folder = tmp_path_factory.mktemp("workdir")
    write_noise_clips(folder / "clips", train=4, val=2, apart=2)
    (folder / "old.yml").write_text(TINY)
    return folder


def test_an_old_configuration_trains_and_evaluates(
    workdir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--workdir", str(workdir), "--cfg_file", str(workdir / "old.yml")]
    flags += ["--logdir", str(tmp_path / "run")]
    opts = ["--opts", "TRAIN.BATCH_SIZE", "2", *SMALL]
    assert train([*flags, *opts]) == 0
    notes = [line for line in capsys.readouterr().err.splitlines() if line.startswith("note: ")]
    assert notes[0].endswith("old.yml has the keys of other code; 'videosync convert-config' writes it with ours")
    assert "note: no effect: NUM_GPUS (the launcher decides)" in notes
    assert any("train.batch_size 2 of 1 process" in note for note in notes)
    assert len(set(notes)) == len(notes)
    checkpoint = find_checkpoint(tmp_path / "run", "last")
    assert (checkpoint.epoch, checkpoint.step) == (2, 4)  # 4 events, 2 a step: nothing is held out
    assert checkpoint.weights()["embedder.fc_layers.1.weight"].shape[0] == 16
    assert checkpoint.weights()["projection.net.0.weight"].shape == (12, 8)

    assert evaluate([*flags, *opts]) == 0
    report = json.loads((tmp_path / "run" / "evaluation" / "clips_val" / "metrics.json").read_text())
    assert report["config"]["eval"]["tau_stride"] == 2
    assert {"table", "phases"} <= report.keys()

    converted = tmp_path / "ours.yml"
    assert main([str(workdir / "old.yml"), str(converted), "--opts", "TRAIN.BATCH_SIZE", "2", *SMALL]) == 0
    saved = load_config(tmp_path / "run" / "config.yaml")
    assert load_config(converted) == saved


def test_two_processes_take_a_batch_each_and_one_of_them_speaks(
    workdir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    said = []
    for rank in ("0", "1"):
        monkeypatch.setenv("RANK", rank)
        with pytest.raises(SystemExit, match="0"):
            train(["--cfg_file", str(workdir / "old.yml"), "--print-config", "--opts", *SMALL])
        said.append(capsys.readouterr())
    assert yaml.safe_load(said[0].out)["train"]["batch_size"] == 2
    assert "train.batch_size 2 of 2 processes" in said[0].err
    assert said[1] == ("", "")


@pytest.mark.parametrize("name", PUBLISHED)
def test_what_is_written_loads_to_the_same_configuration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    old, new = tmp_path / "old.yml", tmp_path / "out" / "new.yml"
    old.write_text(published(name))
    assert main([str(old), str(new), "--processes", "2"]) == 0
    assert f"{old} → {new}: " in capsys.readouterr().out
    config = load_config(old, world_size=2)
    assert load_config(new) == config
    text = new.read_text()
    assert "# - no effect: NUM_GPUS, SHARD_ID (the launcher decides)" in text
    written = yaml.safe_load(text)
    assert written["train"]["epochs" if config.train.epochs != 300 else "seed"]
    same = [
        f"{section}.{option}"
        for section, group in written.items()
        for option, value in group.items()
        if options()[f"{section}.{option}"].default == value
    ]
    assert not same
    words = shlex.split(text.splitlines()[0].removeprefix("# "))
    assert words[:2] == ["python", "train.py"]
    assert command_parser("").parse_args(words[2:]).cfg_file == new


def test_the_target_has_a_name_of_its_own_and_nothing_is_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = tmp_path / "old.yml"
    old.write_text(published("ntu"))
    assert main([str(old)]) == 0
    assert load_config(tmp_path / "old_converted.yml") == load_config(old)
    capsys.readouterr()
    assert main([str(old)]) == 2
    assert capsys.readouterr().err.endswith("old_converted.yml: there already; choose another name.\n")
    assert main([str(old), "-", "--opts", "TRAIN.MAX_EPOCHS", "7", "model.weights", "mine.pth"]) == 0
    printed = yaml.safe_load(capsys.readouterr().out)
    assert (printed["train"]["epochs"], printed["model"]["weights"]) == (7, "mine.pth")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["old.yml", "old_converted.yml"]


@pytest.mark.parametrize(
    ("text", "arguments", "expected"),
    [
        ("optim: {lr: 3}", ["x.yml"], "has no upper-case keys; it is one of ours already"),
        ("", ["x.yml"], "has no upper-case keys"),
        ("SSL: true", [], "which file? Give its name, or --table."),
        ("SSL: true", ["x.yml", "--processes", "0"], "--processes: 0: must be 1 or more"),
        ("SSL: true", ["x.yml", "x.yml/new.yml"], "is a file; give a folder"),
    ],
)
def test_wrong_input_is_one_sentence_and_writes_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    text: str,
    arguments: list[str],
    expected: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("x.yml").write_text(text)
    try:
        code = main(arguments)
    except SystemExit as stop:
        code = int(stop.code or 0)
    (said,) = capsys.readouterr().err.strip().splitlines()
    assert (code, said.startswith("error: "), expected in said) == (2, True, True), said
    assert [path.name for path in tmp_path.iterdir()] == ["x.yml"]


def test_the_table_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--table"]) == 0
    assert capsys.readouterr().out == legacy_table() + "\n"
