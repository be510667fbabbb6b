"""Events that are seen and heard: one body strikes, in one of five motions, and is of wood or of metal.

The event (:class:`World`) is what happens and when; each of its views is a camera with a microphone, which start
together, at a frame of their own, and have a look, a place and a band of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from dataset_preparation.synthetic.bodies import Stage
from dataset_preparation.synthetic.camera import Camera, place_camera
from dataset_preparation.synthetic.event import EventSettings, draws, event_name
from dataset_preparation.synthetic.look import Image
from dataset_preparation.synthetic.motion import Array, Rng
from dataset_preparation.synthetic.recording import Recording, draw_recordings
from dataset_preparation.synthetic.render import render_view
from dataset_preparation.synthetic.scene import build_distractors, draw_light
from dataset_preparation.synthetic.sound import (
    LEAD,
    MATERIALS,
    RATE,
    SPEED,
    Body,
    Room,
    Wave,
    draw_body,
    draw_foreign,
    draw_room,
    record,
)
from dataset_preparation.synthetic.striking import MOTIONS, Action, Hits
from videosync.files import new_folder, write_json

LABELS = tuple(f"{motion}_{material}" for motion, material in product(MOTIONS, MATERIALS))
_AAC = {"aac_coder": "fast"}  # a third of the time of the usual one, and 0.9997 alike
_SILENT = ("drone", "slider")  # distractors: bodies that strike nothing


@dataclass(frozen=True)
class SoundSettings(EventSettings):
    """What an event with sound depends on, beside its split and number."""

    views: int = 1
    frames: int = 32
    fps: float = 8.0
    size: int = 64
    offset_range: int = 8

    _fewest = 1  # views; not a field

    def fingerprint(self) -> dict[str, Any]:
        return {"sound": True, **super().fingerprint()}


@dataclass(frozen=True)
class World:
    """What happens, whoever films it: times are seconds since the event began."""

    label: str  # motion and material, of LABELS
    action: Action
    body: Body
    foreign: Hits  # strikes that no camera sees
    foreign_body: Body
    room: Room
    heading: float  # rad, of the plane in which the striker moves
    place: Array  # [2] m
    scale: float
    light: Array  # [3] unit vector toward the light


def draw_label(seed: int, split: str, number: int) -> str:
    """Every ten events, from event 0 on, hold each label once, in an order of their own."""
    block, index = divmod(number, len(LABELS))
    return LABELS[draws(seed, split, block, 20).permutation(len(LABELS))[index]]


def build_world(rng: Rng, label: str, duration: float) -> World:
    """An event of ``duration`` s; its strikes begin before it, so that their echoes are there from its start."""
    motion, _, material = label.rpartition("_")
    return World(
        label,
        MOTIONS[motion](rng, -LEAD, duration),
        draw_body(rng, material),
        draw_foreign(rng, -LEAD, duration),
        draw_body(rng, str(rng.choice(list(MATERIALS)))),
        draw_room(rng),
        heading=rng.uniform(0, 2 * np.pi),
        place=rng.uniform(-0.3, 0.3, size=2),
        scale=rng.uniform(1.2, 1.45),
        light=draw_light(rng),
    )


@dataclass(frozen=True)
class Take:
    """One view of an event: what its camera and its microphone recorded."""

    recording: Recording
    frames: Iterator[Image]  # uint8 [size, size, 3] each
    sound: Wave  # float32 [samples] at RATE; its first sample is heard as frame 0 is taken
    delay: float  # s, that the sound of a hit takes to the microphone


def draw_event(split: str, number: int, settings: SoundSettings) -> tuple[World, list[Take]]:
    """Event ``number`` of a split and what its views record, which depend on these three arguments alone."""
    stream = partial(draws, settings.seed, split, number)
    recordings = draw_recordings(
        stream, views=settings.views, frames=settings.frames, fps=settings.fps,
        offset_range=settings.offset_range, rates=(), overlap=0.0,
    )  # fmt: skip
    duration = (settings.frames + settings.offset_range) / settings.fps
    world = build_world(stream(0), draw_label(settings.seed, split, number), duration)
    takes = []
    for view, recording in enumerate(recordings):
        camera = _place_camera(stream, world, view, settings)
        distance = float(np.linalg.norm(camera.position - [*world.place, 0.5]))
        frames = _film(stream, world, view, recording, camera, settings.distractors)
        takes.append(Take(recording, frames, _hear(world, recording, distance, stream(21, view)), distance / SPEED))
    return world, takes


def make_sound_event(root: Path, split: str, number: int, settings: SoundSettings) -> dict[str, Any]:
    """Render, sound and encode one event into ``root/<event>/``; returns its record (its event.json).

    Its folder is complete or absent.

    Raises:
        VideoWriteError: a file cannot be written.
    """
    from videosync.video.sound_track import Sound
    from videosync.video.write import CLIP_OPTIONS, write_video

    world, takes = draw_event(split, number, settings)
    name = event_name(split, number)
    with new_folder(root / name) as building:
        for view, take in enumerate(takes):
            file, sound = building / f"cam{view}.mp4", Sound(take.sound, RATE, options=_AAC)
            write_video(file, take.frames, take.recording.fps, crf=23, threads=1, sound=sound, **CLIP_OPTIONS)
        hits = world.action.hits
        record = {
            "event": name,
            "split": split,
            "label": world.label,
            "settings": settings.fingerprint(),
            "views": [{"video": f"{name}/cam{i}.mp4", **asdict(take.recording)} for i, take in enumerate(takes)],
            "sound_delays": [round(take.delay, 6) for take in takes],  # s, from a hit to each view's microphone
            "hits": [[round(float(t), 6), round(float(s), 3)] for t, s in zip(hits.times, hits.strengths) if t >= 0],
            "foreign_hits": [round(float(t), 6) for t in world.foreign.times if t >= 0],
        }
        write_json(building / "event.json", record)
    return record


def _place_camera(stream: Callable[..., Rng], world: World, view: int, settings: SoundSettings) -> Camera:
    """Cameras look across the plane of the striker: one alone within 20 degrees of straight, several on both sides."""
    half = 0.35 if settings.views == 1 else 0.2
    middle = world.heading + np.pi / 2 + stream(2).uniform(-half, half)
    spread = (settings.views - 1) * np.pi / max(settings.views, 3)  # half of what place_camera spreads them over
    return place_camera(stream(3, view), view, settings.views, middle - spread, settings.size)


def _film(
    stream: Callable[..., Rng], world: World, view: int, recording: Recording, camera: Camera, distractors: int
) -> Iterator[Image]:
    times = (recording.start_frame + np.arange(recording.num_frames)) / recording.fps
    striker = world.action.placed(times, scale=world.scale, heading=world.heading, place=world.place)
    stage = Stage(times, float(times[-1]), [])
    silent = build_distractors(stream(4, view), stage, distractors, _SILENT)
    everything = slice(0, recording.num_frames)
    look, noise = stream(5, view), stream(6, view)
    return render_view(
        (striker, *silent), world.light, times, camera, recorded=everything, look=look, noise=noise, spotlit=True
    )


def _hear(world: World, recording: Recording, distance: float, rng: Rng) -> Wave:
    samples = round(recording.duration * RATE)
    begin, count = recording.start - LEAD, round(LEAD * RATE) + samples
    struck = world.body.ring(world.action.hits, begin, count, rng)
    foreign = world.foreign_body.ring(world.foreign, begin, count, rng)
    return record([(struck, distance), (foreign, rng.uniform(2.0, 12.0))], world.room, samples, rng)
