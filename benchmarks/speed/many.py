"""``videosync sync`` on many files at once: groups that share nothing, time, memory, and what of the answer is right.

    python -m benchmarks.speed.many                           # 200 files of 20 events
    python -m benchmarks.speed.many --events 3 --views 4      # a few minutes

Each event is filmed by several cameras, and all files are given to one call. *placed*: of the pairs of one event, those
to which the answer gives an offset; *right*: of these, within 2 frames of the truth. *strangers*: pairs of two events
to which it gives one all the same. *decoding* of the same files in a PyAV loop is the bare cost.
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


def measure(args: argparse.Namespace) -> None:
    root = args.output.absolute() / f"{args.events}x{args.views}"
    words = ["--train_events", str(args.events), "--val_events", "0", "--views", str(args.views), "--size", "64"]
    words += ["--frames", str(args.frames), "--offset_range", str(args.frames // 4), "--seed", str(args.seed)]
    if synthetic_process.main(["--output_dir", str(root), *words]) != 0:
        raise VideoError(f"{root}: the events could not be made")
    place = {
        str(root / view.video): (sample.event, view.start_frame)
        for sample in read_manifest(root).of_split("train")
        for view in sample.views
    }
    answer = root / "answer.json"
    asked = [sys.executable, "-m", "videosync", "sync", *place, "--json", str(answer), "--force", "--audio", "off"]
    status, cpu, memory, wall = watched(asked)
    if status not in (0, 3):
        raise VideoError(f"videosync sync ended with exit code {status}")
    bare, _ = spent(lambda: decode([Path(file) for file in place]))
    said = read_json(answer)
    row = {"name": f"{len(place)} files of {args.events} events", "cpu": cpu, "wall": wall, "peak": memory}
    row |= {"share": cpu / bare, "compared": said["pairs_compared"], "possible": said["pairs_possible"]}
    row |= judged(said["pairs"], place)
    now = provenance(args)
    print(f"{now['machine']}, load {now['load']}\n")
    print(markdown([row], MANY))
    keep_result(args, [row])


def judged(pairs: Sequence[dict[str, Any]], place: dict[str, tuple[str, int]]) -> dict[str, float]:
    """What of the answer is right."""
    mine: list[float | None] = []
    strangers: list[float | None] = []
    for pair in pairs:
        (one, start0), (other, start1) = (place[path] for path in pair["files"])
        said = pair["offset_frames"] if pair["placed"] else None
        (mine if one == other else strangers).append(None if said is None else abs(said - (start0 - start1)))
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
    return parser


main = partial(run, measure, arguments)

if __name__ == "__main__":
    sys.exit(main())
