"""How what an encoder is shown differs from its training, and which options decide a result."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from videosync.checkpoints.checkpoint import save_checkpoint
from videosync.config.load import config_to_dict, load_config
from videosync.engine.identity import options_of, run_differences
from videosync.errors import CheckpointError

TRAINED = ["data.image_size=32", "data.num_frames=80", "model.embedding_size=8"]


@pytest.fixture
def logdir(tmp_path: Path) -> Path:
    """A run that was trained with TRAINED on videos of 25 and 30 frames/s; its weights are never read."""
    config = config_to_dict(load_config(None, TRAINED))
    save_checkpoint(tmp_path / "run", "best", weights={}, state={}, epoch=1, step=1, metrics={}, config=config)
    (tmp_path / "run" / "run.json").write_text(json.dumps({"data": {"frame_rates": [25.0, 29.97]}}))
    return tmp_path / "run"


@pytest.mark.parametrize(
    ("changes", "rates", "lengths", "options", "said"),
    [
        ([], {25.0, 30.0}, {80}, {}, []),
        (["data.image_size=64"], {25.0}, {80}, {"data.image_size": 64}, ["data.image_size is 64 but was 32"]),
        (["data.num_frames=240"], {25.0}, {240}, {"data.num_frames": 240},
         ["data.num_frames is 240 but was 80 in training: positions run over 0 … 239"]),
        ([], {25.0}, {60, 70, 80}, {}, ["windows have 60 … 70 frames: positions are stretched over the 80"]),
        ([], {60.0, 50.0, 25.0}, {80}, {}, ["videos have 50 … 60 frames/s, those it was trained on 25 … 29.97"]),
        (["model.positions=none", "data.num_frames=240"], {25.0}, {240}, {}, []),
        (["model.name=noise", "data.image_size=64"], {99.0}, {5}, {}, []),
    ],
)  # fmt: skip
def test_differences_to_the_run_are_named(
    logdir: Path, changes: list[str], rates: set[float], lengths: set[int], options: dict[str, Any], said: list[str]
) -> None:
    config = load_config(None, [*TRAINED, *changes])
    found, sentences = run_differences(config, logdir, rates=rates, lengths=lengths)
    assert found == options
    assert len(sentences) == len(said)
    assert all(part in sentence for part, sentence in zip(said, sentences))


def test_a_run_that_did_not_record_its_rates_says_nothing_of_them(logdir: Path) -> None:
    (logdir / "run.json").unlink()
    assert run_differences(load_config(None, TRAINED), logdir, rates={99.0}, lengths={80}) == ({}, [])


def test_a_damaged_description_of_a_run_is_named(logdir: Path) -> None:
    [path] = [path for path in (logdir / "checkpoints").rglob("*.json") if "config" in json.loads(path.read_text())]
    said = json.loads(path.read_text())
    said["config"]["data"] = 3
    path.write_text(json.dumps(said))
    with pytest.raises(CheckpointError, match="its description is damaged .data is no group"):
        run_differences(load_config(None, TRAINED), logdir, rates=set(), lengths=set())


@pytest.mark.parametrize(
    ("changed", "counts"),
    [
        ("model.chunk_size=3", False), ("data.num_workers=9", False), ("log.every=7", False), ("optim.lr=1.0", False),
        ("eval.bootstrap=9", False), ("model.positions=none", True), ("data.num_frames=9", True),
        ("data.image_size=99", True), ("similarity.temperature=9", True),
    ],
)  # fmt: skip
def test_options_that_change_no_number_are_left_out(changed: str, counts: bool) -> None:
    base, now = (options_of(load_config(None, opts), "similarity") for opts in ([], [changed]))
    assert (now != base) == counts
