"""How far off are answers between two frames? Cameras whose frames fall between each other's, with known fractions.

    python dataset_preparation/synthetic_process.py --output_dir runs/fast --train_events 24 --val_events 0 \\
        --frames 960 --fps 120 --offset_range 120 --seed 701
    python -m benchmarks.sub_frame --data runs/fast --step 4

Of files of a high frame rate every STEPth frame is taken, in view 1 from each of the first STEP frames on, so that true
offsets have fractions of 0, 1/STEP, 2/STEP … of a frame. Both views are cut into windows; those that are more than a
frame off are counted, and not part of the mean. Prints a table of mean (the bias) and root mean square of the signed
error by fraction, with 95 % of a bootstrap over events, and how far off whole frames would be. Writes sub_frame.json.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from videosync.cues import DEFAULT_CUE
from videosync.cues.named import find_cue
from videosync.data.manifest import read_manifest
from videosync.data.samples import Manifest, View
from videosync.errors import ConfigError, VideoSyncError
from videosync.evaluation.intervals import event_interval, interval_text
from videosync.lags.scores import LagScores
from videosync.signals.grey import small_size
from videosync.signals.measure import measure as measure_clip
from videosync.timeline.sync import default_encoder
from videosync.video.read import probe, read_frames

SIZE = 160  # pixels, the longer side of the pictures that are compared
REACH = 30  # frames to either side of the true offset that are searched

Signed = dict[str, list[tuple[float, float]]]  # event → (fraction of the true offset, signed error), frames


def measure(manifest: Manifest, *, step: int, frames: int, cue: str) -> Signed:
    """All windows of all pairs of views. Raises ConfigError: no pair has a window.  VideoError: a damaged file."""
    found: Signed = defaultdict(list)
    for sample in tqdm(manifest.samples, desc="events", disable=not sys.stderr.isatty()):
        pictures = {view: _pictures(manifest, view) for view in sample.views}
        for view0, view1 in combinations(sample.views, 2):
            for late in range(step):
                apart = (view0.start_frame - view1.start_frame - late) / step
                clip0, clip1 = pictures[view0][::step], pictures[view1][late::step]
                found[sample.event] += [
                    (apart % 1.0, error) for error in _errors(clip0, clip1, apart, frames, cue)
                ]
    if not any(found.values()):
        raise ConfigError(f"{manifest.root}: no pair of views has windows of {frames} frames; lower --frames")
    return found


def _pictures(manifest: Manifest, view: View) -> np.ndarray:
    path = str(manifest.path(view))
    info = probe(path)
    return read_frames(path, size=small_size(info.height, info.width, SIZE))


def _errors(clip0: np.ndarray, clip1: np.ndarray, apart: float, frames: int, cue: str) -> list[float]:
    """Answer minus truth of each pair of windows that show nearly the same time; ``apart``: offset of the clips."""
    shift = int(np.floor(apart))
    errors = []
    for first in range(max(0, -shift), len(clip0) - frames + 1, frames):
        other = first + shift  # windows nearly face each other; their offset is the fraction
        if other + frames > len(clip1):
            break
        wanted = find_cue(cue, default_encoder(cue))
        signals0, signals1 = (
            measure_clip(window, wanted.meters())
            for window in (clip0[first : first + frames], clip1[other : other + frames])
        )
        curve = LagScores(-REACH, wanted.score(signals0, signals1, range(-REACH, REACH + 1)))
        errors.append(curve.vertex(curve.best()) - (apart - shift))
    return errors


def table(found: Signed, *, seed: int = 0, resamples: int = 2000) -> list[dict[str, Any]]:
    """A row for each fraction, and one for all: bias and spread of the answers that are within a frame."""
    fractions = sorted({fraction for errors in found.values() for fraction, _ in errors})
    rows = []
    for fraction in [*fractions, None]:
        some = [
            (event, error)
            for event, errors in found.items()
            for f, error in errors
            if fraction is None or f == fraction
        ]
        events, errors = np.array([event for event, _ in some]), np.array([error for _, error in some])
        right = np.abs(errors) <= 1
        together = errors[right]
        options: dict[str, Any] = {"bootstrap": resamples, "seed": seed, "weights": right}
        whole = min(fraction, 1 - fraction) if fraction is not None else None
        rows.append(
            {
                "fraction": fraction,
                "windows": len(errors),
                "right": len(together),
                "bias": float(together.mean()) if len(together) else None,
                "bias_95": event_interval(errors, events, **options),
                "rms": float(np.sqrt((together**2).mean())) if len(together) else None,
                "whole_frames": whole,
            }
        )
    return rows


def as_markdown(rows: list[dict[str, Any]]) -> str:
    lines = [
        "| fraction of a frame | windows | within 1 frame | bias, frames (95 %) | RMS, frames | whole frames |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        name = "all" if row["fraction"] is None else f"{row['fraction']:.2f}"
        if row["bias"] is None:
            lines.append(f"| {name} | {row['windows']} | 0 | – | – | – |")
            continue
        whole = "–" if row["whole_frames"] is None else f"{row['whole_frames']:.2f}"
        lines.append(
            f"| {name} | {row['windows']} | {row['right']} | {row['bias']:+.3f} "
            f"({interval_text(row['bias_95'], '+.3f')}) | {row['rms']:.3f} | {whole} |"
        )
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--data", type=Path, required=True, help="folder with manifest.jsonl, of a high frame rate")
    add("--step", type=int, default=4, help="every so many-th frame is taken (default %(default)s)")
    add("--frames", type=int, default=90, help="of a window, of those that are taken (default %(default)s)")
    add("--cue", default=DEFAULT_CUE, help="(default %(default)s)")
    add("--output", type=Path, default=Path("runs/benchmarks/sub_frame"), help="folder (default %(default)s)")
    args = parser.parse_args()
    try:
        if args.step < 2 or args.frames < 2 * REACH:
            raise ConfigError(
                f"--step {args.step} --frames {args.frames}: expected 2 or more, and {2 * REACH} or more"
            )
        found = measure(read_manifest(args.data), step=args.step, frames=args.frames, cue=args.cue)
    except VideoSyncError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    rows = table(found)
    print(as_markdown(rows))
    args.output.mkdir(parents=True, exist_ok=True)
    (args.output / "sub_frame.json").write_text(
        json.dumps({"arguments": {k: str(v) for k, v in vars(args).items()}, "rows": rows}, indent=1) + "\n",
        encoding="utf-8",
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
