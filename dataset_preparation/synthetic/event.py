"""One event: a scene, its cameras, the files they record, and their place on the common timeline."""

from __future__ import annotations

import json
import os
import shutil
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dataset_preparation.synthetic.camera import place_camera
from dataset_preparation.synthetic.motion import Rng
from dataset_preparation.synthetic.render import render_view
from dataset_preparation.synthetic.scene import build_distractors, build_scene
from videosync.errors import ConfigError

GENERATOR = 1  # raised when the same settings give other frames; events of another number are not reused


@dataclass(frozen=True)
class Settings:
    """Everything an event depends on, beside its split and number."""

    views: int = 2
    frames: int = 60  # frames in each view's file
    fps: float = 30.0  # frames/s
    size: int = 96  # pixels, width and height
    offset_range: int = 15  # views start 0 … offset_range frames into the event
    distractors: int = 1  # bodies a view shows that no other does
    static_share: float = 0.1  # share of the event in which no body of the scene moves
    seed: int = 0

    def __post_init__(self) -> None:
        rules = [
            (2 <= self.views <= 12, "views", self.views, "2 to 12"),
            (self.frames >= 2, "frames", self.frames, "2 or more"),
            (1 <= self.fps <= 240, "fps", self.fps, "1 to 240 frames/s"),
            (16 <= self.size <= 2048 and self.size % 2 == 0, "size", self.size, "an even number, 16 to 2048"),
            (self.views - 1 <= self.offset_range < self.frames, "offset_range", self.offset_range,
             f"{self.views - 1} to {self.frames - 1}, since --views {self.views} start at different frames "
             f"and must overlap (--frames {self.frames})"),
            (0 <= self.distractors <= 20, "distractors", self.distractors, "0 to 20"),
            (0 <= self.static_share <= 0.8, "static_share", self.static_share, "0 to 0.8"),
            (self.seed >= 0, "seed", self.seed, "0 or more"),
        ]  # fmt: skip
        for holds, name, value, expected in rules:
            if not holds:
                raise ConfigError(f"--{name} {value}: must be {expected}")

    def fingerprint(self) -> dict[str, Any]:
        return {"generator": GENERATOR, **asdict(self)}


def event_name(split: str, number: int) -> str:
    return f"{split}_{number:04d}"


def read_event(folder: Path) -> dict[str, Any] | None:
    """The record of a finished event, or None. An event is there with its record or not at all."""
    path = folder / "event.json"
    if not path.is_file():
        return None
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except ValueError as error:
        raise ConfigError(f"{path}: not the record this script writes ({error}); delete {folder}") from error


def make_event(root: Path, split: str, number: int, settings: Settings) -> dict[str, Any]:
    """Render and encode one event into ``root/<event>/``; returns its record (its event.json).

    The event depends on ``settings``, ``split`` and ``number`` alone. Its folder is complete or absent.

    Raises:
        VideoError: a file cannot be written.
    """
    from videosync.video.write import write_video

    def stream(*key: int) -> Rng:
        return np.random.default_rng([settings.seed, zlib.crc32(split.encode()), number, *key])

    starts = stream(1).choice(settings.offset_range + 1, size=settings.views, replace=False)
    times = np.arange(settings.frames + settings.offset_range) / settings.fps
    scene = build_scene(stream(0), times, len(times) / settings.fps, settings.static_share)
    first_azimuth = stream(2).uniform(0, 2 * np.pi)
    name = event_name(split, number)
    folder, building = root / name, root / f".{name}.building"
    shutil.rmtree(building, ignore_errors=True)
    views = []
    for view, start in enumerate(int(s) for s in starts):
        camera = place_camera(stream(3, view), view, settings.views, first_azimuth, settings.size)
        bodies = scene.bodies + build_distractors(stream(4, view), scene.stage, settings.distractors)
        recorded = slice(start, start + settings.frames)
        frames = render_view(
            bodies, scene.light, times, camera, recorded=recorded, look=stream(5, view), noise=stream(6, view)
        )
        codec = stream(7, view)  # keyframes lie elsewhere in every view: their flashes must not line up
        write_video(
            building / f"cam{view}.mp4",
            frames,
            settings.fps,
            crf=int(codec.integers(18, 29)),
            gop=int(codec.integers(11, 61)),
            b_frames=int(codec.integers(0, 4)),
            preset="veryfast",
            threads=1,
            options={
                "x264-params": "mbtree=0"
            },  # with it, x264 reads memory it never wrote: other bytes each time
        )
        views.append({"video": f"{name}/cam{view}.mp4", "start_frame": start, "num_frames": settings.frames})
    record = {
        "event": name,
        "split": split,
        "settings": settings.fingerprint(),
        "views": views,
        "bodies": list(scene.kinds),
        "static_seconds": [[round(a, 3), round(b, 3)] for a, b in scene.pauses],
    }
    (building / "event.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)  # only there if its record is not
    os.replace(building, folder)
    return record
