"""From a margin to the probability that an answer is right, and to its interval.

The margin is how far the best lag score is above the best one further than three frames away, in units of the spread
of the scores. The table is what ``benchmarks/sync_confidence.py`` measured on 2800 pairs of windows (60 to 480 frames,
30 frames/s) of 70 synthetic events, a third of them unrelated. It is a first one: fitted on nothing real.
"""

from __future__ import annotations

import numpy as np

ACCEPTED = 0.8  # an answer less sure than this is not given
MARGINS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)  # spreads of the lag scores
RIGHT = (0.0, 0.065, 0.193, 0.27, 0.461, 0.611, 0.781, 0.968, 0.996, 0.996)  # share within one frame
HALF_WIDTH = (0.9, 0.87, 0.78, 0.74, 0.65, 0.65, 0.61, 0.49, 0.39, 0.3)  # frames; 95 % of right answers


def probability_right(margin: float) -> float:
    """Share of answers with such a margin that are right within one frame."""
    return float(np.interp(margin, MARGINS, RIGHT))


def half_width(margin: float) -> float:
    """Frames to either side that hold 95 % of the answers that are right."""
    return float(np.interp(margin, MARGINS, HALF_WIDTH))
