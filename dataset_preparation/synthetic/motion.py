"""Time courses: when something moves, how fast, and where to. NumPy only.

Every function draws from a generator once and is then evaluated at given times (s), so that a scene can be
sampled at any frame rate. Nothing here knows bodies or cameras.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Rng = np.random.Generator

GRAVITY = 9.81  # m/s^2
_FINE = 240.0  # samples/s on which rates are integrated


def static_stretches(rng: Rng, duration: float, share: float) -> list[tuple[float, float]]:
    """Stretches (start, end) in s, in which nothing moves; together ``share`` of ``duration``."""
    if share <= 0:
        return []
    number = max(1, round(share * duration / 0.8))
    lengths = rng.dirichlet(np.full(number, 6.0)) * share * duration
    gaps = rng.dirichlet(np.full(number + 1, 2.0)) * (1 - share) * duration
    starts = np.cumsum(gaps[:-1]) + np.concatenate([[0.0], np.cumsum(lengths)[:-1]])
    return [(float(a), float(a + n)) for a, n in zip(starts, lengths)]


class Clock:
    """A body's own time: the integral of a rate that bursts, idles and stops in the static stretches.

    Args:
        rng: draws the segments; their durations are log-uniform between 0.12 and 2 s (divided by ``tempo``).
        duration: s.
        pauses: stretches (start, end) in which the rate is exactly 0.
        idle: share of the segments in which the body rests; 0 with ``spread`` 1 is a steady clock.
        spread: rates are log-uniform between 1/spread and spread.
        tempo: larger means shorter segments.
        pace: a clock whose rate multiplies this one's (up to ``spread``): what several bodies have in common.
    """

    def __init__(
        self,
        rng: Rng,
        duration: float,
        pauses: list[tuple[float, float]],
        *,
        idle: float = 0.3,
        spread: float = 2.5,
        tempo: float = 1.0,
        pace: Clock | None = None,
    ) -> None:
        self._times = np.arange(0.0, duration + 2 / _FINE, 1 / _FINE)
        rate = np.zeros_like(self._times)
        at = 0.0
        while at < duration:
            length = np.exp(rng.uniform(np.log(0.12), np.log(2.0))) / tempo
            level = 0.0 if rng.random() < idle else np.exp(rng.uniform(-np.log(spread), np.log(spread)))
            rate[round(at * _FINE) : round((at + length) * _FINE)] = level
            at += length
        self._rate = _smooth(rate, rng.uniform(0.03, 0.15)) * _gate(self._times, pauses)
        if pace is not None:
            self._rate = np.minimum(self._rate * pace.rate(self._times), spread)
        self._phase = np.concatenate([[0.0], np.cumsum((self._rate[1:] + self._rate[:-1]) / 2) / _FINE])

    def __call__(self, times: Array) -> Array:
        """The clock's time [T] (s of full-speed motion) at ``times`` [T] (s)."""
        return np.interp(times, self._times, self._phase)

    def rate(self, times: Array) -> Array:
        """Its speed [T], 0 where the body rests."""
        return np.interp(times, self._times, self._rate)


def _smooth(rate: Array, width: float) -> Array:
    """Raised-cosine smoothing over ``width`` s: bodies have mass."""
    kernel = np.hanning(max(3, round(width * _FINE)) + 2)
    half = len(kernel) // 2
    padded = np.pad(rate, (half, len(kernel) - 1 - half), mode="edge")
    return np.convolve(padded, kernel / kernel.sum(), mode="valid")


def _gate(times: Array, pauses: list[tuple[float, float]], ramp: float = 0.1) -> Array:
    """1, falling to 0 within ``ramp`` s before a pause, 0 in it, rising after it."""
    gate = np.ones_like(times)
    for start, end in pauses:
        distance = np.maximum(start - times, times - end)  # below 0 inside
        gate = np.minimum(gate, np.clip(distance / ramp, 0.0, 1.0))
    return gate * gate * (3 - 2 * gate)


