"""From bodies and a camera to frames: parts become convex polygons, drawn far to near (painter's algorithm).

The canvas is drawn ``SUPERSAMPLING`` times larger with sub-pixel corners and averaged down, so that motion by
a fraction of a pixel shows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from dataset_preparation.synthetic.bodies import Box, Capsule, Part
from dataset_preparation.synthetic.camera import Camera
from dataset_preparation.synthetic.look import Exposure, Image, draw_background, draw_exposure, draw_palette
from dataset_preparation.synthetic.motion import Array, Rng
from dataset_preparation.synthetic.room import draw_furniture, draw_room

SUPERSAMPLING = 3
_SHIFT = 4  # bits behind the point of a corner's coordinates
_ARC = 9  # points on either end of a capsule
_PAINTS = 8  # colours a body
_FACES = np.array([[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]])
_AMBIENT = 0.45


@dataclass(frozen=True)
class Layer:
    """A polygon in time: corners [T, K, 2] (canvas pixels), depth [T] (m, inf: hidden), colour [T, 3]."""

    corners: Array
    depth: Array
    colour: Array


def render_view(
    bodies: tuple[list[Part], ...],
    light: Array,
    times: Array,
    camera: Camera,
    *,
    recorded: slice,
    look: Rng,
    noise: Rng,
    adjust: Callable[[Exposure], Exposure] | None = None,
    spotlit: bool = False,
) -> Iterator[Image]:
    """Frames uint8 [size, size, 3] RGB, one for each of the ``recorded`` ones of ``times`` [T] (s).

    Args:
        bodies: parts given at ``times``.
        light: [3] unit vector toward the light.
        look: draws colours, textures and exposure.
        noise: draws the sensor noise, frame after frame.
        adjust: makes another exposure of the one that was drawn.
        spotlit: the first body's first paint is bright, all else is dim. The camera stands still.
    """
    canvas_camera = replace(camera, size=camera.size * SUPERSAMPLING, focal=camera.focal * SUPERSAMPLING)
    room = draw_room(look) if camera.moves else None
    background = draw_background(look, canvas_camera) if room is None else room.seen_by(canvas_camera.at(0))
    if spotlit:
        background = (0.45 * background).astype(np.uint8)
    shade = look.uniform(0.45, 0.75)
    shaded = (background * shade).astype(np.uint8)
    exposure = draw_exposure(look, camera.size)
    if adjust is not None:
        exposure = adjust(exposure)
    layers: list[Layer] = []
    shadows: list[NDArray[np.int32]] = []
    drawn: list[list[Part]] = [*bodies, *([] if room is None else [draw_furniture(look, camera, len(times))])]
    for body, parts in enumerate(drawn):
        palette = draw_palette(look, _PAINTS)
        if spotlit:
            palette *= 0.5
            palette[0] += 120 * (body == 0)
        for part in parts:
            pattern = palette[look.integers(_PAINTS)] if look.random() < 0.6 else None
            colour = palette[part.paint % _PAINTS]
            if isinstance(part, Capsule):
                layers += _capsule_layers(part, canvas_camera, light, colour, pattern)
            else:
                layers += _box_layers(part, canvas_camera, light, colour, pattern)
            shadows.append(_fixed(_shadow(part, canvas_camera, light)))
    corners = [_fixed(layer.corners) for layer in layers]
    colours = np.stack([layer.colour for layer in layers], axis=1).clip(0, 255).tolist()  # [T][L] of three
    depths = np.stack([layer.depth for layer in layers], axis=1)  # [T, L]
    order = np.argsort(-depths, axis=1, kind="stable").tolist()
    visible = np.isfinite(depths).tolist()
    mask = np.empty(background.shape[:2], np.uint8)
    for t in range(len(times))[recorded]:
        if room is not None:
            background = room.seen_by(canvas_camera.at(t))
            shaded = (background * np.float32(shade)).astype(np.uint8)
        mask[:] = 0
        for shadow in shadows:
            cv2.fillConvexPoly(mask, cv2.convexHull(shadow[t]), 255, cv2.LINE_8, _SHIFT)
        canvas = background.copy()
        cv2.copyTo(shaded, mask, canvas)
        for index in order[t]:
            if visible[t][index]:
                cv2.fillConvexPoly(canvas, corners[index][t], colours[t][index], cv2.LINE_8, _SHIFT)
        small = cv2.resize(canvas, (camera.size, camera.size), interpolation=cv2.INTER_AREA)
        yield exposure.develop(np.asarray(small, np.uint8), float(times[t]), noise)


def _fixed(corners: Array) -> NDArray[np.int32]:
    """Canvas pixels → OpenCV's fixed-point corners, whose pixel centres are whole numbers."""
    return np.ascontiguousarray(np.round((corners - 0.5).clip(-5000, 5000) * 2**_SHIFT), np.int32)


