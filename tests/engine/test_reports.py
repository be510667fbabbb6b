"""Where reports go: those of other options are never replaced, and nothing of an earlier one is left behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from videosync.engine.reports import clear_report, named_folder, read_finished, report_folder, write_report
from videosync.errors import CheckpointError, ConfigError


def wrote(folder: Path, options: dict[str, Any]) -> None:
    write_report(folder / "metrics.json", {"config": {}, "made_from": {"options": options}})


def test_a_report_of_other_options_stands_beside_the_first(tmp_path: Path) -> None:
    plain = tmp_path / "clips_val"
    first: dict[str, Any] = {"similarity.temperature": 0.1, "eval.methods": ["median"]}
    assert report_folder(plain, first) == plain
    wrote(plain, first)
    assert report_folder(plain, first) == plain  # made anew in its place
    second = {**first, "similarity.temperature": 0.2}
    beside = report_folder(plain, second)
    assert beside == tmp_path / "clips_val_similarity.temperature=0.2"
    wrote(beside, second)
    assert report_folder(plain, second) == beside
    third = {**second, "eval.methods": ["median", "demo/log_reg"]}
    named = report_folder(plain, third)
    assert named.name == "clips_val_similarity.temperature=0.2_eval.methods=median-demo-log_reg"
    with pytest.raises(ConfigError, match=r"--output_dir .*temperature is 0.2 but was 0.1\); choose another folder"):
        report_folder(plain, second, flag="--output_dir")


def test_reports_of_earlier_versions_are_known_by_their_configuration(tmp_path: Path) -> None:
    write_report(tmp_path / "a" / "metrics.json", {"config": {"data": {"image_size": 32}}})
    assert report_folder(tmp_path / "a", {"data.image_size": 32, "data.new": 1}) == tmp_path / "a"
    assert report_folder(tmp_path / "a", {"data.image_size": 64}).name == "a_data.image_size=64"


def test_long_names_are_short_and_tell_apart(tmp_path: Path) -> None:
    long = [named_folder(tmp_path / "val", {"eval.methods": ["x" * 200, end]}) for end in ("a", "b")]
    assert all(len(folder.name) < 40 and folder.name.startswith("val_") for folder in long)
    assert long[0] != long[1]


@pytest.mark.parametrize("text", ["{", "[1, 2]", '"text"'])
def test_a_damaged_report_is_refused_where_it_would_be_shown_and_else_replaced(tmp_path: Path, text: str) -> None:
    (tmp_path / "metrics.json").write_text(text)
    with pytest.raises(CheckpointError, match="damaged"):
        read_finished(tmp_path / "metrics.json", {})
    assert report_folder(tmp_path, {"data.image_size": 32}) == tmp_path


def test_what_an_earlier_report_left_goes_and_other_files_stay(tmp_path: Path) -> None:
    for name in ("metrics.json", "worst_1_matrix.png", "worst_2_matrix.png", "worst.txt", "notes.md"):
        (tmp_path / name).write_text("x")
    clear_report(tmp_path, "worst_*_*.png")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.md", "worst.txt"]
