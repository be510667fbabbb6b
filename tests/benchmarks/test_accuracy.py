"""The benchmark as a user runs it, its controls, and the sentences below its tables."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.accuracy import __main__ as accuracy
from benchmarks.accuracy.ask import ask, prepare, windows_of
from benchmarks.accuracy.controls import GOP, SHARED_GRID, UNRELATED, make_controls
from benchmarks.accuracy.methods import Method, Said, make_method
from benchmarks.accuracy.report import control_lines, control_scores, report, set_table
from benchmarks.accuracy.windows import Length, Trial, draw_trials, group_samples, read_data
from benchmarks.pipeline import Answer, read_answers
from videosync.errors import VideoError, VideoSyncError
from videosync.video.read import read_frames

OPTIONS = ["--length", "60", "--max_offset", "12", "--windows", "3", "--controls", "4", "--bootstrap", "200"]


@pytest.fixture(scope="module")
def trials(two_cameras: Path) -> list[Trial]:
    drawn, _ = draw_trials(
        group_samples(read_data([two_cameras]), None), [Length("60")], max_offset=12, windows=2, seed=0,
        longest=3000,
    )  # fmt: skip
    return drawn


@pytest.fixture(scope="module")
def answers(two_cameras: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Answer]:
    output = tmp_path_factory.mktemp("accuracy")
    typed = ["--data", str(two_cameras), *OPTIONS, "--methods", "cue:motion", "--output", str(output)]
    assert accuracy.main(typed) == 0
    assert (output / "60_sets.png").is_file()
    return read_answers(output / "answers.jsonl")


def test_methods_beat_the_floors_on_the_same_windows(answers: list[Answer]) -> None:
    rows = {row["name"]: row for row in report(answers, bootstrap=0, seed=0)}
    assert set(rows["energy"]["by_set"]) == {"walk_1", "jump", "kick"}
    assert rows["energy"]["within_1"] >= 0.9
    for floor in ("always-0", "noise"):
        assert rows[floor]["within_1"] < 0.6
        assert rows[floor]["mean_error"] > 3
    assert {row["n"] for row in rows.values()} == {9}
    assert rows["energy"]["auc_related"] > 0.9
    assert rows["always-0"]["auc_related"] is None
    assert rows["cue:motion"]["placed"] + rows["cue:motion"]["refused"] == pytest.approx(1)
    assert set(rows["energy"]["controls"]) == {UNRELATED, SHARED_GRID}
    assert set_table(list(rows.values())).splitlines()[2].startswith("| walk_1 | 1, 3 ")


def test_tables_are_made_anew_from_the_answers(
    two_cameras: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    once = ["--data", str(two_cameras), *OPTIONS, "--methods", "energy", "--output", str(tmp_path)]
    assert accuracy.main(once) == 0
    first = capsys.readouterr().out
    again = ["--answers", str(tmp_path / "answers.jsonl"), "--bootstrap", "200", "--output", str(tmp_path)]
    assert accuracy.main([*again, "--compare", "always-0", "energy"]) == 0
    second = capsys.readouterr().out
    assert second.startswith(first)
    assert "energy against always-0, paired" in second


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--length", "240"], "lower --length"),
        (["--methods", "energi"], "Did you mean 'energy'?"),
        (["--methods", "cue:motin"], "Did you mean 'motion'?"),
        (["--methods", "encoder:/nowhere"], "/nowhere"),
        (["--split", "test"], "there are 'val'"),
        (["--windows", "0"], "--windows 0"),
        (["--max_offset", "1"], "--max_offset 1"),
        (["--data", "/nowhere"], "does not exist"),
    ],
)
def test_bad_input_is_one_sentence(
    two_cameras: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert accuracy.main(["--data", str(two_cameras), *arguments]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert words in said
    assert said.count("\n") == 1


def test_frames_are_those_of_the_windows_also_where_windows_overlap(trials: Sequence[Trial]) -> None:
    windows = windows_of(trials)
    assert len(windows) > len({window.video for window in windows})
    seen = prepare(windows, {"seen": Method(lambda clip: clip.frames, lambda s0, s1, k: Said(0))})
    for window in windows:
        expected = read_frames(window.video, window.start, window.start + window.num_frames, size=(48, 64))
        np.testing.assert_array_equal(seen["seen", window][0], expected)
    beyond = replace(trials[0].pair.window0, start=100)
    with pytest.raises(VideoError, match="is not in the video"):
        prepare([beyond], {"energy": make_method("energy")})


@pytest.mark.parametrize("said", [Said(float("nan"), 1.0), Said(1.0, float("inf"))])
def test_an_answer_that_is_no_number_stops_the_run(trials: Sequence[Trial], said: Said) -> None:
    with pytest.raises(VideoSyncError, match="method odd said offset"):
        ask(trials, {"odd": Method(lambda clip: None, lambda s0, s1, k: said, frames=False)})


def test_controls_hold_nothing_to_be_found(trials: Sequence[Trial], tmp_path: Path) -> None:
    controls = make_controls(trials, count=4, folder=tmp_path, seed=0)
    by_name: dict[str, list[Trial]] = {}
    for trial in controls:
        assert trial.pair.window0.num_frames == trial.pair.window1.num_frames
        by_name.setdefault(trial.control, []).append(trial)
    for trial in by_name[UNRELATED]:
        events = {Path(window.video).parent for window in (trial.pair.window0, trial.pair.window1)}
        assert len(events) == 2
    alone = [trial for trial in trials if trial.group == "jump"]
    assert make_controls(alone, count=2, folder=tmp_path / "b", seed=0) == []  # one event has no stranger


def test_methods_that_read_keyframes_are_found_out(trials: Sequence[Trial], tmp_path: Path) -> None:
    """``keyframes`` sees nothing but the grid: of clips that share one it must always answer with a lag of it."""
    controls = make_controls(trials, count=6, folder=tmp_path, seed=0)
    gridded = [trial for trial in controls if trial.control == SHARED_GRID]
    assert len({trial.target for trial in gridded}) > 1
    answers = ask(gridded, {"keyframes": make_method("keyframes")})
    for found in answers:
        assert found.more["period"] == GOP
        assert found.said is not None
        assert (found.said - found.more["target"]) % GOP == 0
    assert control_scores(answers, {})["hits"] == 1


def control(error: float) -> Answer:
    more = {"control": SHARED_GRID, "target": 3, "period": 12, "search": 10}
    return Answer("60", "a", "u", "c", "mine", 25.0, None, 3 + error, 0.9, more=more)


def test_hits_that_are_no_accident_show() -> None:
    on_grid = control_scores([control(error) for error in (0, -12) * 12], {})
    assert (on_grid["hits"], on_grid["chance"]) == (1, pytest.approx(2 / 21))  # -9 and 3 of -10 … 10
    assert on_grid["p_value"] < 1e-20
    assert control_scores([control(2)] * 24, {})["p_value"] == 1


def test_what_makes_numbers_less_than_they_look_is_said() -> None:
    real = [Answer("60", "lab", str(n), str(n), name, 25.0, 5.0, 5.0, 0.5)
            for name in ("keyframes", "mine") for n in range(10)]  # fmt: skip
    rows = report([*real, *(control(0) for _ in range(10))], bootstrap=0, seed=0)
    assert control_lines(rows) == [
        "- the places of keyframes alone give 100 % of the answers away: what reads flashes at keyframes looks better "
        "here than it is",
        f"- mine accepts 100 % of {SHARED_GRID} where it accepts 80 % of the real",
        f"- mine hits 100 % in {SHARED_GRID}, where chance hits 10 % (p = 6e-11): it reads something else than motion",
    ]
    assert json.dumps(rows)  # plain numbers
