"""The parts of the cue "motion": how much moves, what the change of a frame is like, and where it moves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from videosync.cues.cue import Part, Signals, camera_moves, joined, seen, together
from videosync.lags.association import MOST, SHRINKAGE, Components, association_scores, change_components
from videosync.lags.canonical import canonical_scores, canonical_size
from videosync.lags.correlation import (
    CHANGE,
    ORDER,
    RIDGE,
    SMOOTHING,
    change_vectors,
    correlation_scores,
    decorrelated_vectors,
    usual_change,
    whiten,
)  # fmt: skip
from videosync.lags.fusion import standardise
from videosync.lags.matching import match_scores
from videosync.lags.overlap import column_products


@dataclass(frozen=True)
class MotionTuning:
    """What was chosen for the cue "motion" while looking at six real sets.

    They are the sets of docs/accuracy.md, which shows the parts one by one: ``python -m benchmarks.accuracy --methods
    cue:white-energy cue:frames cue:frames-decorrelated cue:cells cue:motion``.
    """

    order: int = ORDER  # of the autoregression that pre-whitens
    smoothing: float = SMOOTHING  # frames, of what it leaves
    derivative: float = CHANGE  # frames: sigma of the Gaussian whose derivative is the change of a channel
    ridge: float = RIDGE  # of a channel's variance: noise, where channels are decorrelated
    temperature: float = 0.2  # of the softmax over frames
    components: int = MOST  # of the cells, at most
    shrinkage: float = SHRINKAGE  # of weak components
    strip_components: int = 16  # of the strips, at most


TUNED = MotionTuning()
DIFFERENCES = ("energy1248", "area", "posneg", "sgrid")


def correlated(*channels: str) -> Part:
    """Correlation of the channels as they are: the plain baseline."""

    def curve(clip0: Signals, clip1: Signals, lags: np.ndarray) -> np.ndarray:
        return correlation_scores(joined(clip0, channels), joined(clip1, channels), lags, seen(clip0), seen(clip1))

    return Part(channels, curve)


def whitened(*channels: str) -> Part:
    """Correlation of the pre-whitened channels: of what their own past does not predict."""
    name = f"white {' '.join(channels)}"

    def white(clip: Signals) -> np.ndarray:
        return whiten(joined(clip, channels), order=TUNED.order, smoothing=TUNED.smoothing)

    def curve(clip0: Signals, clip1: Signals, lags: np.ndarray) -> np.ndarray:
        one, other = (clip[name] for clip in map(once, (clip0, clip1)))
        return correlation_scores(one, other, lags, seen(clip0), seen(clip1))

    once = _once(name, white)
    return Part(channels, curve, once=once)


def matched(*channels: str, decorrelated: bool) -> Part:
    """Frames whose channels change alike; ``decorrelated``: what all channels have in common counts only once."""
    name = f"change of {' '.join(channels)}"

    def change(clip: Signals) -> np.ndarray:
        return (usual_change if decorrelated else change_vectors)(joined(clip, channels), scale=TUNED.derivative)

    def curve(clip0: Signals, clip1: Signals, lags: np.ndarray) -> np.ndarray:
        one, other = (clip[name] for clip in map(once, (clip0, clip1)))
        if decorrelated:
            one, other = decorrelated_vectors(one, other, ridge=TUNED.ridge)
        return match_scores(one, other, lags, temperature=TUNED.temperature, seen0=seen(clip0), seen1=seen(clip1))

    once = _once(name, change)
    return Part(channels, curve, once=once)


def associated(*channels: str) -> Part:
    """Mixtures of columns that change alike, whichever they are."""
    values, once = _components(channels, TUNED.components)

    def curve(clip0: Signals, clip1: Signals, lags: np.ndarray) -> np.ndarray:
        return association_scores(values(once(clip0)), values(once(clip1)), lags)

    return Part(channels, curve, once=once)


def _once(name: str, work: Callable[[Signals], np.ndarray]) -> Callable[[Signals], Signals]:
    """A clip → the same with ``name``, unless it has it."""
    return lambda clip: clip if name in clip else {**clip, name: work(clip)}


def _components(
    channels: Sequence[str], count: int
) -> tuple[Callable[[Signals], Components], Callable[[Signals], Signals]]:
    """What the components of a clip are that has them, and a clip → the same with them."""
    values, weights = (f"{what} of {' '.join(channels)}" for what in ("components", "weights"))

    def once(clip: Signals) -> Signals:
        if values in clip:
            return clip
        found = change_components(
            joined(clip, channels), count=count, scale=TUNED.derivative, shrinkage=TUNED.shrinkage
        )
        of_frames = np.broadcast_to(found.weights, found.values.shape)  # clips are cut, and a channel has a row a frame
        return {**clip, values: found.values, weights: of_frames}

    return lambda clip: Components(clip[values], clip[weights][0]).where(seen(clip)), once


def strips(channel: str) -> Part:
    """Mixtures of strips that change alike: all of them together, and a few that change as one.

    It abstains where the camera moves, since what then moves in a strip is mostly what could not be taken out.
    """
    values, ready = _components([channel], TUNED.strip_components)

    def curve(clip0: Signals, clip1: Signals, lags: np.ndarray) -> np.ndarray:
        one, other = (values(ready(clip)) for clip in (clip0, clip1))
        size = canonical_size(len(one.values), len(other.values))
        few0, few1 = one.strongest(size), other.strongest(size)
        few = np.zeros((few0.values.shape[1], few1.values.shape[1], len(lags)))

        def products() -> Iterator[tuple[slice, np.ndarray]]:
            for some, each in column_products(one.values, other.values, lags):
                few[some] = each[: len(few[some]), : few.shape[1]]
                yield some, each

        together = standardise(association_scores(one, other, lags, products()))
        return together + standardise(canonical_scores(few0, few1, lags, few))

    return Part((channel,), curve, ready=ready, abstains=camera_moves)


PARTS: dict[str, Part] = {  # each is a cue of its own too, to see what it is worth
    "energy": correlated("energy"),
    "white-energy": whitened("energy"),
    "white-area": whitened("area"),
    "white-posneg": whitened("posneg"),
    "frames": matched(*DIFFERENCES, decorrelated=False),
    "frames-decorrelated": matched(*DIFFERENCES, decorrelated=True),
    "cells": associated("cells"),
    "lines": strips("lines"),
}
AMOUNT = together(PARTS["white-energy"], PARTS["white-area"], PARTS["white-posneg"])
MOTION = (AMOUNT, PARTS["frames-decorrelated"], PARTS["cells"], PARTS["lines"])
COARSE = MOTION[:3]  # of long files, of which only a part is read: without the parts that take most time
