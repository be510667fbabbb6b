"""The benchmark as a user runs it, its controls, and what may not be fitted on what."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import accuracy
from benchmarks.accuracy_controls import GOP, make_controls
from benchmarks.accuracy_methods import Answer, Example, Method, make_method
from benchmarks.accuracy_signals import Signals, ask, measure_windows, windows_of
from benchmarks.accuracy_windows import Length, Trial, draw_trials, group_samples, read_data
from videosync.errors import ConfigError, VideoError, VideoSyncError
from videosync.video.read import read_frames

OPTIONS = ["--length", "60", "--max_offset", "12", "--windows", "3", "--controls", "4", "--bootstrap", "200"]


@pytest.fixture(scope="module")
def trials(two_cameras: Path) -> list[Trial]:
    drawn, _ = draw_trials(
        group_samples(read_data([two_cameras]), None), [Length("60")], max_offset=12, windows=2, seed=0,
        longest=3000, pairs_per_set=0,
    )  # fmt: skip
    return drawn


@pytest.fixture(scope="module")
def report(two_cameras: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    output = tmp_path_factory.mktemp("accuracy")
    methods = ["--methods", "calibrated:energy", "--leave_one_out", "--pictures", "1"]
    assert accuracy.main(["--data", str(two_cameras), *OPTIONS, *methods, "--output", str(output)]) == 0
    assert {path.name for path in output.glob("60_*.png")} >= {"60_risk_coverage.png", "60_sets.png"}
    return json.loads((output / "accuracy.json").read_text())


def test_motion_energy_beats_the_floors_on_the_same_windows(report: dict[str, Any]) -> None:
    scores = report["lengths"]["60"]
    assert set(scores["energy"]["sets"]) == {"walk_1", "jump", "kick"}
    assert scores["energy"]["sets_equal"]["within_1"] >= 0.9
    for floor in ("always-0", "guess", "noise"):
        assert scores[floor]["sets_equal"]["within_1"] < 0.6
        assert scores[floor]["sets_equal"]["mae_frames"] > 3
    assert {entry["sets_equal"]["n_windows"] for entry in scores.values()} == {9}


def test_unrelated_events_are_less_sure_than_related_ones(report: dict[str, Any]) -> None:
    scores = report["lengths"]["60"]
    assert scores["energy"]["confidence"]["auc_related"] > 0.9
    assert scores["always-0"]["confidence"] is None
    assert set(scores["energy"]["controls"]) == {
        "black frames", "shuffled frames", "unrelated events", "shared keyframe grid",
    }  # fmt: skip


def test_the_report_says_how_it_was_made_and_on_what_methods_were_fitted(report: dict[str, Any]) -> None:
    assert report["command"].startswith("python -m benchmarks.accuracy --data")
    assert report["options"]["seed"] == 0
    assert report["versions"]["torch"]
    assert report["machine"]["cores"] >= 1
    energy = report["lengths"]["60"]["energy"]
    assert energy["tuned_on"] == "nothing"
    assert energy["sets"]["jump"]["fitted_on"] == []
    fitted = report["lengths"]["60"]["calibrated:energy"]
    assert fitted["sets"]["jump"]["fitted_on"] == ["kick", "walk_1"]
    rows = [row for row in report["answers"] if row["true"] is not None]
    assert len(rows) == 9
    assert all(row["said"]["energy"][0] == row["said"]["calibrated:energy"][0] for row in rows)


def test_what_is_fitted_needs_other_sets(two_cameras: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--data", str(two_cameras), "--methods", "calibrated:energy", *OPTIONS]
    assert accuracy.main(arguments) == 2
    assert "it is fitted, so it needs --leave_one_out" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--length", "240"], "lower --length"),
        (["--methods", "energi"], "Did you mean 'energy'?"),
        (["--split", "test"], "there are 'val'"),
        (["--windows", "0"], "--windows 0"),
        (["--max_offset", "1"], "--max_offset 1"),
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


def test_a_folder_that_is_not_there_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert accuracy.main(["--data", str(tmp_path / "none")]) == 2
    assert "does not exist" in capsys.readouterr().err


def test_frames_are_those_of_the_windows_also_where_windows_overlap(trials: Sequence[Trial]) -> None:
    windows = windows_of(trials)
    assert len(windows) > len({window.video for window in windows})
    seen = Method(lambda clip: clip.frames, lambda s0, s1, k: Answer(0), ())
    signals = Signals()
    measure_windows(windows, {"seen": seen}, signals)
    for window in windows:
        expected = read_frames(window.video, window.start, window.start + window.num_frames, size=(48, 64))
        np.testing.assert_array_equal(signals.values["seen", window], expected)
        assert signals.decoding[window] > 0


def test_a_window_outside_of_its_video_is_an_error(trials: Sequence[Trial]) -> None:
    beyond = replace(trials[0].pair.window0, start=100)
    with pytest.raises(VideoError, match="is not in the video"):
        measure_windows([beyond], {"energy": make_method("energy")}, Signals())


def test_what_is_fitted_never_sees_the_set_it_answers_for(trials: Sequence[Trial]) -> None:
    """Signals name the video they come from; the fitted method refuses those that it has learned from."""

    def fit(examples: Sequence[Example]) -> Method:
        known = {Path(name).parent for e in examples for name in (e.signals0, e.signals1)}
        assert len(known) == 2

        def answer(name0: str, name1: str, max_offset: int) -> Answer:
            assert not {Path(name0).parent, Path(name1).parent} & known
            return Answer(0.0)

        return replace(base, answer=answer)

    base = Method(lambda clip: clip.window.video, lambda s0, s1, k: Answer(0.0), (), "nothing", fit=fit)
    signals = Signals()
    measure_windows(windows_of(trials), {"spy": base}, signals)
    outcomes = ask("spy", base, trials, signals, learn_from=trials)
    assert len(outcomes) == len(trials)
    assert all(set(o.fitted_on) == {"walk_1", "jump", "kick"} - {o.trial.group} for o in outcomes)
    alone = [trial for trial in trials if trial.group == "jump"]
    with pytest.raises(ConfigError, match="no set beside jump to fit it on"):
        ask("spy", base, alone, signals, learn_from=alone)


@pytest.mark.parametrize("answer", [Answer(float("nan"), 1.0), Answer(1.0, float("inf"))])
def test_an_answer_that_is_no_number_stops_the_run(trials: Sequence[Trial], answer: Answer) -> None:
    method = Method(lambda clip: None, lambda s0, s1, k: answer, (), "nothing")
    signals = Signals()
    measure_windows(windows_of(trials), {"odd": method}, signals)
    with pytest.raises(VideoSyncError, match="method odd said offset"):
        ask("odd", method, trials, signals)


def test_controls_hold_nothing_to_be_found(trials: Sequence[Trial], tmp_path: Path) -> None:
    controls, notes = make_controls(trials, count=4, folder=tmp_path, seed=0)
    assert notes == []
    by_name: dict[str, list[Trial]] = {}
    for trial in controls:
        assert not trial.related
        assert trial.pair.window0.num_frames == trial.pair.window1.num_frames
        by_name.setdefault(trial.group, []).append(trial)
    black = by_name["black frames"][0].pair.window0
    assert read_frames(black.video).max() <= 2
    for trial in by_name["unrelated events"]:
        events = {Path(window.video).parent for window in (trial.pair.window0, trial.pair.window1)}
        assert len(events) == 2
        assert len(set(trial.sets)) == 2
    shuffled = by_name["shuffled frames"][0].pair
    original = next(trial.pair for trial in trials if shuffled.pair_id.endswith(trial.pair.pair_id))
    size = (24, 32)
    window = original.window0
    before = read_frames(window.video, window.start, window.start + window.num_frames, size=size).astype(int)
    after = read_frames(shuffled.window0.video, size=size).astype(int)
    nearest = [int(np.abs(before - frame).mean(axis=(1, 2, 3)).argmin()) for frame in after]
    assert len(set(nearest)) >= 0.5 * len(nearest)  # the block comes by the same places again
    assert np.corrcoef(nearest, np.arange(len(nearest)))[0, 1] < 0.6


def test_methods_that_read_keyframes_are_found_out(trials: Sequence[Trial], tmp_path: Path) -> None:
    """``keyframes`` sees nothing but the grid: of clips that share one it must always answer with a lag of it."""
    controls, _ = make_controls(trials, count=6, folder=tmp_path, seed=0)
    gridded = [trial for trial in controls if trial.grid is not None]
    assert len({trial.grid for trial in gridded}) > 1
    method = make_method("keyframes")
    signals = Signals()
    measure_windows(windows_of(gridded), {"keyframes": method}, signals)
    for outcome in ask("keyframes", method, gridded, signals):
        assert outcome.trial.grid is not None
        lag, distance = outcome.trial.grid
        assert distance == GOP
        assert (outcome.offset - lag) % GOP == 0


def test_one_event_has_no_unrelated_pairs_and_says_so(trials: Sequence[Trial], tmp_path: Path) -> None:
    alone = [trial for trial in trials if trial.group == "jump"]
    controls, notes = make_controls(alone, count=2, folder=tmp_path, seed=0)
    assert {trial.group for trial in controls} == {"black frames", "shuffled frames"}
    assert len(notes) == 1
    assert "one event only" in notes[0]
