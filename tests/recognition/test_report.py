"""Means over folds, intervals over groups, and the lines that are printed."""

from __future__ import annotations

import json

import numpy as np
import pytest

from videosync.recognition.report import FoldResult, Measure, measure_name, recognition_table, summarise


def fold(name: str, hits: list[bool], **more: object) -> FoldResult:
    groups = [f"{name}{n // 2}" for n in range(len(hits))]
    measures = {"cost": Measure(hits, 0.1, f"C {name}")}
    return FoldResult(name, 9, groups, [f"{name}{n}.wav" for n in range(len(hits))], measures, **more)  # type: ignore[arg-type]


def test_folds_count_alike_and_their_spread_is_said() -> None:
    folds = [fold("1", [True] * 6 + [False] * 2), fold("2", [True, False, False, False])]
    found = summarise(folds, bootstrap=500, seed=0)
    score = found["scores"]["cost"]
    assert score["mean"] == pytest.approx((0.75 + 0.25) / 2)
    assert score["std"] == pytest.approx(np.std([0.75, 0.25], ddof=1))
    assert score["interval"][0] < score["mean"] < score["interval"][1]
    assert (found["n"], found["n_groups"]) == (12, 6)
    assert summarise(folds[:1], bootstrap=0, seed=0)["scores"]["cost"]["std"] is None
    assert summarise(folds, bootstrap=500, seed=0) == found


def test_a_fold_is_the_same_after_a_file() -> None:
    one = fold("1", [True, False], unread={"a.wav": "a.wav: damaged"}, short=2, notes=["n"], details={"x": [1]})
    assert FoldResult.from_json(json.loads(json.dumps(one.to_json()))) == one


def test_the_table_says_what_was_left_out() -> None:
    folds = [fold("1", [True] * 8, unread={"a.wav": "a.wav: damaged"}, short=3), fold("2", [True, False] * 4)]
    text = recognition_table({"sound_svm": summarise(folds, bootstrap=100, seed=0)}, {"sound_svm": folds})
    assert "sound_svm: C chosen on a part of train" in text
    assert "75.0 ± 35.4 %" in text
    assert "10.0 %" in text
    assert "C 1, 2" in text
    assert "100.0 50.0" in text
    assert "16 test files of 8 groups, folds 1, 2" in text
    assert "left out, as they cannot be read: 1 file: a.wav: damaged" in text
    assert "shorter than a clip: 3 files" in text


@pytest.mark.parametrize(
    ("name", "words"), [("video_to_video_5", "video → video R@5"), ("audio_to_video_1", "sound → video R@1")]
)
def test_names_of_measures(name: str, words: str) -> None:
    assert measure_name(name) == words
