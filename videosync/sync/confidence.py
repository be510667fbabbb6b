"""From a margin to the probability that an answer is right, and to its interval.

The margin is how far the best lag score is above the best one further than three frames away, in units of a lag
score's standard error. The table was measured by ``benchmarks/sync_confidence.py`` on windows of synthetic events
(30 frames/s, of various lengths, with unrelated pairs among them): it is a first one, and not fitted on real footage.
"""

from __future__ import annotations

import numpy as np

ACCEPTED = 0.8  # an answer less sure than this is not given
MARGINS = (0.0, 1.0, 2.0, 3.0, 4.0)  # standard errors
RIGHT = (
    0.05,
    0.3,
    0.8,
    0.97,
    0.99,
)  # share of answers within one frame, of related and unrelated pairs together
HALF_WIDTH = (1.0, 1.0, 0.8, 0.6, 0.5)  # frames; holds 95 % of the errors of answers that are right


def probability_right(margin: float) -> float:
    """Share of answers with such a margin that are right within one frame."""
    return float(np.interp(margin, MARGINS, RIGHT))


def half_width(margin: float) -> float:
    """Frames to either side that hold 95 % of the answers that are right."""
    return float(np.interp(margin, MARGINS, HALF_WIDTH))
