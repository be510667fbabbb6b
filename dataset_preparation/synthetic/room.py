"""What stands still around the scene, for cameras that move: a floor and walls, and boxes nearer than the walls.

Unlike the drawn background of a fixed camera it has a place in the world, so that near things move past far ones.
Like it, it is drawn anew for every view.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dataset_preparation.synthetic.bodies import CORNERS, Box, Part
from dataset_preparation.synthetic.camera import Camera
from dataset_preparation.synthetic.look import Image, draw_cloud, draw_floor, draw_palette
from dataset_preparation.synthetic.motion import Rng

_TEXELS = 512  # of a wall and of the floor, each way
_HIGH = 9.0  # m, where a wall's picture ends


@dataclass(frozen=True)
class Room:
    """Four walls ``half`` metres from the centre: pictures [6, texels, texels, 3], the floor's the first."""

    half: float
    pictures: NDArray[np.uint8]

    def seen_by(self, camera: Camera) -> Image:
        """uint8 [size, size, 3], the room as a camera sees it that stands inside; its distortion is left out."""
        rays, here = camera.rays(), camera.position
        with np.errstate(divide="ignore"):
            along = np.where(rays[..., 2] < -1e-6, -here[2] / rays[..., 2], np.inf)  # to the floor
            walls = (np.sign(rays[..., :2]) * self.half - here[:2]) / rays[..., :2]  # [size, size, 2]
        side = np.argmin(walls, axis=-1)
        along = np.minimum(along, walls.min(axis=-1))
        floor = along < walls.min(axis=-1)
        points = here + along[..., None] * rays
        across = np.where(floor | (side == 1), points[..., 0], points[..., 1])
        up = np.where(floor, points[..., 1], points[..., 2] * 2 * self.half / _HIGH - self.half)
        facing = np.where(side == 0, rays[..., 0], rays[..., 1]) > 0
        which = np.where(floor, 0, 1 + 2 * side + facing)
        scale = (_TEXELS - 1) / (2 * self.half)
        x = ((across + self.half) * scale).clip(0, _TEXELS - 1)
        y = ((up + self.half) * scale).clip(0, _TEXELS - 1) + which * _TEXELS
        stacked = self.pictures.reshape(-1, _TEXELS, 3)
        seen = cv2.remap(stacked, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR)
        return np.asarray(seen, np.uint8)


def draw_room(rng: Rng) -> Room:
    """A tiled, planked or plain floor, and walls with doors and pictures."""
    half = rng.uniform(9.5, 12.0)
    colours = draw_palette(rng, 3)
    at = np.linspace(-half, half, _TEXELS)
    pictures = [draw_floor(rng, *np.meshgrid(at, at), colours[0], colours[1])]
    for _ in range(4):
        wall = np.broadcast_to(colours[2] * rng.uniform(0.6, 1.0), (_TEXELS, _TEXELS, 3)).copy()
        for _ in range(int(rng.integers(2, 12))):
            left, low = rng.uniform(0, 0.95, size=2) * _TEXELS
            wide, high = rng.uniform(0.03, 0.2, size=2) * _TEXELS
            wall[int(low * 0.5) : int(low * 0.5 + high), int(left) : int(left + wide)] = draw_palette(rng, 1)[0]
        pictures.append(wall)
    clouds = np.stack([draw_cloud(rng, _TEXELS, (9, 20, 45, 100)) for _ in pictures])[..., None]
    drawn = np.stack(pictures) + clouds * rng.uniform(5, 30)
    return Room(half, np.clip(drawn, 5, 250).astype(np.uint8))


def draw_furniture(rng: Rng, camera: Camera, times: int) -> list[Part]:
    """Up to six boxes that stand on the floor behind the scene or beside it, seen from where the camera starts."""
    view = camera.at(0)
    away = np.arctan2(-view.position[1], -view.position[0])  # from the camera to the centre and on
    boxes: list[Part] = []
    for number in range(int(rng.integers(2, 7))):
        azimuth, distance = away + rng.uniform(-1.2, 1.2), rng.uniform(2.5, 7.0)
        size = rng.uniform([0.2, 0.2, 0.2], [0.8, 0.8, 1.6]) / 2
        turn = rng.uniform(0, np.pi)
        x, y, z = (CORNERS * size).T
        corners = np.stack([np.cos(turn) * x - np.sin(turn) * y, np.sin(turn) * x + np.cos(turn) * y, z], axis=1)
        corners += [distance * np.cos(azimuth), distance * np.sin(azimuth), size[2]]
        boxes.append(Box(np.repeat(corners[None], times, axis=0), number))
    return boxes
