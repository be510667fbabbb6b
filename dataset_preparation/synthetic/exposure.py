"""Cameras whose pictures differ more than usual, and automatic exposure: gains that settle, step, drift and flicker.

None of it follows the event: it is drawn anew for every view, so that it can only mislead.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dataset_preparation.synthetic.look import Exposure
from dataset_preparation.synthetic.motion import Array, Rng

LN2 = float(np.log(2.0))  # of a photographic stop
FINE = 240.0  # gains are kept at so many points a second


@dataclass(frozen=True)
class Course:
    """A gain over time."""

    times: Array  # [N] s, rising
    log_gain: Array  # [N]
    flicker: float  # amplitude, natural logarithm
    beat: float  # Hz; lamps' flicker as the shutter samples it
    phase: float  # rad

    def __call__(self, time: float) -> float:
        """The factor at ``time`` (s)."""
        slow = np.interp(time, self.times, self.log_gain)
        return float(np.exp(slow + self.flicker * np.sin(2 * np.pi * self.beat * time + self.phase)))


def draw_course(rng: Rng, start: float, duration: float, *, steps: int, flicker: float) -> Course:
    """Automatic exposure of a clip that starts at ``start`` and lasts ``duration`` (s).

    With ``steps`` above 0 it starts up to 1.2 stops off and settles within 0.1 to 0.6 s, wanders by about a fifth of
    a stop, and makes so many steps of 0.2 to 0.8 stops, which take up to 0.2 s each. ``flicker`` is relative.
    """
    times = start + np.arange(int(duration * FINE) + 2) / FINE
    gain = np.zeros(len(times))
    if steps:
        settling = rng.uniform(0.1, 0.6)
        gain += rng.uniform(-1.2, 1.2) * LN2 * np.exp(-(times - start) / settling)
        for _ in range(3):
            gain += 0.12 * LN2 * np.sin(2 * np.pi * times / rng.uniform(1.5, 6.0) + rng.uniform(0, 2 * np.pi))
        for at in start + duration * rng.uniform(0.05, 0.95, size=steps):
            size = rng.choice([-1, 1]) * rng.uniform(0.2, 0.8) * LN2
            gain += size * np.clip((times - at) / rng.uniform(0.01, 0.2), 0, 1)
        gain -= np.median(gain)  # steps in one direction do not leave the picture black or white
    return Course(times, gain, flicker, float(rng.uniform(2.0, 14.0)), float(rng.uniform(0, 2 * np.pi)))


def harsher(exposure: Exposure, rng: Rng, contrast: float) -> Exposure:
    """An exposure that differs more from others: in gain by up to ``contrast`` stops, in colour and noise too."""
    return replace(
        exposure,
        gain=exposure.gain * float(np.exp(rng.uniform(-contrast, contrast) * LN2)),
        balance=exposure.balance * np.exp(rng.uniform(-0.3, 0.3, size=3) * contrast),
        gamma=exposure.gamma * float(np.exp(rng.uniform(-0.35, 0.35) * contrast)),
        noise=exposure.noise * float(np.exp(rng.uniform(0, 1.0) * contrast)),
        shot=exposure.shot * float(np.exp(rng.uniform(0, 0.7) * contrast)),
    )
