"""Signals of two views of one event, without pictures: what the cue "motion" compares, from a few random motions."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d

from videosync.signals.measure import Signals
from videosync.signals.motion import MotionMeter

COLUMNS = {"energy": 1, "area": 1, "posneg": 2, "energy1248": 4, "sgrid": 6, "cells": 64, "lines": 288}
REACH = dict(MotionMeter(tuple(COLUMNS)).reach)
RATE = 30.0


def two_views(frames: int, seed: int, noise: float = 0.7) -> tuple[Signals, Signals]:
    """Frame ``i`` of one view is frame ``i`` of the other."""
    rng = np.random.default_rng(seed)
    motions = gaussian_filter1d(rng.standard_normal((frames, 6)), 2.0, axis=0)
    motions /= motions.std(axis=0)
    amount = np.abs(motions)
    found = []
    for _ in range(2):
        clip: Signals = {"camera": np.zeros((frames, 1), np.float32)}
        for name, columns in COLUMNS.items():
            mix = rng.random((6, columns)) if name not in ("cells", "lines") else rng.random((6, columns)) ** 4
            values = amount @ mix
            own = gaussian_filter1d(rng.standard_normal((frames, columns)), 1.5, axis=0)
            clip[name] = (values + noise * values.std() * own / own.std()).astype(np.float32)
        found.append(clip)
    return found[0], found[1]


def part(clip: Signals, first: int, stop: int | None = None) -> Signals:
    return {name: values[first:stop] for name, values in clip.items()}


def joined(*clips: Signals) -> Signals:
    return {name: np.concatenate([clip[name] for clip in clips]) for name in clips[0]}
