"""Bodies: how a kind of body is built from capsules and boxes, and how it moves.

World: metres, z up, the floor at z = 0, the scene's centre at the origin. A body is a list of parts with
their points at every time; a sphere is a capsule whose two ends coincide.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dataset_preparation.synthetic.motion import Array, Ballistic, Clock, Rng, Smooth, StopAndGo

REACH = 1.3  # bodies stay within about this distance of the centre (m)


@dataclass(frozen=True)
class Capsule:
    """Ends [T, 3] each (m) and the radius at either end (m). ``paint`` names the colour inside its body."""

    start: Array
    end: Array
    radius: tuple[float, float]
    paint: int = 0


@dataclass(frozen=True)
class Box:
    """Corners [T, 8, 3] (m), in the order of :data:`CORNERS`."""

    corners: Array
    paint: int = 0


Part = Capsule | Box
CORNERS = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], float)  # [8, 3]


@dataclass(frozen=True)
class Stage:
    """What a body needs to know of its scene."""

    times: Array  # [T] s
    duration: float  # s
    pauses: list[tuple[float, float]]  # stretches (start, end) in s, in which nothing moves
    pace: Clock | None = None  # a scene has lively and quiet moments; None: its bodies have nothing in common

    def clock(self, rng: Rng, *, idle: float = 0.3, spread: float = 2.5, tempo: float = 1.0) -> Clock:
        """A new clock for one body of the scene."""
        return Clock(rng, self.duration, self.pauses, idle=idle, spread=spread, tempo=tempo, pace=self.pace)


def _sphere(centre: Array, radius: float, paint: int) -> Capsule:
    return Capsule(centre, centre, (radius, radius), paint)


def _polar(azimuth: Array, elevation: Array) -> Array:
    """Unit vectors [T, 3] of directions given as angles [T] (rad)."""
    flat = np.cos(elevation)
    return np.stack([flat * np.cos(azimuth), flat * np.sin(azimuth), np.sin(elevation)], axis=-1)


def _turned(points: Array, yaw: Array, tilt: Array) -> Array:
    """Points [P, 3] turned about x by ``tilt`` [T], then about z by ``yaw`` [T] → [T, P, 3]."""
    x, y, z = points.T  # [P] each
    ct, st, cy, sy = (f(a)[:, None] for a in (tilt, yaw) for f in (np.cos, np.sin))
    y1, z1 = ct * y - st * z, st * y + ct * z  # [T, P]
    return np.stack([cy * x - sy * y1, sy * x + cy * y1, z1], axis=-1)


def walker(rng: Rng, stage: Stage, legs: int) -> list[Part]:
    """Two- or four-legged; walks, hurries and halts along a closed curve, moves its arms or head and tail."""
    clock = stage.clock(rng, idle=0.3, tempo=rng.uniform(0.7, 1.4))
    size = rng.uniform(0.75, 1.15) if legs == 2 else rng.uniform(0.5, 0.8)  # 1: a person of 1.7 m
    rate, t = clock.rate(stage.times), clock(stage.times)
    distance = t * rng.uniform(0.5, 1.1)
    ground, heading = _closed_curve(rng, distance)
    phase = 2 * np.pi * distance / (rng.uniform(0.7, 1.2) * size) + rng.uniform(0, 2 * np.pi)
    swing = rng.uniform(0.35, 0.75) * np.sqrt(np.clip(rate, 0.0, 2.0))  # rad: larger steps when faster
    forward = np.stack([np.cos(heading), np.sin(heading), np.zeros_like(heading)], axis=-1)
    side = np.stack([-forward[:, 1], forward[:, 0], forward[:, 2]], axis=-1)
    up = np.array([0.0, 0.0, 1.0])
    leg = 0.42 * size
    hip_height = 2 * leg * (0.93 + 0.03 * np.cos(2 * phase) * np.clip(rate, 0, 1))
    hips = ground + up * hip_height[:, None]

    def limb(origin: Array, angle: Array, bend: Array, length: float, radius: float, paint: int) -> list[Part]:
        knee = origin + length * (np.sin(angle)[:, None] * forward - np.cos(angle)[:, None] * up)
        lower = angle + bend
        foot = knee + length * (np.sin(lower)[:, None] * forward - np.cos(lower)[:, None] * up)
        return [
            Capsule(origin, knee, (radius, 0.8 * radius), paint),
            Capsule(knee, foot, (0.8 * radius, 0.6 * radius), paint + 1),
        ]

    parts: list[Part] = []
    wide = 0.11 * size
    if legs == 2:
        shoulders = hips + up * 0.55 * size + forward * 0.05 * size
        parts += [Capsule(hips, shoulders, (0.13 * size, 0.17 * size), 0)]
        parts += [_sphere(shoulders + up * 0.27 * size + forward * 0.03 * size, 0.12 * size, 1)]
        pairs = [(hips, 0.0)]
        raise_by = StopAndGo(rng, stage.duration * 2, [-0.6, -0.6, 0, 0], [2.4, 2.4, 1.6, 1.6], hold=(0.1, 1.6))(t)
        for s, sign in enumerate((-1.0, 1.0)):
            angle = -sign * swing * np.sin(phase) + raise_by[:, s]
            root = shoulders + side * sign * 0.2 * size - up * 0.03 * size
            parts += limb(root, angle, 0.3 + raise_by[:, 2 + s], 0.3 * size, 0.055 * size, 2)
    else:
        front = hips + forward * 0.75 * size
        parts += [Capsule(hips, front, (0.16 * size, 0.18 * size), 0)]
        nod = StopAndGo(rng, stage.duration * 2, [-0.5, -1.2], [0.8, 1.2])(t)
        neck = front + 0.4 * size * _polar(heading + 0.3 * nod[:, 1], nod[:, 0])
        parts += [Capsule(front, neck, (0.1 * size, 0.12 * size), 1)]
        wag = heading + np.pi + 0.7 * np.sin(2 * np.pi * rng.uniform(1, 3) * t)
        parts += [Capsule(hips, hips + 0.45 * size * _polar(wag, 0.5 + 0 * wag), (0.04 * size, 0.02 * size), 2)]
        pairs = [(hips, 0.0), (front, np.pi / 2)]
    for root, lag in pairs:
        for sign in (-1.0, 1.0):
            step = phase + lag + (0 if sign < 0 else np.pi)
            bend = -np.clip(np.cos(step), 0, None) * 1.2 * swing
            parts += limb(root + side * sign * wide, swing * np.sin(step), bend, leg, 0.08 * size, 4)
    return parts


def _closed_curve(rng: Rng, distance: Array) -> tuple[Array, Array]:
    """Ground points [T, 3] and headings [T] after walking ``distance`` [T] (m) on a random closed curve."""
    u = np.linspace(0, 2 * np.pi, 721)
    radius = rng.uniform(0.5, 0.9) * (
        1 + 0.25 * np.sin(2 * u + rng.uniform(0, 6)) + 0.12 * np.sin(3 * u + rng.uniform(0, 6))
    )
    start, way = rng.uniform(0, 2 * np.pi), rng.choice([-1.0, 1.0])
    curve = radius[:, None] * np.stack([np.cos(start + way * u), np.sin(start + way * u)], axis=-1)
    curve += rng.uniform(-0.4, 0.4, size=2)
    steps = np.diff(curve, axis=0)
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(steps, axis=1))])
    at = np.mod(distance, along[-1])
    ground = np.stack([np.interp(at, along, curve[:, i]) for i in (0, 1)] + [np.zeros_like(at)], axis=-1)
    turning = np.unwrap(np.arctan2(steps[:, 1], steps[:, 0]))
    return ground, np.interp(at, along[:-1], turning)


def dancer(rng: Rng, stage: Stage) -> list[Part]:
    """Stands in one place; trunk and three to five two-link limbs jump from pose to pose in bursts."""
    clock = stage.clock(rng, idle=0.35, spread=2.0, tempo=rng.uniform(0.7, 1.5))
    t = clock(stage.times)
    size, long = rng.uniform(0.7, 1.2), stage.duration * 3
    foot = np.array([*rng.uniform(-0.8, 0.8, size=2), 0.0])
    place = foot + np.pad(StopAndGo(rng, long, [-0.15] * 2, [0.15] * 2, hold=(0.5, 3.0))(t), ((0, 0), (0, 1)))
    lean = StopAndGo(rng, long, [0.0, 0.9], [2 * np.pi, np.pi / 2], move=(0.3, 1.0), hold=(0.2, 1.5))(t)
    chest = place + np.array([0, 0, 0.55 * size]) + 0.5 * size * _polar(lean[:, 0], lean[:, 1])
    hips = place + np.array([0, 0, 0.6 * size])
    parts: list[Part] = [
        Capsule(place, hips, (0.1 * size, 0.13 * size), 0),
        Capsule(hips, chest, (0.13 * size, 0.16 * size), 1),
        _sphere(chest + np.array([0, 0, 0.28 * size]), 0.12 * size, 2),
    ]
    number = int(rng.integers(3, 6))
    for index in range(number):
        facing = 2 * np.pi * index / number + rng.uniform(-0.4, 0.4)
        slow = rng.uniform(0.15, 0.6)
        angles = StopAndGo(
            rng, long, [facing - 1, -1.2, -0.3, -0.3], [facing + 1, 1.4, 1.6, 1.6], move=(slow / 2, 2 * slow)
        )(t)
        upper = _polar(angles[:, 0], angles[:, 1])
        lower = _polar(angles[:, 0] + angles[:, 2], angles[:, 1] + angles[:, 3])
        elbow = chest + 0.36 * size * upper
        parts += [
            Capsule(chest, elbow, (0.07 * size, 0.055 * size), 3 + index % 2),
            Capsule(elbow, elbow + 0.34 * size * lower, (0.055 * size, 0.045 * size), 5),
        ]
    return parts


def ball(rng: Rng, stage: Stage) -> list[Part]:
    """Thrown, bounces, comes to rest, is thrown again; spins by the spots on it."""
    radius = rng.uniform(0.1, 0.22)
    centre = Ballistic(rng, stage.duration, stage.pauses, reach=REACH, radius=radius)(stage.times)
    travelled = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(centre, axis=0), axis=1))])
    directions = rng.normal(size=(3, 3))
    spots = 0.62 * radius * directions / np.linalg.norm(directions, axis=1, keepdims=True)
    turned = centre[:, None] + _turned(spots, 0 * travelled + rng.uniform(0, 6), travelled / radius / 3)  # [T, 3, 3]
    return [_sphere(centre, radius, 0), *(_sphere(turned[:, i], 0.5 * radius, 1) for i in range(len(spots)))]


def slider(rng: Rng, stage: Stage) -> list[Part]:
    """A box that is pushed over the floor: moves, stops, turns."""
    clock = stage.clock(rng, idle=0.2)
    half = rng.uniform(0.1, 0.3, size=3)
    reach = [REACH, REACH, np.pi]
    far = [-r for r in reach]
    way = StopAndGo(rng, stage.duration * 3, far, reach, move=(0.3, 1.4), hold=(0.1, 1.5), fastest=4.0)
    x, y, yaw = way(clock(stage.times)).T
    centre = np.stack([x, y, np.full_like(x, half[2])], axis=-1)
    return [Box(centre[:, None] + _turned(CORNERS * half, yaw, 0 * yaw))]


def drone(rng: Rng, stage: Stage) -> list[Part]:
    """Floats on a smooth path that it runs along faster and slower, turning as it goes."""
    clock = stage.clock(rng, idle=0.1, spread=1.8)
    t = clock(stage.times)
    centre = Smooth(rng, [-REACH, -REACH, 0.9], [REACH, REACH, 1.9])(t)
    yaw, tilt = Smooth(rng, [-4.0, -0.8], [4.0, 0.8])(t).T
    half = rng.uniform(0.06, 0.16, size=3)
    parts: list[Part] = [Box(centre[:, None] + _turned(CORNERS * half, yaw, tilt))]
    tips = centre[:, None] + _turned(np.array([[0.35, 0, 0], [-0.35, 0, 0], [0, 0.35, 0], [0, -0.35, 0]]), yaw, tilt)
    parts += [Capsule(tips[:, 0], tips[:, 1], (0.03, 0.03), 1), Capsule(tips[:, 2], tips[:, 3], (0.03, 0.03), 2)]
    return parts


def spinner(rng: Rng, stage: Stage) -> list[Part]:
    """Strictly periodic: a pole with a swinging or turning bar. Alone it would leave the offset ambiguous."""
    clock = Clock(rng, stage.duration, stage.pauses, idle=0.0, spread=1.0)
    angle = 2 * np.pi * clock(stage.times) / rng.uniform(0.5, 2.0) + rng.uniform(0, 2 * np.pi)
    if rng.random() < 0.5:  # a pendulum
        angle = -np.pi / 2 + rng.uniform(0.4, 0.9) * np.sin(angle)
    place = np.array([*rng.uniform(-REACH, REACH, size=2), 0.0])
    top = np.broadcast_to(place + np.array([0, 0, rng.uniform(0.9, 1.4)]), (len(angle), 3))
    across = _polar(np.array(rng.uniform(0, 2 * np.pi)), np.array(0.0))
    arm = rng.uniform(0.35, 0.6) * (np.cos(angle)[:, None] * across + np.sin(angle)[:, None] * np.array([0, 0, 1.0]))
    radius = rng.uniform(0.04, 0.12)
    return [
        Capsule(np.broadcast_to(place, top.shape), top, (0.04, 0.04), 0),
        Capsule(top, top + arm, (0.03, 0.03), 1),
        _sphere(top + arm, radius, 2),
    ]


KINDS: dict[str, Callable[[Rng, Stage], list[Part]]] = {
    "biped": lambda rng, stage: walker(rng, stage, 2),
    "quadruped": lambda rng, stage: walker(rng, stage, 4),
    "dancer": dancer,
    "ball": ball,
    "slider": slider,
    "drone": drone,
    "spinner": spinner,
}
