"""What a view looks like: colours, background, exposure, noise. Drawn anew for every view of every event.

Nothing here follows the event, so that only motion can tell two views of one moment from those of another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dataset_preparation.synthetic.camera import Camera
from dataset_preparation.synthetic.motion import Array, Rng

Image = NDArray[np.uint8]


@dataclass(frozen=True)
class Exposure:
    """From scene brightness to pixel values: drifting gain, white balance, gamma, vignette, noise."""

    gain: float
    drift_size: Array  # [2] relative
    drift_omega: Array  # [2] rad/s
    drift_phase: Array  # [2] rad
    balance: Array  # [3] a colour's factor
    gamma: float
    vignette: NDArray[np.float32]  # [H, W, 1]
    noise: float  # grey levels, standard deviation of the dark picture
    shot: float  # grey levels of noise at full white
    blur: float  # sigma, pixels
    course: Callable[[float], float] | None = None  # further gain at a time (s), see exposure.py

    def develop(self, image: Image, time: float, rng: Rng) -> Image:
        """uint8 [H, W, 3] scene brightness → uint8 [H, W, 3] as the camera records it at ``time`` (s)."""
        gain = self.gain * np.exp(np.sum(self.drift_size * np.sin(self.drift_omega * time + self.drift_phase)))
        if self.course is not None:
            gain *= self.course(time)
        levels = np.arange(256)[:, None] / 255 * gain * self.balance
        table = (255 * np.minimum(levels, 1.0) ** self.gamma).astype(np.float32)  # [256, 3]
        picture: NDArray[Any] = cv2.LUT(image, table[None])  # float32
        picture *= self.vignette
        if self.blur > 0.2:
            picture = cv2.GaussianBlur(picture, (0, 0), self.blur)
        sigma = self.noise + self.shot * np.sqrt(picture / 255)
        picture += sigma * rng.standard_normal(picture.shape, dtype=np.float32)
        return np.clip(picture + 0.5, 0, 255).astype(np.uint8)


def draw_exposure(rng: Rng, size: int) -> Exposure:
    """A camera's exposure; the drift's periods are 4 to 20 s, far slower than motion."""
    at = (np.arange(size) + 0.5) / size * 2 - 1
    radius = at[:, None] ** 2 + at[None] ** 2
    return Exposure(
        gain=float(np.exp(rng.uniform(np.log(0.65), np.log(1.45)))),
        drift_size=rng.uniform(0.0, 0.06, size=2),
        drift_omega=2 * np.pi / rng.uniform(4.0, 20.0, size=2),
        drift_phase=rng.uniform(0, 2 * np.pi, size=2),
        balance=rng.uniform(0.85, 1.15, size=3),
        gamma=float(rng.uniform(0.7, 1.2)),
        vignette=(1 - rng.uniform(0, 0.22) * radius).astype(np.float32)[..., None],
        noise=float(np.exp(rng.uniform(np.log(0.4), np.log(2.0)))),
        shot=float(rng.uniform(0.3, 2.5)),
        blur=float(rng.uniform(0.0, 0.7) * size / 96),
    )


def draw_palette(rng: Rng, number: int) -> NDArray[np.float64]:
    """Random colours [number, 3], 0…255: some loud, some drab."""
    hsv = np.stack(
        [rng.integers(0, 180, number), rng.integers(20, 230, number), rng.integers(50, 235, number)], axis=-1
    )
    return cv2.cvtColor(hsv[None].astype(np.uint8), cv2.COLOR_HSV2RGB)[0].astype(float)


def draw_background(rng: Rng, camera: Camera) -> Image:
    """A textured floor in perspective and a wall, uint8 [size, size, 3]."""
    floor = camera.floor_points()
    above = np.isnan(floor[..., 0])
    floor = np.nan_to_num(floor).clip(-30, 30)
    wall_colour, floor_colour, tile_colour = draw_palette(rng, 3)
    picture = draw_floor(rng, floor[..., 0], floor[..., 1], floor_colour, tile_colour)
    away = np.linalg.norm(floor, axis=-1)
    picture *= (0.9 * np.exp(-np.maximum(away - 3, 0) / 8))[..., None] + 0.1
    shade = np.linspace(rng.uniform(0.6, 1.0), rng.uniform(0.6, 1.0), camera.size)[:, None, None]
    picture = np.where(above[..., None], wall_colour * shade, picture)
    for _ in range(int(rng.integers(0, 6))):  # pictures, doors, furniture far behind
        top, left = rng.uniform(-0.1, 0.6) * camera.size, rng.uniform(-0.1, 0.9) * camera.size
        high, wide = rng.uniform(0.05, 0.35, size=2) * camera.size
        patch = np.zeros((camera.size, camera.size), bool)
        patch[max(0, int(top)) : int(top + high), max(0, int(left)) : int(left + wide)] = True
        picture[patch & above] = draw_palette(rng, 1)[0]
    picture += draw_cloud(rng, camera.size)[..., None] * rng.uniform(5, 30)
    return np.clip(picture, 5, 250).astype(np.uint8)


def draw_floor(rng: Rng, x: Array, y: Array, colour: Array, other: Array) -> Array:
    """Colours [..., 3] of the places x, y [...] (m) of a floor: turned tiles or planks of two colours, or plain."""
    turn, scale = rng.uniform(0, 2 * np.pi), rng.uniform(0.3, 1.2)
    x, y = (np.cos(turn) * x - np.sin(turn) * y) / scale, (np.sin(turn) * x + np.cos(turn) * y) / scale
    tiles = [np.mod(np.floor(x) + np.floor(y), 2), np.mod(np.floor(x), 2), np.zeros_like(x)][rng.integers(3)]
    picture: Array = colour + rng.uniform(0.1, 0.6) * tiles[..., None] * (other - colour)
    return picture


def draw_cloud(rng: Rng, size: int, scales: tuple[int, ...] = (4, 9, 20, 45)) -> Array:
    """Noise of several scales (cells across the picture), standard deviation about 1, [size, size]."""
    total = np.zeros((size, size))
    for cells in scales:
        coarse = rng.normal(size=(cells, cells)).astype(np.float32)
        total += cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC) * (2 / cells**0.5)
    return total / total.std()
