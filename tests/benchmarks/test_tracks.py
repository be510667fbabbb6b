"""The benchmark of tracks of corners: its windows, the lag that tracks find, and its table."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from benchmarks.accuracy.follow import Profiles, Track, follow, profiles, track_scores
from benchmarks.accuracy.tracks import ALONE, DEFAULT, questions, rows_of
from benchmarks.pipeline import Answer
from videosync.video.write import write_video


def test_a_window_holds_the_offset_that_is_asked_for(two_cameras: Path) -> None:
    found = list(questions([two_cameras], 4))
    assert len(found) > 4
    for question in found:  # cam1 started 4 frames later
        assert question.starts[0] - question.starts[1] - 4 == question.true
        assert all(0 <= start <= 110 - question.frames for start in question.starts)


def test_tracks_of_a_textured_thing_find_the_offset_of_another_view(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    places = np.cumsum(cv2.GaussianBlur(rng.normal(size=(130, 2)), (1, 0), 2.0), axis=0)  # pixels
    texture = cv2.resize(rng.integers(0, 255, (8, 8, 1), np.uint8), (40, 40), interpolation=cv2.INTER_CUBIC)
    found = []
    for view, start in enumerate((0, 7)):
        turn = cv2.getRotationMatrix2D((20.0, 20.0), 70.0 * view, 1.0)
        pictures = []
        for x, y in places[start : start + 110]:
            matrix = turn + np.array([[0, 0, 40 + 4 * (x if view else y)], [0, 0, 40 + 4 * (y if view else x)]])
            grey = cv2.warpAffine(texture, matrix, (120, 120), borderValue=(90,))
            pictures.append(np.repeat(grey[..., None], 3, axis=2))
        write_video(tmp_path / f"cam{view}.mp4", pictures, 25.0, gop=200, crf=10)
        tracks, _ = follow(tmp_path / f"cam{view}.mp4")
        found.append(profiles(tracks, 0, 110))
    lags = np.arange(-20, 21)
    scores = track_scores(found[0], found[1], lags)
    assert lags[np.argmax(scores)] == -7  # frame i of view 1 shows the moment of frame i + 7 of view 0
    np.testing.assert_allclose(track_scores(found[1], found[0], -lags[::-1])[::-1], scores)


def test_without_tracks_every_lag_scores_0() -> None:
    none = profiles([Track(0, np.ones((5, 2)))], 0, 60)  # too short
    some = Profiles(np.ones((60, 1)), np.ones((60, 1)))
    assert not track_scores(none, some, np.arange(-3, 4)).any()


def test_gains_are_paired_and_sets_weigh_the_same() -> None:
    def said(group: str, case: int, method: str, error: float) -> Answer:
        return Answer("held back", group, group, f"{group} {case}", method, 30.0, 2.0, 2.0 + error, more={"turn": 0})

    wrong = {(DEFAULT, "a", 0), (DEFAULT, "a", 1), (ALONE, "b", 0)}
    cases = [("a", 0), ("a", 1), ("a", 2), ("b", 0)]
    answers = [said(g, n, m, 9.0 if (m, g, n) in wrong else 0.0) for m in (DEFAULT, ALONE) for g, n in cases]
    rows = {row["name"]: row for row in rows_of(answers, bootstrap=50, seed=0)}
    assert (rows[ALONE]["put_right"], rows[ALONE]["put_wrong"]) == (2, 1)
    assert np.isclose(rows[DEFAULT]["within_1"], (1 / 3 + 1) / 2)
    assert np.isclose(rows[ALONE]["gain"], (2 / 3 - 1) / 2)
