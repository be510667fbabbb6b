"""The table of frames: nearest frames, no more than half a frame away, also where the rate varies."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from videosync.data.manifest import read_manifest, validate_manifest
from videosync.edit.frames import COLUMNS, FrameTable, frame_table, long_csv, nearest, wide_csv
from videosync.edit.manifest import add_to_manifest
from videosync.errors import VideoError
from videosync.video.write import write_video


def answer(folder: Path, *cameras: tuple[str, float, int, float]) -> dict[str, Any]:
    """Of videos (name, frames/s, frames, start in seconds) that are written into ``folder``."""
    files = []
    for name, fps, frames, start in cameras:
        write_video(folder / name, [np.zeros((16, 16, 3), np.uint8)] * frames, fps)
        files.append(
            {
                "path": str(folder / name), "placed": True, "fps": fps, "start_seconds": start, "confidence": 0.99,
                "duration_seconds": frames / fps, "timecode": None,
            }
        )  # fmt: skip
    return {"schema": 2, "files": files}


def test_each_tick_has_the_nearest_frame_of_each_camera(tmp_path: Path) -> None:
    table = frame_table(answer(tmp_path, ("a.mp4", 30.0, 60, 0.0), ("b.mp4", 25.0, 60, 0.333)))
    assert table.ticks[0] == pytest.approx(0.333)
    assert np.diff(table.ticks) == pytest.approx(1 / 25)
    assert (np.diff(table.frames, axis=0) >= 0).all()
    assert table.frames[:, 1].tolist() == list(range(len(table.ticks)))
    assert np.abs(table.residuals[:, 0]).max() <= 0.5 / 30 + 1e-9
    rows = list(csv.reader(io.StringIO(long_csv(table))))
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == 1 + 2 * len(table.ticks)
    assert rows[1][:3] == ["0", "0", "10"]
    assert next(csv.reader(io.StringIO(wide_csv(table))))[2:4] == ["a.mp4 frame", "a.mp4 residual_ms"]


def test_frames_of_a_varying_rate_are_the_nearest_ones() -> None:
    rng = np.random.default_rng(0)
    times = np.cumsum(rng.uniform(0.01, 0.1, 200))
    ticks = np.linspace(times[0], times[-1], 500)
    found = nearest(times, ticks)
    assert (found == np.abs(times[None] - ticks[:, None]).argmin(axis=1)).all()
    assert nearest(np.array([2.0]), ticks).tolist() == [0] * 500


def test_drift_moves_the_frames_with_the_clock(tmp_path: Path) -> None:
    given = answer(tmp_path, ("a.mp4", 10.0, 100, 0.0), ("b.mp4", 10.0, 100, 0.0))
    given["files"][1]["drift_ppm"] = 20000.0
    table = frame_table(given)
    assert table.frames[-1, 0] - table.frames[-1, 1] == 2


def test_videos_that_never_run_together_have_no_table(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="no time at which all"):
        frame_table(answer(tmp_path, ("a.mp4", 30.0, 10, 0.0), ("b.mp4", 30.0, 10, 5.0)))


def test_names_that_are_no_unicode_can_be_written() -> None:
    table = FrameTable(("\udcff.mp4",), np.zeros(1), np.zeros((1, 1), np.int64), np.zeros((1, 1)))
    assert long_csv(table).encode("utf-8")


def test_an_answer_becomes_an_event_of_a_data_set(tmp_path: Path) -> None:
    (tmp_path / "walk").mkdir()
    given = answer(tmp_path / "walk", ("a.mp4", 30.0, 60, 0.0), ("b.mp4", 30.0, 50, 0.51))
    folder = tmp_path / "set"
    for event in ("other", None, None):  # the second time it replaces itself
        add_to_manifest(given, folder, event=event, split="val" if event else "train")
    manifest = read_manifest(folder)
    assert [sample.event for sample in manifest.samples] == ["other", "walk"]
    assert [(view.start_frame, view.num_frames) for view in manifest.samples[1].views] == [(0, 60), (15, 50)]
    problems = validate_manifest(manifest, deep=True)
    assert all("split" in problem for problem in problems)  # both events are of the same files
