"""A small dataset of two cameras: blocks that move in bursts, seen mirrored, at another size and brightness."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from videosync.data.manifest import Sample, View, write_manifest
from videosync.video.write import write_video

FRAMES, FPS = 110, 25.0
STARTS = (0, 4)  # of the cameras' files, on the timeline of the event
EVENTS = ("walk_1", "jump", "kick")


def filmed(seed: int) -> np.ndarray:
    """An event on its timeline, uint8 [T, 48, 64, 3]: a block whose speed changes at random."""
    rng = np.random.default_rng(seed)
    speed = np.repeat(rng.exponential(1.2, 60), 2)[: FRAMES + max(STARTS)]
    places = np.cumsum(speed)
    scene = np.full((len(speed), 48, 64, 3), 90, np.uint8)
    for t, place in enumerate(places):
        left = int(abs((place % 96) - 48))
        scene[t, 10:30, left : left + 12] = 220
    return scene


@pytest.fixture(scope="session")
def two_cameras(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset folder: three events, two views each."""
    root = tmp_path_factory.mktemp("two_cameras")
    samples = []
    for seed, event in enumerate(EVENTS):
        scene = filmed(seed)
        views = []
        for camera, start in enumerate(STARTS):
            frames = scene[start : start + FRAMES]
            if camera:
                frames = frames[:, :, ::-1] // 2
            name = f"{event}/cam{camera}.mp4"
            write_video(root / name, frames, FPS, gop=37 + 20 * camera, options={"x264-params": "scenecut=0"})
            views.append(View(name, start, FRAMES, FPS))
        samples.append(Sample(event, "val", tuple(views)))
    write_manifest(root, samples)
    return root
