"""The scores of a pair's offsets as a drawing for a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

WIDTH, HEIGHT = 600, 110  # of the drawing, in units of its own
COLUMNS = 600  # points that are drawn at most: the highest of each stretch


@dataclass(frozen=True, eq=False)
class Curve:
    """Of two files: how much each offset is supported."""

    names: tuple[str, str]
    paths: tuple[str, str]
    seconds: np.ndarray  # [L] offsets, rising: start of 0 minus start of 1
    scores: np.ndarray  # [L]
    candidates: Sequence[float]  # the best offsets, best first, seconds
    by: str  # "pictures" or "sound"


def drawn(curve: Curve) -> dict[str, Any]:
    """The line, the marks of candidates and the ends of the axis, in the drawing's units."""
    low, high = float(curve.seconds[0]), float(curve.seconds[-1])
    span = max(high - low, 1e-9)
    edges = np.linspace(0, len(curve.scores), min(COLUMNS, len(curve.scores)) + 1).astype(int)
    tops = [begin + int(np.argmax(curve.scores[begin:end])) for begin, end in pairwise(edges)]
    bottom, top = float(curve.scores.min()), float(curve.scores.max())
    size = max(top - bottom, 1e-9)
    points = " ".join(
        f"{WIDTH * (curve.seconds[n] - low) / span:.1f},{HEIGHT * (1 - (curve.scores[n] - bottom) / size):.1f}"
        for n in tops
    )
    marks = [
        {"x": round(WIDTH * (offset - low) / span, 1), "seconds": offset, "label": f"{offset:+.3f} s"}
        for offset in (round(float(each), 6) + 0.0 for each in curve.candidates)
    ]
    return {
        "names": curve.names, "paths": curve.paths, "points": points, "marks": marks, "low": f"{low:+.1f} s",
        "high": f"{high:+.1f} s", "by": curve.by, "width": WIDTH, "height": HEIGHT,
    }  # fmt: skip
