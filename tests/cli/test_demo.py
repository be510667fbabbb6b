"""The demo's commands and its last words."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.test_research_page import parsed
from videosync.cli.demo import FULL, SHORT, DemoSize, demo_commands
from videosync.cli.demo_report import summary_table, true_offset
from videosync.cli.steps import as_typed
from videosync.data.manifest import write_manifest
from videosync.data.samples import Sample, View

NUMBERS = {"mae_frames": 1.5, "moe_frames": None, "median_frames": 1.0, "within_1": 0.5, "within_3": 1.0, "n": 8}


@pytest.mark.parametrize("size", [FULL, SHORT])
def test_what_is_typed_are_commands_and_the_last_one_uses_what_was_trained(size: DemoSize) -> None:
    typed = [as_typed(command) for _, command in demo_commands(Path("runs/demo"), size, seed=0)]
    steps = [parsed(line) for line in typed[1:]]
    assert typed[0].startswith("python -m dataset_preparation.synthetic_process --output-dir runs/demo/data")
    assert {name for name, _ in steps} == {
        "train", "construct", "train-detector", "evaluate", "eval-detector", "sync",
    }  # fmt: skip
    name, last = steps[-1]
    assert (name, last.encoder) == ("sync", steps[0][1].logdir)
    assert all(Path(video).parent.parent == Path("runs/demo/data/synthetic") for video in last.videos)


def test_the_table_has_the_methods_beside_the_control_and_the_floor() -> None:
    methods = {"diagonal": NUMBERS}
    summary = {"floor_frames": 8.8, "max_offset": 16, "n_events": 4, "notes": ["a note"]}
    lines = summary_table({**summary, "methods": methods, "noise_control": methods}).splitlines()
    assert "8 pairs of windows from 4 held-out synthetic events" in lines[0]
    assert lines[-2].split() == ["diagonal", "1.50", "1.0", "50%", "100%", "1.50"]
    assert lines[-1] == "Note: a note"


def test_the_true_offset_is_said(tmp_path: Path) -> None:
    views = (View("val_0000/cam0.mp4", 2, 90, 30.0), View("val_0000/cam1.mp4", 17, 90, 30.0))
    write_manifest(tmp_path / "data" / "synthetic", [Sample("val_0000", "val", views)])
    assert true_offset(tmp_path) == "In truth cam1.mp4 started 0.500 s (15 frames) after cam0.mp4."
