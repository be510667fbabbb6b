"""``videosync sync`` on many files at once: groups that share nothing, time, memory, and what of the answer is right.

    python -m benchmarks.speed.many                           # 200 files of 20 events
    python -m benchmarks.speed.many --events 3 --views 4      # a few minutes
    python -m benchmarks.speed.many --data recordings --result speed_many_real   # 100 files of 3 s of real ones

Each event is filmed by several cameras, and all files are given to one call. *placed*: of the pairs of one event, those
to which the answer gives an offset; *right*: of these, within 2 frames of the truth. *strangers*: pairs of two events
to which it gives one all the same. *decoding* of the same files in a PyAV loop is the bare cost. Of real recordings,
folders with a manifest, the files are stretches of their cameras in turn, at a random time and coded as people's files
are; those of one recording, which need not share any time, are one event.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.brought.draw import coded, sources_of
from benchmarks.pipeline import benchmark, keep_result, provenance, run
from benchmarks.speed.sync import RIGHT, decode, spent
from benchmarks.tables import MANY, markdown
from dataset_preparation import synthetic_process
from videosync.data.manifest import read_manifest
from videosync.errors import VideoError
from videosync.files import read_json


def watched(words: Sequence[str]) -> tuple[int, float, float, float]:
    """Exit code of a command, its processor seconds, peak memory in MB (this process's own at least), seconds."""
    began = time.perf_counter()
    with subprocess.Popen(words, stdout=sys.stderr) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    memory = used.ru_maxrss / (1e3 if sys.platform != "darwin" else 1e6)
    return process.returncode, used.ru_utime + used.ru_stime, memory, time.perf_counter() - began


def synthetic(args: argparse.Namespace) -> dict[str, tuple[str, float]]:
    """File → event, and its start on the event's clock, seconds. Raises VideoError: the events cannot be made."""
    root = args.output.absolute() / f"{args.events}x{args.views}"
    words = ["--train_events", str(args.events), "--val_events", "0", "--views", str(args.views), "--size", "64"]
    words += ["--frames", str(args.frames), "--offset_range", str(args.frames // 4), "--seed", str(args.seed)]
    if synthetic_process.main(["--output_dir", str(root), *words]) != 0:
        raise VideoError(f"{root}: the events could not be made")
    return {
        str(root / view.video): (sample.event, view.start_frame / view.fps)
        for sample in read_manifest(root).of_split("train")
        for view in sample.views
    }


def filmed(args: argparse.Namespace) -> dict[str, tuple[str, float]]:
    """The same of stretches of real recordings. Raises ManifestError, VideoError, VideoWriteError."""
    folder, rng = args.output.absolute() / f"real{args.seed}", np.random.default_rng(args.seed)
    folder.mkdir(parents=True, exist_ok=True)
    views = [view for events in sources_of(args.data, made=False).values() for views in events for view in views]
    place = {}
    for number in range(args.files):
        view = views[number % len(views)]
        frames = min(round(args.seconds * view.fps), view.frames)
        take = coded(view, float(rng.uniform(0, (view.frames - frames) / view.fps)), frames, view.fps, rng)
        place[str(take.write(folder))] = view.event, take.start
    return place


def measure(args: argparse.Namespace) -> None:
    place = filmed(args) if args.data else synthetic(args)
    answer = args.output.absolute() / "answer.json"
    asked = [sys.executable, "-m", "videosync", "sync", *place, "--json", str(answer), "--force", "--audio", "off"]
    status, cpu, memory, wall = watched(asked)
    if status not in (0, 3):
        raise VideoError(f"videosync sync ended with exit code {status}")
    bare, _ = spent(lambda: decode([Path(file) for file in place]))
    said = read_json(answer)
    events = len({event for event, _ in place.values()})
    name = f"{len(place)} files of {events} {'recordings' if args.data else 'events'}"
    row = {"name": name, "cpu": cpu, "wall": wall, "peak": memory}
    row |= {"share": cpu / bare, "compared": said["pairs_compared"], "possible": said["pairs_possible"]}
    row |= judged(said["pairs"], place)
    now = provenance(args)
    print(f"{now['machine']}, load {now['load']}\n")
    print(markdown([row], MANY))
    keep_result(args, [row])


def judged(pairs: Sequence[dict[str, Any]], place: dict[str, tuple[str, float]]) -> dict[str, float]:
    """What of the answer is right."""
    mine: list[float | None] = []
    strangers: list[float | None] = []
    for pair in pairs:
        (one, start0), (other, start1) = (place[path] for path in pair["files"])
        said = pair["offset_seconds"] if pair["placed"] else None
        error = None if said is None else abs(said - (start0 - start1)) * pair["fps"]
        (mine if one == other else strangers).append(error)
    placed = [error for error in mine if error is not None]
    return {
        "placed": len(placed) / max(len(mine), 1),
        "right": sum(error <= RIGHT for error in placed) / max(len(placed), 1),
        "strangers": sum(error is not None for error in strangers),
    }


def arguments() -> argparse.ArgumentParser:
    parser = benchmark(__doc__, "benchmarks.speed.many")
    add = parser.add_argument
    add("--events", type=int, default=20, help="(default %(default)s)")
    add("--views", type=int, default=10, help="files of each event, 2 to 12 (default %(default)s)")
    add("--frames", type=int, default=150, help="of each file (default %(default)s)")
    add("--data", type=Path, nargs="+", default=[], metavar="FOLDER", help="real recordings instead of made events")
    add("--files", type=int, default=100, help="of these (default %(default)s)")
    add("--seconds", type=float, default=3.0, help="of each of them, at most (default %(default)s)")
    return parser


main = partial(run, measure, arguments)

if __name__ == "__main__":
    sys.exit(main())
