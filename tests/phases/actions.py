"""Small videos of one kind of action with phases: a disc crosses the picture, grows, falls and shrinks.

How long each phase takes differs from event to event, so the time alone does not tell the phase; two cameras see each
event, one of them mirrored and tinted. Phases are 0 … 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from videosync.data.frame_labels import save_labels
from videosync.data.manifest import write_manifest
from videosync.data.samples import Sample, View
from videosync.video.write import write_video

PHASES = 4
FPS = 20.0


def make_actions(
    root: Path, *, train: int, val: int, frames: tuple[int, int] = (40, 70), size: int = 48, seed: int = 0
) -> None:
    """Write a dataset of ``train`` + ``val`` events of ``frames`` (least, most) frames into ``root``."""
    samples = []
    for number in range(train + val):
        rng = np.random.default_rng([seed, number])
        event, split = f"action_{number:03d}", "train" if number < train else "val"
        labels, progress = phases(int(rng.integers(*frames)), rng)
        backdrop = rng.uniform(40, 110, 3) + rng.normal(0, 6, (size, size, 3))
        views = []
        for camera in range(2):
            pictures = [picture(phase, share, backdrop, camera) for phase, share in zip(labels, progress)]
            name = f"{event}/cam{camera}"
            write_video(root / f"{name}.mp4", pictures, FPS, preset="veryfast", threads=1)
            save_labels(root / f"{name}.json", labels)
            views.append(View(f"{name}.mp4", 0, len(labels), FPS, f"{name}.json"))
        samples.append(Sample(event, split, tuple(views)))
    write_manifest(root, samples)


def phases(count: int, rng: np.random.Generator) -> tuple[Sequence[int], np.ndarray]:
    """The phase of each frame, and how much of that phase has passed (0…1); each takes 5 frames or more."""
    spare = rng.multinomial(count - 5 * PHASES, rng.dirichlet(np.ones(PHASES)))
    lengths = 5 + spare
    labels = np.repeat(np.arange(PHASES), lengths)
    progress = np.concatenate([np.linspace(0, 1, n, endpoint=False) for n in lengths])
    return labels.tolist(), progress


def picture(phase: int, share: float, backdrop: np.ndarray, camera: int) -> np.ndarray:
    """uint8 ``[size, size, 3]``."""
    size = len(backdrop)
    x = 0.2 + 0.6 * (share if phase == 0 else 1)
    y = 0.25 + 0.5 * (0 if phase < 2 else share if phase == 2 else 1)
    radius = 0.08 + 0.1 * ((0, share, 1, 1 - share)[phase])
    color = np.array([(250, 210, 60), (250, 120, 60), (90, 240, 120), (120, 160, 250)][phase], np.float64)
    rows, columns = np.mgrid[:size, :size] / size
    disc = (columns - x) ** 2 + (rows - y) ** 2 < radius**2
    seen = np.where(disc[..., None], color, backdrop)
    if camera == 1:
        seen = seen[:, ::-1] * np.array([1.0, 0.85, 0.6])
    return seen.clip(0, 255).astype(np.uint8)
