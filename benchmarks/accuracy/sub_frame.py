"""How far off are answers between two frames? Cameras whose frames fall between each other's, with known fractions.

    python dataset_preparation/synthetic_process.py --output_dir runs/fast --train_events 24 --val_events 0 \\
        --frames 960 --fps 120 --offset_range 120 --seed 701
    python -m benchmarks.accuracy.sub_frame --data runs/fast --step 4

Of files of a high frame rate every STEPth frame is taken, in view 1 from each of the first STEP frames on, so that true
offsets have fractions of 0, 1/STEP, 2/STEP … of a frame. Both views are cut into windows; those that are more than a
frame off are counted, and not part of the mean. Prints a table of mean (the bias) and root mean square of the signed
error by fraction, with 95 % of a bootstrap over events, and how far off whole frames would be.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.accuracy.methods import SIZE
from benchmarks.pipeline import Answer, asked, bar, benchmark, keep_result, run
from benchmarks.signals import cue_of, of_frames
from benchmarks.tables import SUB_FRAME, markdown
from videosync.cues import DEFAULT_CUE
from videosync.data.manifest import read_manifest
from videosync.errors import ConfigError
from videosync.evaluation.intervals import event_interval
from videosync.lags.scores import LagScores
from videosync.signals.grey import small_size
from videosync.video.read import probe, read_frames

REACH = 30  # frames to either side of the true offset that are searched


def arguments() -> argparse.ArgumentParser:
    parser = benchmark(__doc__, "benchmarks.accuracy.sub_frame")
    add = parser.add_argument
    add("--data", type=Path, help="folder with manifest.jsonl, of a high frame rate")
    add("--step", type=int, default=4, help="every so many-th frame is taken (default %(default)s)")
    add("--frames", type=int, default=90, help="of a window, of those that are taken (default %(default)s)")
    add("--cue", default=DEFAULT_CUE, help="(default %(default)s)")
    return parser


def measure(args: argparse.Namespace) -> list[Answer]:
    """All windows of all pairs of views. Raises ConfigError: no pair has a window.  VideoError: a damaged file."""
    if args.step < 2 or args.frames < 2 * REACH:
        raise ConfigError(f"--step {args.step} --frames {args.frames}: expected 2 or more, and {2 * REACH} or more")
    manifest = read_manifest(args.data)
    answers: list[Answer] = []
    for sample in bar(manifest.samples, "events"):
        pictures = {}
        for view in sample.views:
            info = probe(manifest.path(view))
            size = small_size(info.height, info.width, SIZE)
            pictures[view] = read_frames(manifest.path(view), size=size)
        for view0, view1 in combinations(sample.views, 2):
            for late in range(args.step):
                apart = (view0.start_frame - view1.start_frame - late) / args.step
                clip0, clip1 = pictures[view0][:: args.step], pictures[view1][late :: args.step]
                for said in _answers(clip0, clip1, apart, args):
                    case = f"{view0.video} {view1.video} {len(answers)}"
                    fps = view0.fps / args.step
                    row = f"{apart % 1.0:.2f}"
                    answers.append(Answer(row, args.data.name, sample.event, case, args.cue, fps, apart % 1.0, said))
    if not answers:
        raise ConfigError(f"{args.data}: no pair of views has windows of {args.frames} frames; lower --frames")
    return answers


def _answers(clip0: np.ndarray, clip1: np.ndarray, apart: float, args: argparse.Namespace) -> Iterator[float]:
    """Of windows that nearly face each other: what is left of the clips' offset ``apart`` is its fraction."""
    shift, frames, cue = int(np.floor(apart)), args.frames, cue_of(args.cue)
    for first in range(max(0, -shift), len(clip0) - frames + 1, frames):
        other = first + shift
        if other + frames > len(clip1):
            break
        signals0, signals1 = (of_frames(clip[at : at + frames], cue) for clip, at in ((clip0, first), (clip1, other)))
        curve = LagScores(-REACH, cue.score(signals0, signals1, range(-REACH, REACH + 1)))
        yield curve.vertex(curve.best())


def rows_of(answers: Sequence[Answer], *, bootstrap: int, seed: int) -> list[dict[str, Any]]:
    """A row for each fraction, and one for all: bias and spread of the answers that are within a frame."""
    rows = []
    for name in [*sorted({a.row for a in answers}), "all"]:
        some = [a for a in answers if name in (a.row, "all")]
        errors, right = np.array([a.error for a in some]), np.array([a.within(1) for a in some])
        near = errors[right]
        options: dict[str, Any] = {"bootstrap": bootstrap, "seed": seed, "weights": right}
        row: dict[str, Any] = {"name": name, "n": len(some), "right": len(near)}
        if len(near):
            row["bias"], row["rms"] = float(near.mean()), float(np.sqrt((near**2).mean()))
            row["bias_95"] = event_interval(errors, [a.unit for a in some], **options)
        row["whole_frames"] = None if name == "all" else min(float(name), 1 - float(name))
        rows.append(row)
    return rows


def benchmark_sub_frame(args: argparse.Namespace) -> None:
    """Measure (or read), print. Raises VideoSyncError."""
    rows = rows_of(asked(args, lambda: measure(args)), bootstrap=args.bootstrap, seed=args.seed)
    print(markdown(rows, SUB_FRAME))
    keep_result(args, rows)


main = partial(run, benchmark_sub_frame, arguments)

if __name__ == "__main__":
    sys.exit(main())
