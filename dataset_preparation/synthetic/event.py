"""One event: a scene, its cameras, the files they record, and their place on the common timeline."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from dataset_preparation.synthetic.camera import place_camera
from dataset_preparation.synthetic.camera_motion import CAMERA_MOTIONS, CameraMotion, move_camera
from dataset_preparation.synthetic.exposure import draw_course, harsher
from dataset_preparation.synthetic.look import Exposure
from dataset_preparation.synthetic.motion import Rng
from dataset_preparation.synthetic.recording import Recording, draw_recordings
from dataset_preparation.synthetic.render import render_view
from dataset_preparation.synthetic.scene import Scene, build_distractors, build_scene
from videosync.errors import ConfigError
from videosync.files import new_folder, read_object, write_json

GENERATOR = 1  # raised when the same settings give other frames; events of another number are not reused


@dataclass(frozen=True)
class EventSettings:
    """What every kind of event depends on, beside its split and number."""

    views: int = 2
    frames: int = 60  # frames in each view's file, at ``fps``
    fps: float = 30.0  # frames/s
    size: int = 96  # pixels, width and height
    offset_range: int = 15  # views start 0 … offset_range frames into the event
    distractors: int = 1  # bodies a view shows that no other does
    seed: int = 0

    _fewest = 2  # views; not a field

    def __post_init__(self) -> None:
        for holds, name, value, expected in self._rules():
            if not holds:
                raise ConfigError(f"--{name} {value}: must be {expected}")

    def _rules(self) -> list[tuple[bool, str, Any, str]]:
        fewest = self._fewest
        return [
            (fewest <= self.views <= 12, "views", self.views, f"{fewest} to 12"),
            (self.frames >= 2, "frames", self.frames, "2 or more"),
            (1 <= self.fps <= 240, "fps", self.fps, "1 to 240 frames/s"),
            (16 <= self.size <= 2048 and self.size % 2 == 0, "size", self.size, "an even number, 16 to 2048"),
            (self.views - 1 <= self.offset_range < self.frames, "offset_range", self.offset_range,
             f"{self.views - 1} to {self.frames - 1}, "
             + (f"since --views {self.views} start at different frames and must overlap (--frames {self.frames})"
                if self.views > 1 else f"less than --frames {self.frames}")),
            (0 <= self.distractors <= 20, "distractors", self.distractors, "0 to 20"),
            (self.seed >= 0, "seed", self.seed, "0 or more"),
        ]  # fmt: skip

    def fingerprint(self) -> dict[str, Any]:
        return {"generator": GENERATOR, **asdict(self)}


@dataclass(frozen=True)
class Settings(EventSettings):
    """What a silent scene of several bodies depends on."""

    static_share: float = 0.1  # share of the event in which no body of the scene moves
    # what makes an event hard; without these, events are the same to the byte as before there was such a thing
    rates: tuple[float, ...] = ()  # frames/s that views draw from; empty: all have ``fps``
    overlap: float = 0.0  # above 0: share of the shorter file that the earliest and the latest view share
    contrast: float = 0.0  # stops by which views differ in exposure, beyond what is usual
    exposure_steps: int = 0  # of automatic exposure, which then also settles and drifts
    flicker: float = 0.0  # of the light, relative
    camera_motion: CameraMotion = "fixed"  # "handheld", "pan" or "head": every camera moves on its own

    def _rules(self) -> list[tuple[bool, str, Any, str]]:
        return [
            *super()._rules(),
            (0 <= self.static_share <= 0.8, "static_share", self.static_share, "0 to 0.8"),
            (all(1 <= rate <= 240 for rate in self.rates), "rates", self.rates, "1 to 240 frames/s each"),
            (0 <= self.overlap <= 1, "overlap", self.overlap, "above 0 to 1, or 0 for --offset_range to count"),
            (0 <= self.contrast <= 3, "contrast", self.contrast, "0 to 3 stops"),
            (0 <= self.exposure_steps <= 50, "exposure_steps", self.exposure_steps, "0 to 50"),
            (0 <= self.flicker <= 0.5, "flicker", self.flicker, "0 to 0.5"),
            (self.camera_motion in CAMERA_MOTIONS, "camera_motion", self.camera_motion, ", ".join(CAMERA_MOTIONS)),
        ]

    def fingerprint(self) -> dict[str, Any]:
        return super().fingerprint() | {"rates": list(self.rates)}


def event_name(split: str, number: int) -> str:
    return f"{split}_{number:04d}"


def draws(seed: int, split: str, number: int, *key: int) -> Rng:
    """A generator of its own for each ``key`` of an event."""
    return np.random.default_rng([seed, zlib.crc32(split.encode()), number, *key])


def read_event(folder: Path) -> dict[str, Any] | None:
    """The record of a finished event, or None. An event is there with its record or not at all."""
    path = folder / "event.json"
    if not path.is_file():
        return None
    try:
        return read_object(path)
    except ValueError as error:
        raise ConfigError(f"{path}: not the record this script writes ({error}); delete {folder}") from error


def make_event(root: Path, split: str, number: int, settings: Settings) -> dict[str, Any]:
    """Render and encode one event into ``root/<event>/``; returns its record (its event.json).

    The event depends on ``settings``, ``split`` and ``number`` alone. Its folder is complete or absent.

    Raises:
        VideoWriteError: a file cannot be written.
    """
    from videosync.video.write import write_video

    stream = partial(draws, settings.seed, split, number)
    recordings = draw_recordings(
        stream, views=settings.views, frames=settings.frames, fps=settings.fps,
        offset_range=settings.offset_range, rates=settings.rates, overlap=settings.overlap,
    )  # fmt: skip
    duration = (settings.frames + settings.offset_range) / settings.fps
    last = max(recording.start + recording.duration for recording in recordings)
    duration = last if last > duration + 1e-6 else duration

    def scene_at(fps: float) -> Scene:
        """The scene at all frames of such a rate since the event began: the same for all rates but for the times."""
        times = np.arange(math.ceil(duration * fps - 1e-6)) / fps
        return build_scene(stream(0), times, duration, settings.static_share)

    first_azimuth = stream(2).uniform(0, 2 * np.pi)
    name = event_name(split, number)
    views = []
    with new_folder(root / name) as building:
        for view, recording in enumerate(recordings):
            camera = place_camera(stream(3, view), view, settings.views, first_azimuth, settings.size)
            scene = scene_at(recording.fps)
            camera = move_camera(camera, stream(9, view), scene.stage.times, settings.camera_motion)
            bodies = scene.bodies + build_distractors(stream(4, view), scene.stage, settings.distractors)
            first = recording.start_frame
            frames = render_view(
                bodies,
                scene.light,
                scene.stage.times,
                camera,
                recorded=slice(first, first + recording.num_frames),
                look=stream(5, view),
                noise=stream(6, view),
                adjust=_adjustment(stream(8, view), recording, settings),
            )
            codec = stream(7, view)  # keyframes lie elsewhere in every view: their flashes must not line up
            write_video(
                building / f"cam{view}.mp4",
                frames,
                recording.fps,
                crf=int(codec.integers(18, 29)),
                gop=int(codec.integers(11, 61)),
                b_frames=int(codec.integers(0, 4)),
                preset="veryfast",
                threads=1,
                # with mbtree, x264 reads memory it never wrote: other bytes each time
                options={"x264-params": "mbtree=0"},
            )
            views.append({"video": f"{name}/cam{view}.mp4", **asdict(recording)})
        record = {
            "event": name,
            "split": split,
            "settings": settings.fingerprint(),
            "views": views,
            "bodies": list(scene.kinds),
            "static_seconds": [[round(a, 3), round(b, 3)] for a, b in scene.pauses],
        }
        write_json(building / "event.json", record)
    return record


def _adjustment(rng: Rng, recording: Recording, settings: Settings) -> Callable[[Exposure], Exposure] | None:
    """What is done to a camera's exposure in hard events."""
    if not (settings.contrast or settings.exposure_steps or settings.flicker):
        return None
    course = draw_course(
        rng, recording.start, recording.duration, steps=settings.exposure_steps, flicker=settings.flicker
    )
    return lambda exposure: replace(harsher(exposure, rng, settings.contrast), course=course)
