"""The commands of the demo of sound and pictures, and what it says at the end."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.cli.test_research_page import parsed
from videosync.cli.demo_audio import FULL, SHORT, VARIANTS, AudioDemoSize, demo_steps, run_name
from videosync.cli.demo_audio_plots import save_table, save_training
from videosync.cli.demo_audio_report import MEASURES, read_results, summary_of, summary_text
from videosync.cli.steps import Step, as_typed, run_steps
from videosync.config.load import load_config
from videosync.errors import VideoSyncError
from videosync.files import write_json

EVENTS = [f"val_{number:04d}" for number in range(40)]


@pytest.mark.parametrize("size", [FULL, SHORT])
def test_what_is_typed_are_commands_and_what_is_trained_is_evaluated(size: AudioDemoSize) -> None:
    steps = demo_steps(Path("runs/demo-audio"), size, seed=3)
    typed = [as_typed(words) for step in steps for words in step.commands]
    assert typed[0].startswith("python -m dataset_preparation.synthetic_process --sound --output-dir runs/demo-audio/")
    commands = [parsed(line) for line in typed[1:]]
    trained = [args.logdir for name, args in commands if name == "train"]
    assert len(set(trained)) == len(trained) == size.seeds * len(size.variants)
    assert set(trained) < {args.logdir for name, args in commands if name == "evaluate"}
    for name, args in commands:
        config = load_config(args.cfg_file, args.opts)
        assert config.train.seed in range(3, 3 + size.seeds)
        if name == "train":
            on = {term for term in VARIANTS["six terms"] if getattr(config.loss, term)}
            (variant,) = (key for key, terms in VARIANTS.items() if set(terms) == on)
            assert args.logdir.name == run_name(variant, config.train.seed)


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, list[Path]]:
    """Reports of two trained networks, as many untrained, and statistics that know no other modality."""
    names = {"six terms": 0.8, "random, as initialised": 0.3, "random, calibrated": 0.4, "statistics by hand": 0.5}
    found: dict[str, list[Path]] = {}
    for name, share in names.items():
        for seed in range(1 if "hand" in name else 2):
            right = np.random.default_rng(seed).permutation(len(EVENTS)) < share * len(EVENTS)
            keys = [
                key for key in MEASURES if "hand" not in name or key not in ("video_to_audio_1", "audio_to_video_1")
            ]
            measures = {key: {"hits": right.tolist(), "floor": 0.1} for key in keys}
            report = {"recognition": {"folds": {"probe": [{"groups": EVENTS, "train": 60, "measures": measures}]}}}
            place = tmp_path / run_name(name, seed)
            write_json(place / "metrics.json", report)
            found.setdefault(name, []).append(place)
    return found


def test_the_table_has_means_over_seeds_differences_and_what_was_wanted(folders: dict[str, list[Path]]) -> None:
    text = summary_text(read_results(folders))
    assert "40 held-out events of 10 classes, mean ± standard deviation over 2 seeds; 60 train events" in text
    lines = [line.split() for line in text.splitlines()]
    assert ["six", "terms", *["80.0", "±", "0.0"] * 7] in lines
    assert ["statistics", "by", "hand", *["50.0"] * 5, "–", "–"] in lines
    assert ["chance", *["10.0"] * 7] in lines
    assert "wanted: probe sound above 'random, calibrated' by 10 points: yes, +40.0 (" in text
    assert "1.3 times as much: yes, 2.00 times" in text


def test_the_summary_holds_gains_over_each_line_with_their_intervals(folders: dict[str, list[Path]]) -> None:
    summary = json.loads(json.dumps(summary_of(read_results(folders))))
    rows = {row["name"]: row for row in summary["rows"]}
    low, high = rows["random, calibrated"]["probe_video_gain_95"]
    assert rows["random, calibrated"]["probe_video_gain"] == pytest.approx(0.4)
    assert 0 < low < 0.4 < high
    assert "video_to_audio_1" not in rows["statistics by hand"]
    assert (summary["events"], summary["train_events"]) == (40, 60)


def test_reports_of_other_events_are_refused(folders: dict[str, list[Path]]) -> None:
    path = folders["six terms"][1] / "metrics.json"
    path.write_text(path.read_text().replace("val_0003", "val_9999"))
    with pytest.raises(VideoSyncError, match="its test events are not those of the others"):
        read_results(folders)


def test_pictures_are_written(folders: dict[str, list[Path]], tmp_path: Path) -> None:
    save_table(tmp_path / "table.png", read_results(folders))
    save_training(tmp_path / "training.png", "a run", [{"step": 5, "v1v2": -0.3, "video_rank": 9.0}], ["v1v2"])
    assert all((tmp_path / name).stat().st_size > 5000 for name in ("table.png", "training.png"))


def test_commands_side_by_side_write_logs_and_one_that_fails_ends_the_chain(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def say(words: str, code: int = 0) -> list[str]:
        return [sys.executable, "-c", f"print('about it: {words}'); raise SystemExit({code})"]

    run_steps(tmp_path, [Step("two", [say("one"), say("other")], ["a", "b"], shown="about")])
    assert {"  a: about it: one", "  b: about it: other"} < set(capsys.readouterr().out.splitlines())
    assert (tmp_path / "logs" / "b.log").read_text() == "about it: other\n"
    with pytest.raises(VideoSyncError, match=r"step 1 \(bad\) ended with exit code 3; .*\.log ends with\nabout it: c"):
        run_steps(tmp_path, [Step("bad", [say("c", 3)], ["c"])])
