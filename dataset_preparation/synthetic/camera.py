"""A pinhole camera with radial distortion, aimed at the scene's centre, which may move."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dataset_preparation.synthetic.motion import Array, Rng

_SUBJECT = 1.75  # m: radius of the sphere around the scene that should fill the picture


@dataclass(frozen=True)
class Camera:
    """Pose, focal length and lens of one view. Picture coordinates are pixels, ``size`` wide and high.

    Args:
        rotation: [3, 3], rows are the camera's right, down and viewing direction in the world; [T, 3, 3] of a
            camera that moves.
        position: [3] m, or [T, 3].
        focal: pixels.
        distortion: first radial coefficient; points move by the factor ``1 + distortion * r^2``, r the
            distance from the picture's centre in units of half its size.
    """

    rotation: Array
    position: Array
    focal: float
    distortion: float
    size: int

    def project(self, points: Array) -> tuple[Array, Array]:
        """World points [..., 3] (m) → pixels [..., 2] and depth [...] (m along the viewing direction).

        Of a camera that moves the points are [T, ..., 3], those of each time.
        """
        if self.moves:
            apart = points - self.position.reshape(-1, *[1] * (points.ndim - 2), 3)
            local = np.einsum("t...j,tij->t...i", apart, self.rotation)
        else:
            local = (points - self.position) @ self.rotation.T
        depth = np.maximum(local[..., 2], 0.05)
        flat = self.focal * local[..., :2] / depth[..., None]
        half = self.size / 2
        spread = 1 + self.distortion * np.sum((flat / half) ** 2, axis=-1, keepdims=True).clip(0, 4)
        return flat * spread + half, depth

    @property
    def moves(self) -> bool:
        return self.rotation.ndim == 3

    def at(self, time: int) -> Camera:
        """The camera as it stands at one of its times."""
        if not self.moves:
            return self
        return replace(self, rotation=self.rotation[time], position=self.position[time])

    def rays(self) -> Array:
        """Each pixel's direction in the world: [size, size, 3], ``focal`` along the camera's axis; not distorted."""
        at = np.arange(self.size) + 0.5 - self.size / 2
        x, y = np.meshgrid(at, at)
        rays: Array = np.stack([x, y, np.full_like(x, self.focal)], axis=-1) @ self.rotation
        return rays

    def floor_points(self) -> Array:
        """Where each pixel's ray meets the floor: [size, size, 2] (m); NaN above the horizon."""
        rays = self.rays()
        with np.errstate(divide="ignore"):
            along = np.where(rays[..., 2] < -1e-6, -self.position[2] / rays[..., 2], np.nan)
        return self.position[:2] + along[..., None] * rays[..., :2]


def place_camera(rng: Rng, view: int, views: int, first_azimuth: float, size: int) -> Camera:
    """Camera ``view`` of ``views``, aimed near the centre, at random height, distance, focal length and roll.

    Azimuths are spread: any two of an event are at least 35 degrees apart if there are up to six cameras.

    Args:
        first_azimuth: rad, the same for all cameras of an event.
    """
    spacing = 2 * np.pi / max(views, 3)  # two cameras: 120 degrees apart, not face to face
    jitter = 0.3 if views <= 4 else 0.15
    azimuth = first_azimuth + spacing * (view + rng.uniform(-jitter, jitter))
    elevation, distance = np.radians(rng.uniform(8, 48)), rng.uniform(4.5, 9.0)
    flat = np.cos(elevation)
    away = np.array([flat * np.cos(azimuth), flat * np.sin(azimuth), np.sin(elevation)])
    target = np.array([*rng.uniform(-0.15, 0.15, size=2), rng.uniform(0.6, 0.85)])
    position = target + distance * away
    right = np.cross(-away, [0, 0, 1.0])
    right /= np.linalg.norm(right)
    down = np.cross(-away, right)
    roll = np.radians(rng.normal(0, 3))
    right, down = np.cos(roll) * right + np.sin(roll) * down, np.cos(roll) * down - np.sin(roll) * right
    fill = rng.uniform(0.85, 1.1)  # 1: the subject sphere touches the picture's edges
    focal = fill * size / 2 * np.sqrt(distance**2 - _SUBJECT**2) / _SUBJECT
    return Camera(np.stack([right, down, -away]), position, float(focal), float(rng.uniform(-0.12, 0.06)), size)
