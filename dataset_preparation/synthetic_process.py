"""Make a dataset of synthetic multi-view events: no download, known truth.

    python dataset_preparation/synthetic_process.py --output_dir ~/datasets/synthetic

writes <output_dir>/<event>/cam0.mp4, cam1.mp4, ... and <output_dir>/manifest.jsonl, in a train and
a val split. The same seed gives the same files, however many workers run and however many events are
asked for. A run that was cut off goes on where it stopped; report.json says what was made.

--fps, --distractors and --static_share take several values: events take all their combinations in turn.

The sign of an offset: frame i of cam0 shows the moment of frame i + k of cam1, with
k = start_frame(cam0) - start_frame(cam1) from the manifest; a positive k means that cam1 started first.
With --rates a view's frame i shows the time (start_frame + i) / fps of its event, in its own frames and frame rate.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import combinations, product
from pathlib import Path
from typing import Any

if __package__ in (None, ""):  # run as a file: make the repository's packages importable
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dataset_preparation.arguments import PreparationParser
from dataset_preparation.clips.pool import local_pool
from dataset_preparation.synthetic.camera_motion import CAMERA_MOTIONS
from dataset_preparation.synthetic.event import Settings, event_name, make_event, read_event
from videosync.errors import ConfigError, VideoSyncError
from videosync.files import write_json

Task = tuple[str, int]  # split, number inside the split


SEVERAL = ("fps", "distractors", "static_share")  # options of which events take several values in turn
HELP = {
    "views": "cameras an event",
    "frames": "frames in each video",
    "fps": "frames per second",
    "size": "width and height, pixels",
    "offset_range": "cameras start 0 to this many frames into the event, so offsets k lie within plus or minus this",
    "distractors": "bodies each view shows that move in no other view",
    "static_share": "share of an event's time in which nothing of the scene moves",
    "overlap": "share of the shorter file that the earliest and the latest view of an event have in common; files then "
    "differ in length, and --offset_range does not count; 0: off",
    "contrast": "stops by which cameras differ in exposure, and in white balance, gamma and noise with it, beyond what "
    "is usual",
    "exposure_steps": "steps of automatic exposure in each file; it also settles at the start, and drifts; 0: fixed",
    "flicker": "relative amplitude of the flicker of the light, of another frequency in each view",
    "seed": "another seed, other events",
}


def build_parser() -> argparse.ArgumentParser:
    text, _, notes = (__doc__ or "").partition("\n\n")
    parser = PreparationParser(description=text, epilog=notes)
    defaults = Settings()
    add = parser.add_argument
    add("--output_dir", type=Path, required=True, help="dataset folder to make or to complete")
    add("--train_events", type=int, default=80, help="events of the train split (default %(default)s)")
    add("--val_events", type=int, default=20, help="events of the val split (default %(default)s)")
    for name, said in HELP.items():
        value = getattr(defaults, name)
        several = {"nargs": "+", "default": [value]} if name in SEVERAL else {"default": value}
        add(f"--{name}", type=type(value), help=f"{said} (default {value:g})", **several)
    add(
        "--rates",
        type=float,
        nargs="*",
        default=[],
        metavar="FPS",
        help="frame rates that the views of an event draw from, e.g. 24 25 29.97 30 50 60 (default: all have --fps); "
        "start_frame then counts in each view's own frames, so that view 0 starts "
        "start_frame0 / fps0 - start_frame1 / fps1 seconds after view 1",
    )
    add(
        "--camera_motion",
        choices=CAMERA_MOTIONS,
        default=defaults.camera_motion,
        help="how each camera moves through the scene, on its own and with real parallax (default %(default)s)",
    )
    cores = os.cpu_count() or 1
    add("--workers", type=int, default=cores, help="processes (default: one a core, %(default)s)")
    add("--limit", type=int, help="make only the first so many events of each split")
    add("--dry_run", action="store_true", help="say what would be made; write nothing")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit code (2: wrong input, said in one sentence)."""
    args = build_parser().parse_args(arguments)
    try:
        _process(args)
    except VideoSyncError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _process(args: argparse.Namespace) -> None:
    args.rates = tuple(args.rates)  # all of them are one setting
    kinds = all_settings(args)
    for name in ("workers", "limit"):
        if (value := getattr(args, name)) is not None and value < 1:
            raise ConfigError(f"--{name} {value}: must be 1 or more")
    if args.output_dir.exists() and not args.output_dir.is_dir():
        raise ConfigError(f"--output_dir {args.output_dir}: is a file; give a folder to make or to complete")
    counts = {"train": args.train_events, "val": args.val_events}
    if min(counts.values()) < 0 or sum(counts.values()) == 0:
        raise ConfigError(
            f"--train_events {args.train_events} --val_events {args.val_events}: give 0 or more of each, "
            "and at least one event in all"
        )
    counts = {split: min(count, args.limit or count) for split, count in counts.items()}
    tasks = {(split, number): kinds[number % len(kinds)] for split, count in counts.items() for number in range(count)}
    records = _finished(args.output_dir, tasks)
    missing = {task: settings for task, settings in tasks.items() if task not in records}
    plan = ", ".join(f"{count} {split}" for split, count in counts.items())
    print(
        f"{args.output_dir}: {plan} events of {args.views} views, {args.frames} frames at "
        f"{' or '.join(f'{fps:g}' for fps in args.fps)} frames/s, {args.size}x{args.size} pixels; "
        f"{len(records)} there already, "
        f"{len(missing)} to make"
    )
    if args.dry_run:
        return
    started = time.monotonic()
    args.output_dir.mkdir(parents=True, exist_ok=True)
    records |= _make_all(args.output_dir, missing, args.workers)
    _write_manifest(args.output_dir, [records[task] for task in tasks])
    report = _report(args.output_dir, records, kinds, len(missing), time.monotonic() - started)
    write_json(args.output_dir / "report.json", report)
    print(
        f"{len(tasks)} events ({report['megabytes']} MB), {len(missing)} of them made in "
        f"{report['seconds']:.0f} s; offsets {report['offset_frames']['smallest']:g} to "
        f"{report['offset_frames']['largest']:g} frames; manifest: {args.output_dir / 'manifest.jsonl'}"
    )