class StopAndGo:
    """Minimum-jerk moves between random targets with holds between them (Flash and Hogan 1985).

    A move of length m is ``10u^3 - 15u^4 + 6u^5``, u = time / m: it starts and ends at rest.

    Args:
        low, high: [D] range of the targets.
        move, hold: ranges of durations (s), drawn log-uniformly.
        fastest: a move takes longer if it must, so that no coordinate's mean speed exceeds this (units/s).
        duration: how long a clock time it must last (s).
    """

    def __init__(
        self,
        rng: Rng,
        duration: float,
        low: Array | list[float],
        high: Array | list[float],
        *,
        move: tuple[float, float] = (0.15, 0.8),
        hold: tuple[float, float] = (0.05, 1.0),
        fastest: float = 12.0,
    ) -> None:
        low, high = np.asarray(low, float), np.asarray(high, float)
        starts, lengths, targets = [], [], [rng.uniform(low, high)]
        at = rng.uniform(-move[1], hold[1])
        while at < duration:
            target = rng.uniform(low, high)
            drawn = float(np.exp(rng.uniform(*np.log(move))))
            length = max(drawn, float(np.abs(target - targets[-1]).max()) / fastest)
            starts.append(at)
            lengths.append(length)
            targets.append(target)
            at += length + float(np.exp(rng.uniform(*np.log(hold))))
        self._starts, self._lengths, self._targets = np.array(starts), np.array(lengths), np.array(targets)

    def __call__(self, clock: Array) -> Array:
        """Positions [T, D] at clock times [T] (s)."""
        if not len(self._starts):
            return np.repeat(self._targets, len(clock), axis=0)
        index = np.clip(np.searchsorted(self._starts, clock, side="right") - 1, 0, None)
        u = np.clip((clock - self._starts[index]) / self._lengths[index], 0.0, 1.0)[:, None]
        blend = u**3 * (10 - 15 * u + 6 * u * u)
        return self._targets[index] + blend * (self._targets[index + 1] - self._targets[index])


class Smooth:
    """A sum of three slow sines an axis: smooth, never quite repeating.

    Args:
        low, high: [D] range that is not left.
        frequency: range of the sines' frequencies (Hz of clock time).
    """

    def __init__(
        self, rng: Rng, low: Array | list[float], high: Array | list[float], frequency: tuple[float, float] = (0.1, 0.6)
    ) -> None:
        low, high = np.asarray(low, float), np.asarray(high, float)
        self._middle, self._half = (low + high) / 2, (high - low) / 2
        self._omega = 2 * np.pi * rng.uniform(*frequency, size=(3, len(low)))
        self._phase = rng.uniform(0, 2 * np.pi, size=(3, len(low)))
        self._weight = rng.dirichlet(np.ones(3), size=len(low)).T  # [3, D], sums to 1

    def __call__(self, clock: Array) -> Array:
        """Positions [T, D] at clock times [T] (s)."""
        waves = np.sin(clock[:, None, None] * self._omega + self._phase) * self._weight  # [T, 3, D]
        return self._middle + self._half * waves.sum(axis=1)


class Ballistic:
    """Throws: free flight under gravity, bounces that lose height, rest, the next throw.

    A throw that would still be under way when a pause begins waits until the pause is over, so that nothing
    hangs in the air.

    Args:
        reach: throws start and end inside a square of this half width (m).
        radius: the body's radius; it rests at this height (m).
    """

    def __init__(
        self, rng: Rng, duration: float, pauses: list[tuple[float, float]], *, reach: float, radius: float
    ) -> None:
        place, at = rng.uniform(-reach, reach, size=2), rng.uniform(0.0, 0.6)
        self._radius = radius
        starts, places, speeds = [0.0], [place], [np.zeros(3)]
        while at < duration:
            up, restitution = rng.uniform(1.5, 4.8), rng.uniform(0.45, 0.78)
            ups = up * restitution ** np.arange(1 + int(np.log(0.5 / up) / np.log(restitution)))
            flights, slows = 2 * ups / GRAVITY, 0.75 ** np.arange(len(ups))
            target = rng.uniform(-reach, reach, size=2)
            rest = float(np.exp(rng.uniform(np.log(0.05), np.log(1.5))))
            blocking = [end for start, end in pauses if start < at + flights.sum() and at < end]
            if blocking:
                at = max(blocking) + rest
                continue
            across = (target - place) / (flights * slows).sum()
            for flight, vertical, slow in zip(flights, ups, slows):
                starts.append(at)
                places.append(place)
                speeds.append(np.array([*(across * slow), vertical]))
                place, at = place + across * slow * flight, at + flight
            starts.append(at)
            places.append(place)
            speeds.append(np.zeros(3))
            at += rest
        self._starts, self._places, self._speeds = np.array(starts), np.array(places), np.array(speeds)

    def __call__(self, times: Array) -> Array:
        """Positions [T, 3] of the centre at times [T] (s)."""
        index = np.clip(np.searchsorted(self._starts, times, side="right") - 1, 0, None)
        since = (times - self._starts[index])[:, None]
        speed = self._speeds[index]
        across = self._places[index] + since * speed[:, :2]
        fall = np.where(speed[:, 2:] > 0, GRAVITY / 2 * since**2, 0.0)
        height = np.maximum(since * speed[:, 2:] - fall, 0.0) + self._radius
        return np.concatenate([across, height], axis=1)
