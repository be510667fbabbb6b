"""A Gaussian over time, and its derivative: SciPy's ``gaussian_filter1d`` to the bit, without importing SciPy."""

from __future__ import annotations

from typing import Literal

import numpy as np

WIDTH = 4.0  # standard deviations to either side


def gaussian(signal: np.ndarray, scale: float, *, order: Literal[0, 1] = 0) -> np.ndarray:
    """Each column of ``signal`` [T, F] with a Gaussian (``order`` 1: its derivative): float64 [T, F].

    ``scale``: sigma, in frames. The signal is mirrored at its ends, the frame there included.
    """
    reach = int(WIDTH * scale + 0.5)
    places = np.arange(-reach, reach + 1)
    taps = np.exp(-0.5 / scale**2 * places**2)
    taps /= taps.sum()
    if order:
        taps = places / scale**2 * taps
    values = np.asarray(signal, np.float64)
    padded = np.pad(values, ((reach, reach), (0, 0)), mode="symmetric")

    def moved(place: int) -> np.ndarray:
        return padded[reach + place : reach + place + len(values)]

    found, pair = values * taps[reach], np.empty_like(values)
    together = np.subtract if order else np.add
    for place in range(-reach, 0):
        together(moved(place), moved(-place), out=pair)
        pair *= taps[reach + place]
        found += pair
    return found
