"""Whether stretches of a recording resemble the other one more than what else they resemble in their own.

Music that is made of samples plays the same waveform again, and so do machines; then a stretch that is found in the
other recording says nothing of when it was played. It is found elsewhere in its own recording as well.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from videosync.sound.refine import Refined
from videosync.sound.segments import Power, pieces_of, segment_correlation
from videosync.sound.whiten import RATE

MOST = 24  # stretches that are compared with the other recording
BEST = 3  # of these, that are looked for in their own
NEAR = 0.05  # seconds from the offset
APART = 0.25  # seconds at which a stretch is another one: pitch and reverberation are nearer
AROUND = 20.0  # seconds of its own recording to either side
FLOOR = 0.06  # correlation of stretches of a second that noise hardly reaches


@dataclass(frozen=True)
class Likeness:
    """Of stretches of a second."""

    alone: float  # logarithm of the correlation with the other recording over that with the rest of their own
    spread: float  # share of the stretches that the correlation comes from; 1: all alike


def likeness_of(x: np.ndarray, y: np.ndarray, fine: Refined, power0: Power, power1: Power) -> Likeness:
    """At the offset ``fine``. x, y: float16 [n0], [n1], whitened."""
    lag = round(fine.lag)
    pieces = pieces_of(max(0, -lag), min(len(x), len(y) - lag), RATE)
    if len(pieces) > MOST:
        pieces = [pieces[i] for i in np.linspace(0, len(pieces) - 1, MOST).round().astype(int)]
    near = [(lag - round(NEAR * RATE), lag + round(NEAR * RATE) + 1)]
    cross = np.array([_highest(x, y, piece, near, power0, power1) for piece in pieces])
    best = np.argsort(-cross, kind="stable")[:BEST]
    own = [0.0, 0.0]
    for number in best:
        first, stop = pieces[number]
        own[0] += _elsewhere(x, (first, stop), power0) / len(best)
        own[1] += _elsewhere(y, (first + lag, stop + lag), power1) / len(best)
    alone = np.log(max(float(cross[best].mean()), FLOOR) / max(*own, FLOOR))
    squares = cross**2
    return Likeness(float(alone), float(squares.sum() ** 2 / max(np.sum(squares**2) * len(squares), 1e-12)))


def _highest(
    x: np.ndarray, y: np.ndarray, piece: tuple[int, int], ranges: list[tuple[int, int]], power0: Power, power1: Power
) -> float:
    """Correlation, 0 … 1."""
    found = segment_correlation(x, y, piece, ranges, power0, power1)
    return max(float(np.abs(z).max()) for z in found) / float(np.sqrt(piece[1] - piece[0]))


def _elsewhere(wave: np.ndarray, piece: tuple[int, int], power: Power) -> float:
    first, stop = max(piece[0], 0), min(piece[1], len(wave))
    apart, around = round(APART * RATE), round(AROUND * RATE)
    before, after = min(first, around), min(len(wave) - stop, around)
    ranges = [(low, high) for low, high in ((-before, 1 - apart), (apart, after + 1)) if low < high]
    return _highest(wave, wave, (first, stop), ranges, power, power) if ranges and first < stop else 0.0
