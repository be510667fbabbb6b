"""How a camera moves while it records: held by hand, panned, worn on the head. NumPy only.

Turns are given as shares of the picture's width, which is how far the picture moves, whatever the lens.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from dataset_preparation.synthetic.camera import Camera
from dataset_preparation.synthetic.motion import Array, Rng

CameraMotion = Literal["fixed", "handheld", "pan", "head"]
CAMERA_MOTIONS: tuple[CameraMotion, ...] = get_args(CameraMotion)
_SINES = 24


@dataclass(frozen=True)
class Sway:
    """What a camera's hand or head does at each time."""

    turn: Array  # [T, 2] to the right and down, picture widths
    roll: Array  # [T] rad
    shift: Array  # [T, 3] m: right, down, forward


def band_noise(rng: Rng, times: Array, low: float, high: float, columns: int) -> Array:
    """Random curves [T, columns] of standard deviation 1, made of frequencies low … high (Hz), slow ones stronger."""
    frequency = np.exp(rng.uniform(np.log(low), np.log(high), size=(_SINES, columns)))
    size = frequency**-0.5 * rng.rayleigh(size=frequency.shape)
    size /= np.sqrt((size**2).sum(axis=0) / 2)
    phase = rng.uniform(0, 2 * np.pi, size=frequency.shape)
    return np.asarray((size * np.sin(2 * np.pi * frequency * times[:, None, None] + phase)).sum(axis=1))


def handheld(rng: Rng, times: Array, least: float = 0.002, most: float = 0.03) -> Sway:
    """Shake of 1 to 12 Hz, whose largest excursions are a share ``least`` … ``most`` of the width, and slow sway."""
    level = np.exp(rng.uniform(np.log(least), np.log(most))) / 2
    turn = level * band_noise(rng, times, 1, 12, 2) + 2 * level * band_noise(rng, times, 0.15, 1, 2)
    shift = 0.02 * band_noise(rng, times, 0.15, 1, 3) + 0.002 * band_noise(rng, times, 1, 6, 3)
    return Sway(turn, level * band_noise(rng, times, 0.5, 6, 1)[:, 0], shift * min(1.0, level / 0.005))


def pan(rng: Rng, times: Array) -> Sway:
    """A slow sweep over 10 to 30 % of the width and a move of up to half a metre, with a little shake."""
    shake = handheld(rng, times, 0.001, 0.004)
    slow = band_noise(rng, times, 0.04, 0.25, 5) / 1.5
    sweep = slow[:, :2] * rng.uniform(0.05, 0.15) * [1.0, 0.3]
    move = slow[:, 2:] * rng.uniform(0.1, 0.35) * [1.0, 0.2, 1.0]
    return Sway(shake.turn + sweep, shake.roll, shake.shift + move)


def head(rng: Rng, times: Array) -> Sway:
    """Quick turns of up to 20 % of the width every second or so, steps of about 2 Hz, and a slow walk."""
    shake = handheld(rng, times, 0.003, 0.008)
    turn, at = np.zeros((len(times), 2)), float(times[0])
    while at < times[-1]:
        quick, goal = rng.uniform(0.1, 0.3), np.clip(rng.normal(0, [0.09, 0.04]), -0.1, 0.1)
        share = np.clip((times - at) / quick, 0, 1)[:, None]
        share = share**3 * (10 - 15 * share + 6 * share**2)  # minimum jerk
        here = turn[min(int(np.searchsorted(times, at)), len(times) - 1)]
        turn = turn + share * (goal - here)
        at += quick + rng.exponential(0.7)
    pace = rng.uniform(1.6, 2.2)
    step = np.stack([np.sin(np.pi * pace * times), np.sin(2 * np.pi * pace * times + 1), 0 * times], axis=1)
    walk = 0.2 * band_noise(rng, times, 0.04, 0.25, 3) * [1.0, 0.1, 1.0]
    return Sway(shake.turn + turn, shake.roll, shake.shift + 0.015 * step + walk)


def move_camera(camera: Camera, rng: Rng, times: Array, kind: CameraMotion) -> Camera:
    """The camera with a pose for every time [T], about the one it stands in; as it is where ``kind`` is fixed."""
    if kind == "fixed":
        return camera
    sway = {"handheld": handheld, "pan": pan, "head": head}[kind](rng, times)
    camera = replace(camera, focal=0.85 * camera.focal)  # room for the subject
    yaw, pitch = (np.arctan(sway.turn * camera.size / camera.focal)).T
    right, down, ahead = camera.rotation
    ahead = ahead + np.tan(yaw)[:, None] * right + np.tan(pitch)[:, None] * down  # [T, 3]
    ahead /= np.linalg.norm(ahead, axis=1, keepdims=True)
    right = np.cos(sway.roll)[:, None] * right + np.sin(sway.roll)[:, None] * down
    right -= np.sum(right * ahead, axis=1, keepdims=True) * ahead
    right /= np.linalg.norm(right, axis=1, keepdims=True)
    rotation = np.stack([right, np.cross(ahead, right), ahead], axis=1)  # [T, 3, 3]
    position = camera.position + sway.shift @ camera.rotation
    position[:, 2] = np.maximum(position[:, 2], 0.2)
    return replace(camera, rotation=rotation, position=position)
