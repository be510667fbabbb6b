"""A scene: which bodies it holds and when nothing moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dataset_preparation.synthetic.bodies import KINDS, Part, Stage
from dataset_preparation.synthetic.motion import Array, Clock, Rng, static_stretches

_ARTICULATED = ("biped", "quadruped", "dancer")
_FREE = ("ball", "slider", "drone")


@dataclass(frozen=True)
class Scene:
    """Bodies (each a list of parts given for every time), the light, and the stretches in which all rest."""

    bodies: tuple[list[Part], ...]
    kinds: tuple[str, ...]
    light: Array  # [3] unit vector toward the light
    pauses: list[tuple[float, float]]
    stage: Stage


def build_scene(rng: Rng, times: Array, duration: float, static_share: float) -> Scene:
    """Two or three articulated bodies, one to three free-moving ones (always one that is thrown or pushed, so
    that motion starts and stops), and in half of the scenes one strictly periodic body.

    Args:
        times: [T] s, where the scene is sampled; they lie in 0…duration.
        static_share: share of the duration in which nothing moves.
    """
    pauses = static_stretches(rng, duration, static_share)
    stage = Stage(times, duration, pauses, Clock(rng, duration, [], idle=0.2, spread=2.0, tempo=1.5))
    kinds = [str(k) for k in rng.choice(_ARTICULATED, size=int(rng.integers(2, 4)))]
    kinds.append(str(rng.choice(_FREE[:2])))
    kinds += [str(k) for k in rng.choice(_FREE, size=int(rng.integers(0, 3)))]
    if rng.random() < 0.5:
        kinds.append("spinner")
    light = draw_light(rng)
    return Scene(tuple(KINDS[k](rng, stage) for k in kinds), tuple(kinds), light, pauses, stage)


def draw_light(rng: Rng) -> Array:
    """[3] unit vector toward the light."""
    azimuth, elevation = rng.uniform(0, 2 * np.pi), rng.uniform(0.6, 1.3)
    return np.array([np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)])


def build_distractors(
    rng: Rng, stage: Stage, number: int, kinds: Sequence[str] = tuple(KINDS)
) -> tuple[list[Part], ...]:
    """Bodies to be drawn in one view only. They know nothing of the scene: its pauses are not theirs."""
    alone = Stage(stage.times, stage.duration, [])
    return tuple(KINDS[str(rng.choice(kinds))](rng, alone) for _ in range(number))
