"""Virtual moving cameras: footage of cameras that stand still, filmed again by one that shakes, pans or turns its head.

A window smaller than the picture wanders over it, turns and zooms, so that no border shows. Rows are read one after
the other (rolling shutter) and quick moves blur. There is no parallax: near and far things move alike, as they do for
a camera that turns and does not walk; for the rest see --camera_motion of dataset_preparation/synthetic_process.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from dataset_preparation.synthetic.camera_motion import band_noise, handheld, head, pan
from videosync.signals.grey import small_size
from videosync.video.read import iter_frames, probe
from videosync.video.write import VideoWriter

KINDS = ("fixed", "small", "large", "pan", "head")  # fixed: the same window, but it stays where it is
SIZE = 320  # pixels, longer side of what is written
WINDOW = 0.64  # share of the picture that the window shows
FARTHEST, STEEPEST, LARGEST = (
    0.2,
    0.05,
    0.08,
)  # window widths, rad, log of the size; beyond, a border would show
READOUT = 0.5  # of the time between frames, from the first to the last row
SHUTTER, INSTANTS = 0.3, 3  # how long a row is exposed, of the same; moments that are averaged
SHARP = 0.3  # pixels by which a picture may move while it is exposed and count as sharp


@dataclass(frozen=True)
class Wander:
    """Where the window is at each time [S]: centre (picture widths from the middle), turn (rad), size."""

    times: np.ndarray  # frames
    centre: np.ndarray  # [S, 2]
    turn: np.ndarray  # [S]
    size: np.ndarray  # [S], 1: WINDOW of the picture

    def at(self, time: np.ndarray) -> tuple[np.ndarray, ...]:
        """x, y, turn and size at any times (frames), of the shape of these."""
        curves = (self.centre[:, 0], self.centre[:, 1], self.turn, self.size)
        return tuple(np.interp(time, self.times, curve) for curve in curves)


def draw_wander(kind: str, num_frames: int, fps: float, aspect: float, rng: np.random.Generator) -> Wander:
    """Draw one of ``KINDS``. ``fps`` says how long a frame lasts, so that shake has its usual frequencies, ``aspect``
    (height / width of the picture) how far up and down it may go."""
    times = np.arange(-4, 4 * num_frames + 8) / 4  # frames; four samples each
    seconds = times / fps
    if kind == "fixed":
        return Wander(times, np.zeros((len(times), 2)), np.zeros(len(times)), np.ones(len(times)))
    sway = {
        "small": lambda: handheld(rng, seconds, 0.002, 0.008),
        "large": lambda: handheld(rng, seconds, 0.01, 0.03),
        "pan": lambda: pan(rng, seconds),
        "head": lambda: head(rng, seconds),
    }[kind]()
    zoom = band_noise(rng, seconds, 0.05, 0.4, 1)[:, 0] * (0.05 if kind == "pan" else 0.005)
    farthest = FARTHEST * np.array([1.0, min(1.0, aspect)])
    return Wander(
        times,
        farthest * np.tanh(sway.turn / farthest),
        STEEPEST * np.tanh(sway.roll / STEEPEST),
        np.exp(LARGEST * np.tanh(zoom / LARGEST)),
    )


class VirtualCamera:
    """Makes pictures uint8 [h,w,3] of ``size`` (h, w) out of larger ones, one after the other."""

    def __init__(self, wander: Wander, size: tuple[int, int]) -> None:
        height, width = size
        self.wander, self.number = wander, 0
        self.u, self.v = np.meshgrid(np.arange(width) - (width - 1) / 2, np.arange(height) - (height - 1) / 2)
        self.rows = np.linspace(0, READOUT, height)[:, None]

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """uint8 [H,W,3] → uint8 [h,w,3]."""
        wide = WINDOW * frame.shape[1]
        exposures = []
        for instant in np.linspace(0, SHUTTER, INSTANTS):
            x, y, turn, size = self.wander.at(self.number + self.rows + instant)
            step = size * wide / self.u.shape[1]  # source pixels for one of ours
            map_x = (
                (frame.shape[1] - 1) / 2 + x * wide + step * (np.cos(turn) * self.u - np.sin(turn) * self.v)
            )
            map_y = (
                (frame.shape[0] - 1) / 2 + y * wide + step * (np.sin(turn) * self.u + np.cos(turn) * self.v)
            )
            exposures.append((map_x.astype(np.float32), map_y.astype(np.float32)))
        self.number += 1
        if all(np.abs(a - b).max() < SHARP for a, b in zip(exposures[0], exposures[-1])):
            exposures = exposures[:1]
        seen = [cv2.remap(frame, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT) for x, y in exposures]
        return seen[0] if len(seen) == 1 else np.mean(seen, axis=0).round().astype(np.uint8)


def film(
    source: Path, targets: Mapping[str, Path], *, first: int, num_frames: int, seed: Sequence[int]
) -> None:
    """Film frames ``first …`` of a file again, once for each kind of camera: kind → file to write.

    What is written depends on ``seed`` and the kind alone. Raises VideoError.
    """
    info = probe(source)
    decoded = small_size(info.height, info.width, round(SIZE / WINDOW))
    height, width = (max(16, int(side * WINDOW) // 2 * 2) for side in decoded)
    with ExitStack() as stack:
        cameras = []
        for kind, target in targets.items():
            rng = np.random.default_rng([*seed, KINDS.index(kind)])
            gop = int(rng.integers(11, 61))
            wander = draw_wander(kind, num_frames, info.fps, decoded[0] / decoded[1], rng)
            writer = VideoWriter(
                target, info.fps, size=(height, width), crf=20, gop=gop, preset="veryfast", threads=1
            )
            cameras.append((VirtualCamera(wander, (height, width)), stack.enter_context(writer)))
        for frame in iter_frames(source, first, first + num_frames, size=decoded):
            for camera, writer in cameras:
                writer.write(camera(frame))