def all_settings(args: argparse.Namespace) -> list[Settings]:
    """The settings that events take in turn: all combinations of the options that were given several values."""
    options = {name: getattr(args, name) for name in Settings.__dataclass_fields__}
    several = [name for name, value in options.items() if isinstance(value, list)]
    return [
        Settings(**options | dict(zip(several, values))) for values in product(*(options[name] for name in several))
    ]


def _finished(root: Path, tasks: Mapping[Task, Settings]) -> dict[Task, dict[str, Any]]:
    """Records of the events that are there already; ConfigError if they were made with other settings."""
    records = {}
    for task, settings in tasks.items():
        folder = root / event_name(*task)
        record = read_event(folder)
        if record is None:
            continue
        wanted = settings.fingerprint()
        found = Settings().fingerprint() | record["settings"]  # what an older record does not know had no effect
        differing = [key for key in wanted if found.get(key) != wanted[key]]
        if differing:
            changes = ", ".join(f"{key} {found.get(key)} (now {wanted[key]})" for key in differing)
            raise ConfigError(
                f"{folder} was made with {changes}; give another --output_dir, the same options, or delete the folder"
            )
        records[task] = record
    return records


def _make_all(root: Path, tasks: Mapping[Task, Settings], workers: int) -> dict[Task, dict[str, Any]]:
    """Make events in ``workers`` processes; returns their records."""
    from tqdm import tqdm

    quiet = 0.1 if sys.stderr.isatty() else 15.0  # seconds between updates; a log file needs few
    records: dict[Task, dict[str, Any]] = {}
    if not tasks:
        return records
    with tqdm(total=len(tasks), unit="event", mininterval=quiet) as bar, local_pool(min(workers, len(tasks))) as pool:
        for (task, _), record in pool.results(partial(_make, root), tasks.items()):
            if isinstance(record, pool.ended):
                raise VideoSyncError(
                    f"{root}: a worker process was ended, as the system does when memory runs out; the events that are "
                    "done are kept: run it again with fewer --workers"
                ) from record
            records[task] = record
            bar.update()
    return records


def _make(root: Path, item: tuple[Task, Settings]) -> dict[str, Any]:
    task, settings = item
    return make_event(root, *task, settings)


def _write_manifest(root: Path, records: list[dict[str, Any]]) -> None:
    from videosync.data.manifest import Sample, View, write_manifest

    write_manifest(
        root,
        [
            Sample(
                event=record["event"],
                split=record["split"],
                views=tuple(View(**{"fps": record["settings"]["fps"], **view}) for view in record["views"]),
            )
            for record in records
        ],
    )


def _report(
    root: Path, records: dict[Task, dict[str, Any]], kinds: Sequence[Settings], made: int, seconds: float
) -> dict[str, Any]:
    import av
    import cv2
    import numpy as np

    starts = [
        [view["start_frame"] * fps / view.get("fps", fps) for view in record["views"]]
        for record in records.values()
        for fps in [record["settings"]["fps"]]
    ]
    offsets = np.array([a - b for event in starts for a, b in combinations(event, 2)])
    files = [root / view["video"] for record in records.values() for view in record["views"]]
    return {
        "settings": [settings.fingerprint() for settings in kinds],
        "events": {split: sum(s == split for s, _ in records) for split in sorted({s for s, _ in records})},
        "videos": len(files),
        "megabytes": round(sum(file.stat().st_size for file in files) / 1e6, 2),
        "events_made_now": made,
        "seconds": round(seconds, 2),
        "offset_frames": {  # k = start0 - start1 over all pairs of views, in frames of --fps
            "smallest": round(float(offsets.min()), 3),
            "largest": round(float(offsets.max()), 3),
            "mean_absolute": round(float(np.abs(offsets).mean()), 2),
        },
        "versions": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "opencv": cv2.__version__,
            "av": av.__version__,
        },
    }


if __name__ == "__main__":
    sys.exit(main())
