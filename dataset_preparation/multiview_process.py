"""Turn a folder of synchronised multi-camera recordings into clips of one size and a manifest.

    python dataset_preparation/multiview_process.py --data_root recordings --output_dir data/my_set

The source folder holds a manifest.jsonl, or one sub-folder an event with two or more videos that start
together. Every frame is kept (or a stretch of them, see --max_frames); frames are resized to size x size, as
the models see them; sound is dropped. Keyframes are frequent, so that random windows are cheap to read, and
lie at irregular places that differ from view to view: on a common grid their flicker gives the sync away.

A run that was cut off goes on where it stopped. report.json says what was used, what was dropped, and why.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from joblib import Parallel, delayed
from tqdm import tqdm

if __package__ in (None, ""):  # run as a file: make the repository's packages importable
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dataset_preparation.arguments import PreparationParser
from dataset_preparation.multiview.plan import (
    Dropped,
    ViewJob,
    assemble,
    choose_splits,
    find_sources,
    plan_source,
)
from dataset_preparation.multiview.transcode import transcode
from videosync.data.manifest import MANIFEST_NAME, read_manifest, validate_manifest, write_manifest
from videosync.data.samples import Sample
from videosync.errors import ManifestError, VideoSyncError

_NOT_NEGATIVE = (lambda value: value >= 0, "0 or more")
LIMITS: dict[str, tuple[Callable[[Any], bool], str]] = {  # flag → (what is accepted, the same in words)
    "size": (lambda value: value >= 2 and value % 2 == 0, "an even number, 2 or more"),
    "crf": (lambda value: 0 <= value <= 51, "0 to 51"),
    "val_share": (lambda value: 0 <= value <= 1, "a share from 0 to 1"),
    "seed": _NOT_NEGATIVE,
    "max_frames": _NOT_NEGATIVE,
    "segment_frames": _NOT_NEGATIVE,
    "min_frames": _NOT_NEGATIVE,
    "workers": (lambda value: value >= 1, "1 or more"),
    "limit": _NOT_NEGATIVE,
}


def _report(
    samples: Sequence[Sample], dropped: Sequence[Dropped], args: argparse.Namespace
) -> dict[str, Any]:
    used: dict[str, dict[str, Any]] = {}
    for sample in samples:
        entry = used.setdefault(
            sample.event,
            {"split": sample.split, "fps": sample.views[0].fps, "samples": 0, "clips": 0, "frames": 0},
        )
        entry["samples"] += 1
        entry["clips"] += len(sample.views)
        entry["frames"] += sum(view.num_frames for view in sample.views)
    settings = {
        key: getattr(args, key)
        for key in ("size", "crf", "max_frames", "segment_frames", "min_frames", "limit")
    }
    return {"settings": settings, "used": used, "dropped": [asdict(d) for d in dropped]}


def _parser() -> argparse.ArgumentParser:
    parser = PreparationParser(prog="multiview_process.py", description=__doc__)
    parser.add_argument("--data_root", type=Path, required=True, help="folder of the recordings")
    parser.add_argument("--output_dir", type=Path, required=True, help="dataset folder to write")
    parser.add_argument(
        "--size",
        type=int,
        default=224,
        help="height and width of the clips in pixels, even (default %(default)s)",
    )
    parser.add_argument(
        "--crf",
        type=int,
        default=12,
        help="quality of the H.264 clips: 0 lossless … 51 (default %(default)s)",
    )
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--val_events", nargs="+", default=[], help="events of the val split; all others train"
    )
    group.add_argument(
        "--val_share",
        type=float,
        help="share of events, drawn with --seed, for the val split; at least one of two or more",
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=0,
        help="another number, other events for --val_share (default %(default)s)",
    )
    parser.add_argument(
        "--max_frames",
        type=int,
        default=0,
        help="keep this many frames from where all views have begun; 0: all",
    )
    parser.add_argument(
        "--segment_frames", type=int, default=0, help="cut into equal parts at least this long; 0: do not cut"
    )
    parser.add_argument(
        "--min_frames", type=int, default=0, help="drop events whose views share fewer frames; 0: drop none"
    )
    parser.add_argument(
        "--workers",
        type=int,
        default=os.cpu_count() or 1,
        help="files processed at once (default: one a core, %(default)s)",
    )
    parser.add_argument("--limit", type=int, default=0, help="only the first this many events; 0: all")
    parser.add_argument("--dry_run", action="store_true", help="say what would be done and write nothing")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0, or 2 when the input is wrong or nothing of it could be used."""
    parser = _parser()
    args = parser.parse_args(argv)
    for flag, (accepts, expected) in LIMITS.items():
        value = getattr(args, flag)
        if value is not None and not accepts(value):
            parser.error(f"--{flag} {value}: must be {expected}")
    if args.output_dir.exists() and not args.output_dir.is_dir():
        parser.error(f"--output_dir {args.output_dir}: is a file; give a folder to write")
    if args.output_dir.resolve() == args.data_root.resolve():
        parser.error(
            f"--output_dir {args.output_dir}: holds the recordings, which would be overwritten; give another"
        )
    try:
        return run(args)
    except VideoSyncError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def run(args: argparse.Namespace) -> int:
    sources, dropped = find_sources(args.data_root)
    if args.limit:
        kept = set(sorted({source.event for source in sources})[: args.limit])
        sources = [source for source in sources if source.event in kept]
    splits = choose_splits(sources, val_events=args.val_events, val_share=args.val_share, seed=args.seed)
    parallel = Parallel(n_jobs=args.workers, return_as="generator")
    plan = delayed(plan_source)
    jobs: list[ViewJob] = []
    for planned, lost in parallel(
        plan(
            source,
            max_frames=args.max_frames,
            segment_frames=args.segment_frames,
            min_frames=args.min_frames,
        )
        for source in sources
    ):
        jobs += planned
        dropped += lost
    if args.dry_run:
        samples, lost = assemble(jobs, splits)
        print_report(_report(samples, [*dropped, *lost], args))
        print_empty_splits(samples, splits)
        return 0
    args.output_dir.mkdir(parents=True, exist_ok=True)
    threads = max(1, (os.cpu_count() or 1) // args.workers)
    work = delayed(transcode)
    results = parallel(work(job, args.output_dir, args.size, args.crf, threads) for job in jobs)
    finished = []
    for job, why in zip(jobs, tqdm(results, total=len(jobs), unit="file", disable=not sys.stderr.isatty())):
        if why:
            dropped.append(Dropped(job.event, job.name, why))
        else:
            finished.append(job)
    samples, lost = assemble(finished, splits)
    report = _report(samples, [*dropped, *lost], args)
    temporary = args.output_dir / f".report.{os.getpid()}"
    temporary.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(temporary, args.output_dir / "report.json")
    print_report(report)
    print_empty_splits(samples, splits)
    if not samples:
        raise ManifestError(
            f"nothing in {args.data_root} could be used; {args.output_dir / 'report.json'} says why"
        )
    write_manifest(args.output_dir, samples)
    problems = validate_manifest(read_manifest(args.output_dir), deep=True)
    if problems:
        raise ManifestError(f"{args.output_dir}: {len(problems)} problems, the first: {problems[0]}")
    print(f"wrote {args.output_dir / MANIFEST_NAME}; look at it with: videosync check {args.output_dir}")
    return 0


def print_report(report: dict[str, Any]) -> None:
    for event, entry in report["used"].items():
        print(
            f"{entry['split']:>6}  {event}: {entry['samples']} samples, {entry['clips']} clips, "
            f"{entry['frames']} frames at {entry['fps']:.6g} frames/s"
        )
    for entry in report["dropped"]:
        print(f"dropped  {entry['event']} {entry['what']}: {entry['why']}".replace(" :", ":"))


def print_empty_splits(samples: Sequence[Sample], splits: Mapping[str, str]) -> None:
    """Say which split lost all of its events (``splits``: event → split)."""
    for split in sorted(set(splits.values()) - {sample.split for sample in samples}):
        events = ", ".join(event for event, chosen in splits.items() if chosen == split)
        print(
            f"note: split '{split}' is empty, since all of its events were dropped ({events}); choose others"
        )


if __name__ == "__main__":
    sys.exit(main())
