"""From a lag curve to the probability that an answer is right, its interval, and how likely other offsets are.

The probability is a product: that the videos share the time at all, by a logistic model of features with weights that
are not negative (more evidence never makes an answer less sure), times that the offset is this one and no other of the
range, by a softmax over the scores. The numbers are in ``calibration.json``;
``python -m benchmarks.confidence --write`` measures them, and says there on what. Nothing changes when the clips are
swapped.
"""

from __future__ import annotations

import math

import numpy as np

from videosync.lags.posterior import symmetric_softmax
from videosync.lags.scores import LagScores
from videosync.timeline.calibration import calibration_for

RIGHT_WITHIN = 1  # frames
MOST_FRAMES = 480
LOWEST, HIGHEST = -10.0, 12.0  # features count within these: what was measured ends about there


def features(curve: LagScores, lag: int) -> np.ndarray:
    """float64 [F], as named in ``FEATURES`` of ``calibration``, of the answer ``lag``: larger is more reliable.

    height: of its peak, above what the highest of so many independent normal numbers is by chance.
    parts: by how much each part of the cue prefers it to all other offsets, on average.
    halves: the score of either half of the overlap by itself, on average.
    agree: the share of the parts that prefer it to all other offsets, of those that say anything.
    own: the height of each part by itself, above the same chance, on average of those that say anything.
    frames: the logarithm of the number of frames that overlap there, of which no more count than were measured.
    """
    seen = curve.support()
    chance = math.sqrt(2 * math.log(len(curve.scores)))
    leads, near, telling = curve.lead(seen.parts, lag), curve.near(seen.parts, lag), seen.parts.any(axis=1)
    found = [
        curve.near(seen.level, lag) - chance,
        leads.mean(),
        curve.near(seen.halves, lag),
        (leads >= 0)[telling].mean() if telling.any() else 0.0,
        (near[telling].mean() if telling.any() else 0.0) - chance,
        math.log(min(max(curve.overlapping(lag), 1), MOST_FRAMES)),
    ]
    return np.clip(np.array(found, np.float64), LOWEST, HIGHEST)


def lag_probabilities(curve: LagScores, sharpness: float | None = None) -> np.ndarray:
    """float64 [L], sum 1: how likely each offset of the range is, given that the true one lies in it."""
    sharpness = calibration_for(curve.cue).sharpness if sharpness is None else sharpness
    return symmetric_softmax(sharpness * curve.scores)


def mass_near(curve: LagScores, lag: int, sharpness: float | None = None) -> float:
    """The probability of all offsets within a frame of ``lag``, given that the true one lies in the range."""
    return math.fsum(lag_probabilities(curve, sharpness)[np.abs(curve.lags - lag) <= RIGHT_WITHIN])


def probability_right(curve: LagScores, lag: int) -> float:
    """The probability that the true offset lies within a frame of ``lag``, and that the videos share one at all.

    Half of what it would be, at an end of the range: the scores may go on rising where nothing was tried. The same
    where one moment made the answer.
    """
    return probability(*odds_and_mass(curve, lag), curve.picked_from, curve.cue)


def odds_and_mass(curve: LagScores, lag: int) -> tuple[float, float]:
    """Of ``probability_right``: the log odds that the videos share the time at all, and the probability that it is at
    ``lag`` then."""
    table = calibration_for(curve.cue)
    odds = table.bias + float(np.dot(table.weights, features(curve, lag)))
    return odds, mass_near(curve, lag) / (2 if curve.at_edge(lag) or curve.fragile else 1)


def probability(odds: float, mass: float, tries: float, cue: str | None) -> float:
    """``probability_right`` of the best of so many answers: its odds are divided by their number."""
    return calibration_for(cue).most * _logistic(odds - math.log(tries)) * mass


def _logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > 0 else math.exp(x) / (1 + math.exp(x))


def half_width(confidence: float, cue: str | None = None) -> float:
    """Frames to either side that hold the true offset of 95 % of the answers that are as sure as this."""
    table = calibration_for(cue)
    return float(np.interp(confidence, table.confidences, table.half_widths))
