"""The benchmark of whole answers: its truth, its cuts, alone and together, and the command."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.pipeline import Answer, read_answers
from benchmarks.sync.__main__ import joint_rows, main
from benchmarks.sync.cases import Case, Cutting, cases_of, strangers
from videosync.data.manifest import write_manifest
from videosync.data.samples import Sample, View
from videosync.errors import ManifestError
from videosync.video.read import probe, read_frames
from videosync.video.write import write_video


def test_the_truth_is_in_seconds(two_cameras: Path) -> None:
    cases = list(cases_of("x", two_cameras, split=None, groups=False, cutting=None, limit=0))
    assert len(cases) == 3
    assert all(case.starts[0] - case.starts[1] == pytest.approx(-4 / 25) for case in cases)
    others = strangers(cases)
    assert len(others) == 3
    assert not any(case.related for case in others)
    assert all(case.files[0].parent != case.files[1].parent for case in others)


def test_cuts_hold_the_frames_they_say_and_share_enough(two_cameras: Path, tmp_path: Path) -> None:
    cutting = Cutting(2, (40, 80), 0.5, tmp_path, seed=1)
    cases = list(cases_of("x", two_cameras, split=None, groups=False, cutting=cutting, limit=1))
    assert len(cases) == 2
    whole: Case = next(cases_of("x", two_cameras, split=None, groups=False, cutting=None, limit=1))
    for case in cases:
        lengths = [probe(file).num_frames / 25 for file in case.files]
        ends = [start + length for start, length in zip(case.starts, lengths)]
        assert min(ends) - max(case.starts) >= 0.5 * min(lengths) - 1e-9
        for file, source, start, first in zip(case.files, whole.files, case.starts, whole.starts):
            number = round((start - first) * 25)
            cut, there = read_frames(file, 0, 1)[0], read_frames(source, number, number + 1)[0]
            assert np.abs(cut.astype(float) - there).mean() < 12


def test_cuts_of_many_cameras_lie_near_each_other(tmp_path: Path) -> None:
    """Of five long files stretches anywhere would hardly ever all share enough."""
    views = [View(f"{n}.mp4", 0, 3000, 25.0) for n in range(5)]
    for view in views:
        write_video(tmp_path / view.video, np.zeros((3000, 16, 16, 3), np.uint8), 25.0, preset="ultrafast")
    write_manifest(tmp_path, [Sample("long", "val", tuple(views))])
    cutting = Cutting(3, (40, 60), 0.4, tmp_path / "cuts", seed=0)
    cases = list(cases_of("x", tmp_path, split=None, groups=True, cutting=cutting, limit=0))
    assert len(cases) == 3
    assert all(max(case.starts) - min(case.starts) < 60 / 25 for case in cases)


def test_a_folder_without_pairs_is_refused(tmp_path: Path) -> None:
    line = {"event": "a", "split": "val", "views": [{"video": "a.mp4", "start_frame": 0, "num_frames": 9, "fps": 9.0}]}
    (tmp_path / "manifest.jsonl").write_text(json.dumps(line) + "\n")
    with pytest.raises(ManifestError, match="no event has two views"):
        list(cases_of("x", tmp_path, split=None, groups=False, cutting=None, limit=0))


def test_alone_and_together_are_compared_pair_by_pair() -> None:
    def pair(case: str, together: float, alone: float) -> Answer:
        more = {"alone": alone, "moving": 0}
        return Answer("x", "x", "e", f"{case} 0 1", "m", 25.0, 10.0, 10 + together, 0.9, True, more=more)

    some = [pair("a", 0.2, 30.0), pair("a", 0.0, 10.0), pair("b", 4.0, 10.5)]
    two = [replace(pair(case, 0.0, 10.0), unit="two cameras") for case in "ab"]
    (row,) = joint_rows([*some, *two], bootstrap=0, seed=0)
    assert (row["name"], row["units"], row["n"]) == ("e", 2, 3)
    assert (row["put_right"], row["put_wrong"]) == (1, 1)
    assert row["together"]["mean_error"] == pytest.approx(1.4)
    assert row["alone"]["within_1"] == row["together"]["within_1"] == pytest.approx(2 / 3)


def test_the_command_prints_and_writes(two_cameras: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    typed = ["--data", f"two={two_cameras}", "--output", str(tmp_path), "--bootstrap", "50", "--groups"]
    assert main([*typed, "--cue", "motion"]) == 0
    answers = read_answers(tmp_path / "answers.jsonl")
    assert len(answers) == 6
    related = [a for a in answers if a.true is not None]
    assert all(a.within(1) for a in related)
    assert {a.true for a in related} == {-4.0}
    assert "| two   | 3 " in capsys.readouterr().out


def test_a_missing_folder_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--data", str(tmp_path / "none"), "--output", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("error: ")
