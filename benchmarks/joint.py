"""Do three and more cameras put right what two get wrong? Pairs alone beside the joint answer.

    python -m benchmarks.joint --data ~/datasets/mine --output runs/joint

Of each event with three or more views windows are drawn: a stretch of the event, in which every camera starts at a
random frame of its own. Each pair is answered alone (its best lag score, with fractions of a frame) and as the
difference of two starts of the joint answer, from the same lag scores. Refusals are counted, but every answer is
scored. Files are measured once, and windows are cut out of the signals. Intervals are 95 % of a bootstrap over
windows: those of one event depend on each other, so that they say nothing about other footage.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from videosync.cues import DEFAULT_CUE
from videosync.cues.cue import Cue
from videosync.cues.evidence import scores_with_evidence
from videosync.cues.named import find_cue
from videosync.data.manifest import read_manifest
from videosync.data.samples import Sample
from videosync.evaluation.intervals import event_interval, interval_text
from videosync.timeline.clips import Clip, inspect, read_clip
from videosync.timeline.placement import place
from videosync.timeline.search import lag_range
from videosync.timeline.solve import fine_starts, joint_starts
from videosync.timeline.sync import default_encoder

WITHIN = 1.0  # frames


@dataclass(frozen=True)
class Answers:
    """Errors, frames, of all pairs of one window."""

    alone: list[float]
    joint: list[float]
    placed: int  # cameras that the full procedure places with confidence …
    placed_right: int  # … and that lie within a frame of the truth against the first of them
    cameras: int


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with manifest.jsonl")
    parser.add_argument("--windows", type=int, default=40, help="windows of each event (default %(default)s)")
    parser.add_argument("--frames", type=int, default=240, help="of a window, at most; see --share")
    parser.add_argument(
        "--share", type=float, default=0.6, help="of the event that a window is at most (default 0.6)"
    )
    parser.add_argument(
        "--max_start", type=int, default=30, help="starts are 0 … so many frames (default %(default)s)"
    )
    parser.add_argument(
        "--wide",
        action="store_true",
        help="search all offsets, as 'videosync sync' does, not only ± max_start",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, help="folder for joint.json")
    args = parser.parse_args()
    report = []
    for sample in read_manifest(args.data).samples:
        if len(sample.views) < 3:
            continue
        row = measure_event(args.data, sample, args)
        report.append(row)
    print(as_text(report))
    if args.output:
        args.output.mkdir(parents=True, exist_ok=True)
        text = json.dumps(
            {"arguments": {k: str(v) for k, v in vars(args).items()}, "events": report}, indent=1
        )
        (args.output / "joint.json").write_text(text + "\n", encoding="utf-8")
    return 0


def measure_event(root: Path, sample: Sample, args: argparse.Namespace) -> dict[str, Any]:
    clips = []
    for view in sample.views:
        info = inspect(root / view.video)
        clips.append(read_clip(info, info.fps, _cue().meters()))
    starts = [view.start_frame for view in sample.views]
    low = max(starts)
    shared = min(start + len(clip) for start, clip in zip(starts, clips)) - low
    frames = min(args.frames, int(args.share * shared))
    reach = min(args.max_start, shared - frames)
    rng = np.random.default_rng(args.seed)
    answers = []
    for _ in tqdm(range(args.windows), desc=sample.event, disable=not sys.stderr.isatty()):
        first = low + int(rng.integers(shared - frames - reach + 1))
        own = first + rng.integers(reach + 1, size=len(clips))
        parts = [_part(c, s - start, frames) for c, s, start in zip(clips, own, starts)]
        answers.append(answer(parts, own, None if args.wide else reach / clips[0].rate))
    return {
        "event": sample.event,
        "cameras": len(clips),
        "frames": frames,
        "largest_offset": reach,
        "windows": len(answers),
        "pairs": sum(len(a.alone) for a in answers),
        "alone": _score([a.alone for a in answers]),
        "joint": _score([a.joint for a in answers]),
        "put_right": sum(x > WITHIN >= y for a in answers for x, y in zip(a.alone, a.joint)),
        "put_wrong": sum(x <= WITHIN < y for a in answers for x, y in zip(a.alone, a.joint)),
        "cameras_placed": sum(a.placed for a in answers) / sum(a.cameras for a in answers),
        "placed_right": sum(a.placed_right for a in answers) / max(1, sum(a.placed for a in answers)),
        "answers": [asdict(a) for a in answers],
    }


def answer(parts: list[Clip], true: np.ndarray, max_offset: float | None) -> Answers:
    """``true`` [V]: start of each camera, frames."""
    curves = {}
    for i, j in combinations(range(len(parts)), 2):
        lags = lag_range(len(parts[i]), len(parts[j]), parts[i].rate, max_offset=max_offset)
        if lags is not None:
            curves[i, j] = scores_with_evidence(_cue(), parts[i].signals, parts[j].signals, lags, DEFAULT_CUE)
    starts = fine_starts(curves, joint_starts(curves, range(len(parts))))
    placed = place(curves, range(len(parts))).starts
    base = min(placed, default=0)
    return Answers(
        alone=[float(abs(c.vertex(c.best()) - (true[i] - true[j]))) for (i, j), c in curves.items()],
        joint=[float(abs(starts[i] - starts[j] - (true[i] - true[j]))) for i, j in curves],
        placed=len(placed),
        placed_right=sum(
            bool(abs(s - placed[base] - (true[c] - true[base])) <= WITHIN) for c, s in placed.items()
        ),
        cameras=len(parts),
    )


def _score(errors: list[list[float]]) -> dict[str, Any]:
    """Mean error, and share within a frame with its interval over windows."""
    right = np.array([np.mean(np.array(e) <= WITHIN) for e in errors])
    return {
        "mean": float(np.mean(np.concatenate(errors))),
        "within_1": float(right.mean()),
        "within_3": float(np.mean(np.concatenate(errors) <= 3)),
        "within_1_interval": event_interval(right, np.arange(len(right)), bootstrap=2000, seed=0, share=True),
    }


def _cue() -> Cue:
    return find_cue(DEFAULT_CUE, default_encoder(DEFAULT_CUE))


def _part(clip: Clip, start: int, frames: int) -> Clip:
    return Clip(clip.info, clip.rate, {n: s[start : start + frames] for n, s in clip.signals.items()})


def as_text(report: list[dict[str, Any]]) -> str:
    titles = (
        "event",
        "cameras",
        "frames",
        "windows, pairs",
        "alone: mean, within 1, 3",
        "joint: mean, within 1, 3",
    )
    rows = [(*titles, "put right / wrong", "placed"), ("---",) * 8]
    for row in report:
        scores = [
            f"{score['mean']:.2f}, {100 * score['within_1']:.0f} % "
            f"({interval_text(score['within_1_interval'], '.0f', 100)}), {100 * score['within_3']:.0f} %"
            for score in (row["alone"], row["joint"])
        ]
        placed = f"{100 * row['cameras_placed']:.0f} %, {100 * row['placed_right']:.0f} % of them right"
        rows.append(
            (
                row["event"],
                str(row["cameras"]),
                f"{row['frames']}, ±{row['largest_offset']}",
                f"{row['windows']}, {row['pairs']}",
                *scores,
                f"{row['put_right']} / {row['put_wrong']}",
                placed,
            )
        )
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


if __name__ == "__main__":
    sys.exit(main())
