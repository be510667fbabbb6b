"""The scores of pairs, and the offsets that fit best, for the report page."""

from __future__ import annotations

import numpy as np

from videosync.edit.curves import Curve
from videosync.timeline.evidence import Evidence
from videosync.timeline.result import short_names

MOST = 3  # candidates of a pair


def evidence_curves(evidence: Evidence) -> list[Curve]:
    """Of each pair the scores of the pictures, or of the sound where pictures were not compared."""
    names, paths = short_names(list(evidence.paths)), evidence.paths
    found = []
    for i, j in sorted({*evidence.curves, *evidence.sounds.matches}):
        pair = (names[paths[i]], names[paths[j]]), (paths[i], paths[j])
        if (i, j) in evidence.curves:
            scores = evidence.curves[i, j]
            rate = evidence.grid((i, j))
            best = [scores.vertex(lag) / rate for lag in scores.peaks(MOST)]
            found.append(Curve(*pair, scores.lags / rate, scores.scores, best, "pictures"))
        else:
            match = evidence.sounds.matches[i, j]
            best = [match.seconds, *match.rivals[: MOST - 1]]
            found.append(Curve(*pair, np.asarray(match.lags), np.asarray(match.scores), best, "sound"))
    return found
