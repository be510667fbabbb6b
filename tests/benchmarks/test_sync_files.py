"""The benchmark of whole answers: its truth, its cuts, its scores, and the command."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.sync_cases import Case, Cutting, cases_of, strangers
from benchmarks.sync_files import main
from benchmarks.sync_scores import PairAnswer, condition_scores
from videosync.errors import ManifestError
from videosync.video.read import probe, read_frames


def answer(
    event: str = "a", *, true: float | None = 1.0, said: float | None = 1.0, placed: bool = True,
    confidence: float = 0.9, interval: tuple[float, float] | None = (0.9, 1.1), fps: float = 25.0,
) -> PairAnswer:  # fmt: skip
    return PairAnswer("x", event, ("0", "1"), fps, true, placed, said, interval, confidence, None, 1.0)


def scores(*answers: PairAnswer) -> dict:  # type: ignore[type-arg]
    return condition_scores(answers, bootstrap=200, seed=0)


def test_placed_refused_wrong_and_unrelated_are_counted() -> None:
    found = scores(
        answer("a"),
        answer("b", said=1.03),
        answer("c", said=1.5, confidence=0.6),  # placed, and wrong
        answer("d", said=1.0, placed=False, interval=None, confidence=0.3),  # refused, its guess is right
        answer("e", said=None, placed=False, interval=None, confidence=0.0),
        answer("f", true=None, placed=False, interval=None, confidence=0.1),
        answer("g", true=None, confidence=0.95),
    )
    assert (found["pairs"], found["unrelated_pairs"]) == (5, 2)
    assert found["placed"] == pytest.approx(3 / 5)
    assert found["placed_right"] == pytest.approx(2 / 3)
    assert found["placed_wrong"] == pytest.approx(1 / 5)
    assert found["placed_within_20_ms"] == pytest.approx(1 / 3)
    assert found["placed_within_50_ms"] == pytest.approx(2 / 3)
    assert found["interval_holds"] == pytest.approx(1.0)
    assert found["guess_right"] == pytest.approx(3 / 5)
    assert found["unrelated_placed"] == pytest.approx(1 / 2)
    assert found["always_0"] == 0
    assert found["at_confidence"]["0.8"] == {
        "coverage": pytest.approx(2 / 5),
        "right": pytest.approx(1.0),
        "unrelated": pytest.approx(1 / 2),
    }
    low, high = found["guess_right_interval"]
    assert low < 3 / 5 < high


def test_one_frame_is_one_of_the_slower_file() -> None:
    assert scores(answer(said=1.03, fps=25.0))["placed_right"] == 1
    assert scores(answer(said=1.03, fps=60.0))["placed_right"] == 0


def test_confidence_that_tells_right_from_wrong_has_an_area_of_one() -> None:
    right = [answer(str(n), confidence=0.9) for n in range(4)]
    wrong = [answer(str(n), said=3.0, confidence=0.2) for n in range(4)]
    assert scores(*right, *wrong)["auc_right"] == 1
    assert scores(*right)["auc_right"] is None


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


def test_a_folder_without_pairs_is_refused(tmp_path: Path) -> None:
    line = {
        "event": "a",
        "split": "val",
        "views": [{"video": "a.mp4", "start_frame": 0, "num_frames": 9, "fps": 9.0}],
    }
    (tmp_path / "manifest.jsonl").write_text(json.dumps(line) + "\n")
    with pytest.raises(ManifestError, match="no event has two views"):
        list(cases_of("x", tmp_path, split=None, groups=False, cutting=None, limit=0))


def test_the_command_prints_and_writes(
    two_cameras: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--data", f"two={two_cameras}", "--output", str(tmp_path), "--bootstrap", "50"]) == 0
    report = json.loads((tmp_path / "sync_files.json").read_text())
    assert report["conditions"]["two"]["pairs"] == 3
    assert report["conditions"]["two"]["guess_right"] == 1
    assert len(report["answers"]) == 6
    assert "| two | 3 |" in capsys.readouterr().out


def test_a_missing_folder_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--data", str(tmp_path / "none"), "--output", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("error: ")
