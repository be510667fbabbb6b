"""From the curves of one pair to the probability that its best offset is right.

A logistic model of a few features with weights that are not negative: more evidence never makes an answer less sure.
Its numbers are in ``calibration.json``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from videosync.sound.calibration import CALIBRATION, FEATURES

APART = 15  # cells of 10 ms: another answer, not the same one
AGREE = 5  # cells
CERTAIN = 5.0  # evidence that unrelated sound hardly reaches
MOST_RATIO = 3.0  # logarithm of a ratio
LEAST_HEIGHT = 3.0  # what the best of unrelated sound reaches, by envelopes or by waveforms


@dataclass(frozen=True, eq=False)
class Evidence:
    """Of each offset, in cells of 10 ms."""

    wave: np.ndarray  # float64 [L], √ of the energy of the waveforms above its usual value
    envelope: np.ndarray  # float64 [L], spreads

    @property
    def both(self) -> np.ndarray:
        """float64 [L]: none below 0."""
        return self.wave / 2 + np.maximum(self.envelope, 0)


def lead(values: np.ndarray, best: int) -> float:
    """Logarithm of the ratio of the peak near cell ``best`` to the best peak elsewhere: of ±3 at most."""
    distance = np.abs(np.arange(len(values)) - best)
    near, far = values[distance <= AGREE].max(), values[distance > APART].max(initial=0.0)
    ratio = max(float(near), LEAST_HEIGHT / 3) / max(float(far), LEAST_HEIGHT / 3)
    return float(np.clip(np.log(ratio), -MOST_RATIO, MOST_RATIO))


def peaks(values: np.ndarray, count: int) -> list[int]:
    """The highest cells, each more than ``APART`` from all higher ones, best first."""
    left = values.copy()
    found: list[int] = []
    while len(found) < count and np.isfinite(left).any():
        place = int(left.argmax())
        found.append(place)
        left[max(0, place - APART) : place + APART + 1] = -np.inf
    return found


def features(seen: Evidence, best: int) -> dict[str, float]:
    """What tells a right answer (cell ``best``) from a wrong one, the larger the surer.

    lead: of both kinds of evidence together; wave, envelope: of each by itself; agreement: 1 where the best
    offset of one is that of the other, within 50 ms; height: logarithm of the peak.
    """
    tops = int(seen.wave.argmax()), int(seen.envelope.argmax())
    return {
        "lead": lead(seen.both, best),
        "wave": lead(seen.wave, best),
        "envelope": lead(seen.envelope, best),
        "agreement": float(abs(tops[0] - tops[1]) <= AGREE),
        "height": float(np.log(max(float(seen.both[best]), 1.0))),
    }


def probability_right(found: dict[str, float]) -> float:
    """The probability that the error is at most 0.1 s."""
    logit = CALIBRATION.bias + float(np.dot(CALIBRATION.weights, [found[name] for name in FEATURES]))
    return CALIBRATION.most / (1 + float(np.exp(-np.clip(logit, -60, 60))))
