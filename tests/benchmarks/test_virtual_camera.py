"""Virtual cameras: no border shows, a fixed one stands still, and the same seed films the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.virtual_camera import KINDS, VirtualCamera, draw_wander, film
from videosync.video.read import read_frames
from videosync.video.write import write_video


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [(90, 160), (160, 90), (60, 150)])
def test_no_border_shows(kind: str, size: tuple[int, int]) -> None:
    height, width = size
    frame = np.zeros((height, width, 3), np.uint8)
    frame[[0, -1]] = frame[:, [0, -1]] = 255
    for seed in range(3):
        wander = draw_wander(kind, 90, 30.0, height / width, np.random.default_rng(seed))
        camera = VirtualCamera(wander, (int(0.64 * height), int(0.64 * width)))
        assert max(camera(frame).max() for _ in range(90)) == 0


def test_kinds_move_as_far_as_they_should() -> None:
    def reach(kind: str) -> float:
        """Largest distance from the middle, in widths of the window; the median of some cameras."""
        drawn = [draw_wander(kind, 300, 30.0, 1.0, np.random.default_rng(seed)) for seed in range(9)]
        return float(np.median([np.abs(wander.centre[:, 0]).max() for wander in drawn]))

    assert reach("fixed") == 0
    assert 0.002 < reach("small") < 0.03 < reach("large") * 2 < 0.3
    assert reach("pan") > 0.05
    assert 0.07 < reach("head") <= 0.2


def test_a_fixed_one_stands_still_and_others_do_not(tmp_path: Path) -> None:
    frame = np.random.default_rng(0).integers(0, 255, (12, 16, 3), np.uint8).repeat(10, 0).repeat(10, 1)
    write_video(tmp_path / "still.mp4", np.repeat(frame[None], 20, axis=0), 30.0, crf=8)
    changes = {}
    for run in ("a", "b"):
        targets = {kind: tmp_path / f"{run}_{kind}.mp4" for kind in ("fixed", "large")}
        film(tmp_path / "still.mp4", targets, first=2, num_frames=15, seed=[3])
        for kind, path in targets.items():
            frames = read_frames(path).astype(int)
            assert frames.shape == (15, 76, 102, 3)
            changes[run, kind] = np.abs(np.diff(frames, axis=0)).mean()
        assert changes[run, "fixed"] < 1.5 < 3 < changes[run, "large"]
    assert (tmp_path / "a_large.mp4").read_bytes() == (tmp_path / "b_large.mp4").read_bytes()
