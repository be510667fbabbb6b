"""Sound that repeats itself: a loop, or sampled music, fits at several offsets.

Where the recordings overlap less at another offset than at the best one, its score is lower even if it fits as well. So
scores are compared per root of the overlap, and what comes near the best one is believed only if one of the recordings
resembles itself at that distance too.
"""

from __future__ import annotations

import numpy as np

from videosync.sound.confidence import APART, CERTAIN, peaks
from videosync.sound.search import envelope_scores

MOST = 18_000  # frames of a recording that are compared with themselves: 3 min
LEAST = 100  # frames of overlap
AS_GOOD = 0.6  # of the best offset's evidence per root of the overlap
COUNT = 8  # offsets that are looked at
WITHIN = 3  # cells


def repetitions(envelopes: tuple[np.ndarray, np.ndarray], both: np.ndarray, low: int, best: int) -> list[int]:
    """Other cells that fit as well as ``best``, where one of the recordings repeats itself.

    Args:
        envelopes: float32 [T0, F], [T1, F]. both: float64 [L], the evidence of lags ``low …`` in frames.
        best: the cell of the answer.
    """
    count0, count1 = (len(envelope) for envelope in envelopes)
    lags = low + np.arange(len(both))
    overlap = np.minimum(count0, count1 - lags) - np.maximum(0, -lags)
    density = both / np.sqrt(np.maximum(overlap, LEAST))
    possible = (both > CERTAIN) & (density > AS_GOOD * density[best]) & (np.abs(lags - lags[best]) > APART)
    rivals = peaks(np.where(possible, both, -np.inf), COUNT)
    if not rivals:
        return []
    first = max(0, -int(lags[best]))
    middle = first + int(overlap[best]) // 2
    found = []
    for envelope, centre in zip(envelopes, (middle, middle + int(lags[best]))):
        start = max(0, min(centre - MOST // 2, len(envelope) - MOST))
        part = envelope[start : start + MOST]
        if len(part) < APART + 2 * LEAST:
            continue
        own = envelope_scores(part, part, APART - WITHIN, len(part) - LEAST)
        for rival in rivals:
            place = abs(rival - best) - (APART - WITHIN)
            if own[max(place - WITHIN, 0) : place + WITHIN + 1].max(initial=0.0) > CERTAIN and rival not in found:
                found.append(rival)
    return found
