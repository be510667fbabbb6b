"""The benchmark of fractions of a frame: its truth, its table, and the command."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.accuracy.sub_frame import arguments, main, measure, rows_of
from benchmarks.pipeline import Answer
from videosync.data.manifest import write_manifest
from videosync.data.samples import Sample, View
from videosync.video.write import write_video

STEP = 4


@pytest.fixture(scope="module")
def fast(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two files of 120 frames/s that see the same disc swing about, the second from 9 frames later on."""
    folder = tmp_path_factory.mktemp("fast")
    rng = np.random.default_rng(3)
    path = cv2.GaussianBlur(rng.normal(size=(700, 2)), (1, 0), 12.0).astype(np.float64)
    path = 48 + 14 * path / path.std()
    views = []
    for view, start in enumerate((0, 9)):
        pictures = []
        for x, y in path[start : start + 600]:
            picture = np.full((96, 96, 3), 70 + 30 * view, np.uint8)
            centre = (round(16 * (x if view else 96 - x)), round(16 * y))
            cv2.circle(picture, centre, 16 * 9, (220, 210, 190), -1, cv2.LINE_AA, shift=4)
            pictures.append(picture)
        write_video(folder / f"cam{view}.mp4", pictures, 120.0, gop=600, crf=10)
        views.append(View(f"cam{view}.mp4", start, 600, 120.0))
    write_manifest(folder, [Sample("swing", "train", tuple(views))])
    return folder


def test_answers_between_frames_are_measured_against_the_fraction(fast: Path) -> None:
    typed = ["--data", str(fast), "--step", str(STEP), "--frames", "60", "--cue", "white-energy"]
    found = measure(arguments().parse_args(typed))
    assert {a.true for a in found} == {0.75, 0.5, 0.25, 0.0}  # (0 - 9 - late) / 4, modulo a frame
    assert len(found) >= 6
    assert np.mean([abs(a.error) for a in found]) < 0.2  # whole frames would be 0.25 off


def test_the_bias_is_the_mean_of_the_answers_that_are_right() -> None:
    events = {f"a{n}": ((0.0, 0.1), (0.5, -0.3)) for n in range(3)}
    events |= {f"b{n}": ((0.0, 0.3), (0.5, 7.0)) for n in range(3)}
    answers = [
        Answer(f"{true:.2f}", "x", event, "", "m", 30.0, true, true + error)
        for event, errors in events.items()
        for true, error in errors
    ]
    rows = {row["name"]: row for row in rows_of(answers, bootstrap=400, seed=0)}
    assert rows["0.00"]["bias"] == pytest.approx(0.2)
    assert (rows["0.50"]["n"], rows["0.50"]["right"]) == (6, 3)
    assert rows["0.50"]["bias"] == pytest.approx(-0.3)
    assert rows["0.50"]["whole_frames"] == 0.5
    assert rows["all"]["rms"] == pytest.approx(np.sqrt((0.01 + 0.09 + 0.09) / 3))
    low, high = rows["0.00"]["bias_95"]
    assert low == pytest.approx(0.1 + 0.2 / 6)
    assert high == pytest.approx(0.3 - 0.2 / 6)
    assert rows["0.50"]["bias_95"] is None  # all that are right are off by the same


def test_the_command(fast: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["--data", str(fast), "--cue", "white-energy", "--output", str(tmp_path)]
    assert main([*command, "--frames", "60"]) == 0
    assert "| all " in capsys.readouterr().out
    assert main([*command, "--frames", "400"]) == 2
    assert "no pair of views has windows of 400 frames" in capsys.readouterr().err
