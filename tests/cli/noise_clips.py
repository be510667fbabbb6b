"""A dataset of noise, for what only needs something to decode."""

from pathlib import Path

import numpy as np

from videosync.data.manifest import write_manifest
from videosync.data.samples import Sample, View
from videosync.video.write import write_video


def write_noise_clips(folder: Path, *, train: int, val: int, apart: int = 1) -> None:
    """Events of two views, 20 frames of 32 x 32; the second camera starts ``apart`` frames later."""
    rng = np.random.default_rng(0)
    samples = []
    for number in range(train + val):
        names = [f"event{number}/cam{camera}.mp4" for camera in range(2)]
        for name in names:
            frames = rng.integers(0, 255, (20, 32, 32, 3), dtype=np.uint8)
            write_video(folder / name, frames, 25.0, preset="ultrafast")
        views = tuple(View(name, apart * camera, 20, 25.0) for camera, name in enumerate(names))
        samples.append(Sample(f"event{number}", "train" if number < train else "val", views))
    write_manifest(folder, samples)
