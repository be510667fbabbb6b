"""Make a dataset of synthetic multi-view events: no download, known truth.

    python dataset_preparation/synthetic_process.py --output_dir ~/datasets/synthetic
    python dataset_preparation/synthetic_process.py --output_dir ~/datasets/struck --sound

writes <output_dir>/<event>/cam0.mp4, cam1.mp4, ... and <output_dir>/manifest.jsonl, in a train and
a val split. The same seed gives the same files, however many workers run and however many events are
asked for. A run that was cut off goes on where it stopped; report.json says what was made.

--fps, --distractors and --static_share take several values: events take all their combinations in turn.

The sign of an offset: frame i of cam0 shows the moment of frame i + k of cam1, with
k = start_frame(cam0) - start_frame(cam1) from the manifest; a positive k means that cam1 started first.
With --rates a view's frame i shows the time (start_frame + i) / fps of its event, in its own frames and frame rate.

With --sound events are seen and heard: one body strikes (bounce, swing, hammer, roll or shake), it is of wood or of
metal, and the files hold the sound of its hits. Their motion and material are the "label" of the manifest; among every
ten events each of the ten is there once. Rooms echo; microphones differ; there are noise, hum, strikes of which the
cause is not seen, and bodies that move in silence. event.json has the time of every hit (s since the event began).
An event has one view; with --views 2 it has two cameras that start apart, each with a microphone of its own.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import combinations, product
from pathlib import Path
from typing import Any

if __package__ in (None, ""):  # run as a file: make the repository's packages importable
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dataset_preparation.arguments import PreparationParser
from dataset_preparation.synthetic.camera_motion import CAMERA_MOTIONS
from dataset_preparation.synthetic.event import Settings, event_name, make_event, read_event
from dataset_preparation.synthetic.sound_event import SoundSettings, make_sound_event
from videosync.errors import ConfigError, VideoSyncError, printable
from videosync.files import make_folder, write_json
from videosync.jobs.pool import local_pool

Task = tuple[str, int]  # split, number inside the split
AnySettings = Settings | SoundSettings

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
    silent, heard = Settings(), SoundSettings()
    add = parser.add_argument
    add("--output_dir", type=Path, required=True, help="dataset folder to make or to complete")
    add("--train_events", type=int, default=80, help="events of the train split (default %(default)s)")
    add("--val_events", type=int, default=20, help="events of the val split (default %(default)s)")
    add("--sound", action="store_true", help="make events with sound, of ten kinds that the manifest names (see below)")
    for name, said in HELP.items():  # without a default, so that it is known what was given
        value, with_sound = getattr(silent, name), getattr(heard, name, None)
        default = f"{value:g}" + ("" if with_sound in (None, value) else f", with --sound {with_sound:g}")
        scope = "" if hasattr(heard, name) else "; not with --sound"
        several = "+" if name in SEVERAL else None
        add(f"--{name}", type=type(value), nargs=several, help=f"{said} (default {default}{scope})")
    add(
        "--rates",
        type=float,
        nargs="*",
        metavar="FPS",
        help="frame rates that the views of an event draw from, e.g. 24 25 29.97 30 50 60 (default: all have --fps); "
        "start_frame then counts in each view's own frames, so that view 0 starts "
        "start_frame0 / fps0 - start_frame1 / fps1 seconds after view 1; not with --sound",
    )
    add(
        "--camera_motion",
        choices=CAMERA_MOTIONS,
        help="how each camera moves through the scene, on its own and with real parallax "
        f"(default {silent.camera_motion}; not with --sound)",
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
        print(f"error: {printable(str(error))}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"error: {printable(f'{error.filename}: {error.strerror}')}; choose another folder", file=sys.stderr)
        return 2
    return 0


def _process(args: argparse.Namespace) -> None:
    if args.rates is not None:
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
    first, rates = kinds[0], dict.fromkeys(f"{settings.fps:g}" for settings in kinds)
    print(
        f"{args.output_dir}: {plan} events of {first.views} {'view' if first.views == 1 else 'views'}, {first.frames} "
        f"frames at {' or '.join(rates)} frames/s, {first.size}x{first.size} pixels{', with sound' * args.sound}; "
        f"{len(records)} there already, {len(missing)} to make"
    )
    if args.dry_run:
        return
    started = time.monotonic()
    make_folder(args.output_dir)
    records |= _make_all(args.output_dir, missing, args.workers)
    _write_manifest(args.output_dir, [records[task] for task in tasks])
    report = _report(args.output_dir, records, kinds, len(missing), time.monotonic() - started)
    write_json(args.output_dir / "report.json", report)
    offsets = report.get("offset_frames")  # none where events have one view
    print(
        f"{len(tasks)} events ({report['megabytes']} MB), {len(missing)} of them made in {report['seconds']:.0f} s; "
        + (f"offsets {offsets['smallest']:g} to {offsets['largest']:g} frames; " if offsets else "")
        + f"manifest: {args.output_dir / 'manifest.jsonl'}"
    )


def all_settings(args: argparse.Namespace) -> list[AnySettings]:
    """The settings that events take in turn: all combinations of the options that were given several values."""
    kind = SoundSettings if args.sound else Settings
    options = {name: value for name in Settings.__dataclass_fields__ if (value := getattr(args, name)) is not None}
    if foreign := [f"--{name}" for name in options if name not in kind.__dataclass_fields__]:
        raise ConfigError(f"--sound makes no use of {', '.join(foreign)}; leave out one or the other")
    several = [name for name, value in options.items() if isinstance(value, list)]
    return [kind(**options | dict(zip(several, values))) for values in product(*(options[name] for name in several))]


def _finished(root: Path, tasks: Mapping[Task, AnySettings]) -> dict[Task, dict[str, Any]]:
    """Records of the events that are there already; ConfigError if they were made with other settings."""
    records = {}
    for task, settings in tasks.items():
        folder = root / event_name(*task)
        record = read_event(folder)
        if record is None:
            continue
        # what an older record does not know had no effect
        found = type(settings)().fingerprint() | {"sound": False} | record["settings"]
        wanted = {"sound": False} | settings.fingerprint()
        differing = [key for key in wanted if found.get(key) != wanted[key]]
        if differing:
            changes = ", ".join(f"{key} {found.get(key)} (now {wanted[key]})" for key in differing)
            raise ConfigError(
                f"{folder} was made with {changes}; give another --output_dir, the same options, or delete the folder"
            )
        records[task] = record
    return records


def _make_all(root: Path, tasks: Mapping[Task, AnySettings], workers: int) -> dict[Task, dict[str, Any]]:
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


def _make(root: Path, item: tuple[Task, AnySettings]) -> dict[str, Any]:
    task, settings = item
    if isinstance(settings, SoundSettings):
        return make_sound_event(root, *task, settings)
    return make_event(root, *task, settings)


def _write_manifest(root: Path, records: list[dict[str, Any]]) -> None:
    from videosync.data.manifest import Sample, View, write_manifest

    write_manifest(
        root,
        [
            Sample(
                event=record["event"],
                split=record["split"],
                label=record.get("label"),
                views=tuple(View(**{"fps": record["settings"]["fps"], **view}) for view in record["views"]),
            )
            for record in records
        ],
    )


def _report(
    root: Path, records: dict[Task, dict[str, Any]], kinds: Sequence[AnySettings], made: int, seconds: float
) -> dict[str, Any]:
    import av
    import cv2
    import numpy as np

    files = [root / view["video"] for record in records.values() for view in record["views"]]
    return {
        "settings": [settings.fingerprint() for settings in kinds],
        "events": {split: sum(s == split for s, _ in records) for split in sorted({s for s, _ in records})},
        "videos": len(files),
        "megabytes": round(sum(file.stat().st_size for file in files) / 1e6, 2),
        "events_made_now": made,
        "seconds": round(seconds, 2),
        **({"offset_frames": offsets} if (offsets := _offsets(records)) else {}),
        **(
            {"labels": dict(sorted(labels.items()))}
            if (labels := Counter(r["label"] for r in records.values() if "label" in r))
            else {}
        ),
        "versions": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "opencv": cv2.__version__,
            "av": av.__version__,
        },
    }


def _offsets(records: Mapping[Task, Mapping[str, Any]]) -> dict[str, float]:
    """k = start0 - start1 over all pairs of views, in frames of --fps; nothing where events have one view."""
    offsets = []
    for record in records.values():
        fps = record["settings"]["fps"]
        starts = [view["start_frame"] * fps / view.get("fps", fps) for view in record["views"]]
        offsets += [a - b for a, b in combinations(starts, 2)]
    if not offsets:
        return {}
    return {
        "smallest": round(min(offsets), 3),
        "largest": round(max(offsets), 3),
        "mean_absolute": round(sum(map(abs, offsets)) / len(offsets), 2),
    }


if __name__ == "__main__":
    sys.exit(main())