def _outline(start: Array, end: Array, radius0: Array, radius1: Array) -> Array:
    """The hull of two circles: centres [T, 2], radii [T] → convex corners [T, 2 * _ARC, 2]."""
    inside = np.linalg.norm(end - start, axis=-1) <= np.abs(radius0 - radius1)
    swallowed0, swallowed1 = inside & (radius0 < radius1), inside & (radius1 <= radius0)
    start, end = np.where(swallowed0[:, None], end, start), np.where(swallowed1[:, None], start, end)
    radius0, radius1 = np.where(swallowed0, radius1, radius0), np.where(swallowed1, radius0, radius1)
    across = end - start
    length = np.maximum(np.linalg.norm(across, axis=-1), 1e-9)
    middle = np.arctan2(across[:, 1], across[:, 0])
    opening = np.arccos(np.clip((radius0 - radius1) / length, -1, 1))
    opening = np.where(inside, np.pi / 2, opening)
    along = np.linspace(-1, 1, _ARC)
    front = middle[:, None] + opening[:, None] * along  # [T, _ARC]
    back = middle[:, None] + np.pi + (np.pi - opening)[:, None] * along
    points1 = end[:, None] + radius1[:, None, None] * np.stack([np.cos(front), np.sin(front)], axis=-1)
    points0 = start[:, None] + radius0[:, None, None] * np.stack([np.cos(back), np.sin(back)], axis=-1)
    return np.concatenate([points1, points0], axis=1)


def _capsule_layers(part: Capsule, camera: Camera, light: Array, colour: Array, pattern: Array | None) -> list[Layer]:
    """The capsule, a sleeve of another colour around its middle (if ``pattern``), and its lit side."""
    start, depth0 = camera.project(part.start)
    end, depth1 = camera.project(part.end)
    radius0, radius1 = camera.focal * part.radius[0] / depth0, camera.focal * part.radius[1] / depth1
    depth = (depth0 + depth1) / 2
    axis = part.end - part.start
    length = np.linalg.norm(axis, axis=-1)
    along = np.where(length > 1e-6, (axis @ light) / np.maximum(length, 1e-6), 0.0)
    shade = (_AMBIENT + 0.45 * np.sqrt(1 - np.clip(along, -1, 1) ** 2))[:, None]  # [T, 1]
    layers = [Layer(_outline(start, end, radius0, radius1), depth, shade * colour)]
    if pattern is not None and length.min() > 1e-6:
        low, high = start + 0.35 * (end - start), start + 0.7 * (end - start)
        sleeve = _outline(low, high, 1.04 * radius0, 1.04 * radius1)
        layers.append(Layer(sleeve, depth - 1e-4, shade * pattern))
    shift = 0.35 * (camera.rotation[..., :2, :] @ light)  # toward the light, in the picture
    lit = _outline(start + radius0[:, None] * shift, end + radius1[:, None] * shift, 0.5 * radius0, 0.5 * radius1)
    brighter = np.minimum(shade * (colour if pattern is None else (colour + pattern) / 2) * 1.35 + 12, 255)
    return [*layers, Layer(lit, depth - 2e-4, brighter)]


def _box_layers(part: Box, camera: Camera, light: Array, colour: Array, pattern: Array | None) -> list[Layer]:
    """The faces turned toward the camera, with an inlay if ``pattern``."""
    flat, depth = camera.project(part.corners)  # [T, 8, 2], [T, 8]
    layers = []
    for face in _FACES:
        world = part.corners[:, face]  # [T, 4, 3]
        normal = np.cross(world[:, 1] - world[:, 0], world[:, 3] - world[:, 0])
        middle = world.mean(axis=1)
        normal *= np.sign(np.sum(normal * (middle - part.corners.mean(axis=1)), axis=-1, keepdims=True))  # outward
        normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-9)
        seen = np.sum(normal * (camera.position - middle), axis=-1) > 0
        shade = (_AMBIENT + 0.6 * np.clip(normal @ light, 0, 1))[:, None]
        near = np.where(seen, depth.mean(axis=1) - 1e-5, np.inf)
        corners = flat[:, face]
        layers.append(Layer(corners, near, shade * colour))
        if pattern is not None:
            inlay = corners.mean(axis=1, keepdims=True) * 0.4 + corners * 0.6
            layers.append(Layer(inlay, np.where(seen, near - 1e-4, np.inf), shade * pattern))
    return layers


def _shadow(part: Part, camera: Camera, light: Array) -> Array:
    """Outline [T, K, 2] of the part's shadow on the floor; its convex hull is the shadow."""
    if isinstance(part, Box):
        return camera.project(part.corners - light * (part.corners[..., 2:] / light[2]))[0]
    floor = [end - light * (end[:, 2:] / light[2]) for end in (part.start, part.end)]
    (start, depth0), (end, depth1) = (camera.project(point) for point in floor)
    thin = 0.7 * camera.focal
    return _outline(start, end, thin * part.radius[0] / depth0, thin * part.radius[1] / depth1)
