"""How sure an answer is, measured: the table of ``videosync/sync/confidence.py``.

    python dataset_preparation/synthetic_process.py --output_dir runs/confidence --train_events 70 --val_events 0 \\
        --frames 600 --offset_range 120 --seed 71
    python -m benchmarks.sync_confidence runs/confidence

Pairs of windows of a prepared dataset, of random lengths and overlaps, some of two different events, are searched as
``videosync sync`` does by default. The share of answers within one frame is made to rise with the margin (isotonic
regression, Zadrozny and Elkan, KDD 2002) on half of the events and checked on the other half, then fitted on all.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.isotonic import IsotonicRegression
from tqdm import tqdm

from videosync.data.manifest import read_manifest
from videosync.sync.clips import Clip, inspect, read_clip
from videosync.sync.cues import CUES
from videosync.sync.pair import DEFAULT_CUE, is_still, lag_range, pair_curve

NODES = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)  # margins at which the table is given
SHORTEST, LONGEST = 60, 480  # frames of a window
LEAST_SHARED = 0.35  # of the shorter window, in related pairs
RIGHT_WITHIN = 1.0  # frames


@dataclass(frozen=True)
class Row:
    """One pair of windows."""

    event: str
    related: bool
    frames: int  # of the shorter window
    margin: float
    error: float  # frames; infinite for an unrelated pair, which has no right answer


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="prepared dataset, all files of one frame rate")
    parser.add_argument(
        "--windows", type=int, default=40, help="pairs of windows an event (default %(default)s)"
    )
    parser.add_argument(
        "--unrelated", type=float, default=1 / 3, help="share of pairs of two events (default 1/3)"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, help="JSON file with all that is printed")
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    events = measured(args.folder)
    names = sorted(events)
    rows = [
        row
        for name in tqdm(names, unit="event", disable=not sys.stderr.isatty())
        for row in pairs_of(name, events, args.windows, args.unrelated, rng)
    ]
    half = set(names[::2])
    check = reliability(
        table([row for row in rows if row.event in half]), [row for row in rows if row.event not in half]
    )
    final = table(rows)
    report = {"pairs": len(rows), "events": len(names), "table": final, "held_out": check}
    print(json.dumps(report, indent=1))
    if args.output:
        args.output.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return 0


def measured(folder: Path) -> dict[str, list[tuple[int, Clip]]]:
    """Event → (start frame, signals) of its first two views."""
    manifest = read_manifest(folder)
    found = {}
    for sample in tqdm(manifest.samples, unit="event", disable=not sys.stderr.isatty()):
        views = []
        for view in sample.views[:2]:
            info = inspect(manifest.path(view))
            views.append((view.start_frame, read_clip(info, info.fps, CUES[DEFAULT_CUE].channels)))
        found[sample.event] = views
    return found


def pairs_of(
    name: str,
    events: dict[str, list[tuple[int, Clip]]],
    count: int,
    unrelated: float,
    rng: np.random.Generator,
) -> Iterator[Row]:
    names = sorted(events)
    for _ in range(count):
        (start0, clip0), (start1, clip1) = events[name]
        related = bool(rng.random() >= unrelated)
        if not related:
            other = names[(names.index(name) + int(rng.integers(1, len(names)))) % len(names)]
            start1, clip1 = events[other][1]
        window = _windows(start0, len(clip0), start1, len(clip1), related, rng)
        if window is None:
            continue
        (a0, n0), (a1, n1) = window
        part0, part1 = _part(clip0, a0, n0), _part(clip1, a1, n1)
        lags = lag_range(n0, n1, clip0.rate)
        if lags is None or is_still(part0) or is_still(part1):
            continue
        curve = pair_curve(part0, part1, lags)
        best = curve.best()
        error = abs(curve.vertex(best) - ((start0 + a0) - (start1 + a1))) if related else np.inf
        yield Row(name, related, min(n0, n1), curve.margin(best), float(error))


def _windows(
    start0: int, frames0: int, start1: int, frames1: int, related: bool, rng: np.random.Generator
) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """(first frame, frames) of either window; None if no draw of a hundred shares enough."""
    for _ in range(100):
        lengths = np.exp(rng.uniform(np.log(SHORTEST), np.log(LONGEST), size=2)).astype(int)
        n0, n1 = (int(min(n, t)) for n, t in zip(lengths, (frames0, frames1)))
        a0, a1 = int(rng.integers(frames0 - n0 + 1)), int(rng.integers(frames1 - n1 + 1))
        shared = min(start0 + a0 + n0, start1 + a1 + n1) - max(start0 + a0, start1 + a1)
        if not related or shared >= LEAST_SHARED * min(n0, n1):
            return (a0, n0), (a1, n1)
    return None


def _part(clip: Clip, start: int, frames: int) -> Clip:
    return Clip(clip.info, clip.rate, {n: s[start : start + frames] for n, s in clip.signals.items()})


def table(rows: list[Row]) -> dict[str, list[float]]:
    """Share right within a frame and 95th percentile of the errors of right answers, at each margin of ``NODES``."""
    margins = np.array([row.margin for row in rows])
    errors = np.array([row.error for row in rows])
    right = errors <= RIGHT_WITHIN
    # as if one more answer had been wrong: nothing is ever certain
    fitted = IsotonicRegression(out_of_bounds="clip").fit(
        np.append(margins, margins.max()), np.append(right, 0.0)
    )
    widths = []
    for node in NODES:
        near = errors[right & (np.abs(margins - node) <= max(0.5, 0.3 * node))]
        widths.append(float(np.quantile(near, 0.95)) if len(near) else RIGHT_WITHIN)
    falling = np.minimum.accumulate(widths)
    return {
        "margins": list(NODES),
        "right": [round(float(p), 3) for p in fitted.predict(NODES)],
        "half_width": [round(float(w), 2) for w in falling],
    }


def reliability(fitted: dict[str, list[float]], rows: list[Row]) -> list[dict[str, float]]:
    """On other events: in each class of confidence, how many were right, and how many were unrelated."""
    said = np.interp([row.margin for row in rows], fitted["margins"], fitted["right"])
    right = np.array([row.error <= RIGHT_WITHIN for row in rows])
    unrelated = np.array([not row.related for row in rows])
    classes = []
    for low, high in ((0.0, 0.2), (0.2, 0.5), (0.5, 0.8), (0.8, 0.95), (0.95, 1.01)):
        inside = (said >= low) & (said < high)
        if inside.any():
            classes.append(
                {
                    "from": low,
                    "to": min(high, 1.0),
                    "pairs": int(inside.sum()),
                    "said": round(float(said[inside].mean()), 3),
                    "right": round(float(right[inside].mean()), 3),
                    "unrelated": int(unrelated[inside].sum()),
                }
            )
    return classes


if __name__ == "__main__":
    sys.exit(main())
