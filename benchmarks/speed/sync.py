"""Where the time of ``videosync sync`` goes, beside the bare decoding of the same files in the same run.

    python -m benchmarks.speed.sync                                  # two files of 10 s at 1080p, some minutes
    python -m benchmarks.speed.sync --frames 1800 --height 64 --width 64
    python -m benchmarks.speed.sync --long 600 --pairs heavier   # two files of ten minutes too, an hour

Two cameras film one synthetic event; their pictures are enlarged, get the noise of a sensor, and are coded in H.264:
noise and coding decide how much there is to decode, so that there are a light and a heavier pair. *decoding*: all
frames of both files in a plain PyAV loop with as many threads as ``sync`` takes. *start*: the same command on two files
of a second at 64 x 64. *all else*: what the command takes beyond both. *again*: a second question with ``--cache``.
Seconds are of processor time, of all threads, which other work on the machine disturbs least; medians of runs that take
turns. The answer is checked: it must lie within 2 frames of the truth. Of long files, which are decoded in parts:
*whole*, and *thorough*, the same command with ``--thorough``; they are asked once, and with them stands the most memory
that a command has held so far. To draw and code long files takes much longer than to ask: ``--footage`` keeps them.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.pipeline import benchmark, keep_result, provenance, run
from benchmarks.tables import SYNC_SPEED, markdown
from dataset_preparation.synthetic.event import Settings, make_event
from videosync.errors import VideoError
from videosync.video.index import open_video, video_stream
from videosync.video.read import iter_frames
from videosync.video.write import write_video

SMALL = 270  # pixels at which events are drawn
FPS = 30.0
CODINGS = {"light": (2.0, 23), "heavier": (3.0, 23)}  # noise of the sensor in grey levels, crf
RIGHT = 2  # frames


def cameras(folder: Path, frames: int, size: tuple[int, int], noise: float, crf: int, seed: int) -> tuple[Path, Path]:
    """Two files of one event at ``size`` (height, width), the first of which starts ``folder/offset.json`` frames later
    than the second; those that are there, if they are.
    """
    files = folder / "cam0.mp4", folder / "cam1.mp4"
    if (folder / "offset.json").exists():
        return files
    drawn = Settings(frames=frames, fps=FPS, size=min(SMALL, *size), offset_range=frames // 5, seed=seed)
    views = make_event(folder, "train", 0, drawn)["views"]
    for file, view in zip(files, views):
        pictures = enlarged(iter_frames(folder / view["video"]), size, noise, seed)
        write_video(file, pictures, FPS, crf=crf, preset="veryfast")
    (folder / "offset.json").write_text(json.dumps(views[0]["start_frame"] - views[1]["start_frame"]))
    return files


def enlarged(frames: Iterator[np.ndarray], size: tuple[int, int], noise: float, seed: int) -> Iterator[np.ndarray]:
    """uint8 [H,W,3], with noise that differs from frame to frame."""
    rng, (height, width) = np.random.default_rng(seed), size
    grain = rng.normal(0, noise, (height + 64, width + 64, 1)).astype(np.int8)
    for frame in frames:
        row, column = rng.integers(0, 64, 2)
        large = cv2.resize(frame, (width, height), interpolation=cv2.INTER_CUBIC)
        yield cv2.add(large, grain[row : row + height, column : column + width].repeat(3, 2), dtype=cv2.CV_8U)


def decode(files: Sequence[Path]) -> None:
    for file in files:
        with open_video(str(file)) as container:
            for _ in container.decode(video_stream(container, str(file))):
                pass


def ask(files: tuple[Path, Path], *arguments: str) -> dict[str, Any]:
    """The answer of ``videosync sync`` in a process of its own."""
    command = [sys.executable, "-m", "videosync", "sync", *map(str, files), "--json", "-", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode == 2:
        raise VideoError(done.stderr.strip())
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def spent(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds of processor time, of this process and those it waited for, and on the clock."""

    def used() -> float:
        return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))

    cpu, wall = used(), time.perf_counter()
    work()
    return used() - cpu, time.perf_counter() - wall


def measure_pair(args: argparse.Namespace, root: Path, name: str, tiny: tuple[Path, Path]) -> list[dict[str, Any]]:
    """A row for each part of the time."""
    noise, crf = CODINGS[name]
    size = args.height, args.width
    files = cameras(root / name, args.frames, size, noise, crf, args.seed)
    true, cue = json.loads((root / name / "offset.json").read_text()), ("--cue", args.cue)
    check(ask(files, *cue, "--cache", str(root / name / "kept")), files, true)
    work: dict[str, Callable[[], object]] = {
        "decoding": lambda: decode(files),
        "start": lambda: ask(tiny, *cue),
        "whole": lambda: ask(files, *cue),
        "again": lambda: ask(files, *cue, "--cache", str(root / name / "kept")),
    }
    times: dict[str, list[tuple[float, float]]] = {part: [] for part in work}
    for _ in range(args.repeats):
        for part, job in work.items():
            times[part].append(spent(job))
    cpu, wall = ({part: statistics.median(t[n] for t in taken) for part, taken in times.items()} for n in (0, 1))
    cpu["all else"] = cpu["whole"] - cpu["start"] - cpu["decoding"]
    return rows_of(files, args.frames, size, cpu, wall, args.repeats)


def measure_long(args: argparse.Namespace, root: Path, name: str) -> list[dict[str, Any]]:
    """A row for decoding two files of ``args.long`` seconds, and for the command with and without ``--thorough``."""
    noise, crf = CODINGS[name]
    size, frames = (args.height, args.width), round(args.long * FPS)
    folder = (args.footage or root) / f"{name}_{frames}_{args.width}x{args.height}_{args.seed}"
    files, cue = cameras(folder, frames, size, noise, crf, args.seed), ("--cue", args.cue)
    true = json.loads((folder / "offset.json").read_text())
    work: dict[str, Callable[[], object]] = {
        "decoding": lambda: decode(files),
        "whole": lambda: check(ask(files, *cue), files, true),
        "thorough": lambda: check(ask(files, *cue, "--thorough"), files, true),
    }
    times, held = {}, {}
    for part, job in work.items():
        times[part] = spent(job)
        held[part] = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024e-9  # GB; Linux counts in KiB
    cpu, wall = ({part: taken[n] for part, taken in times.items()} for n in (0, 1))
    rows = rows_of(files, frames, size, cpu, wall, 1)
    return [{**row, "gb": None if part == "decoding" else held[part]} for part, row in zip(times, rows)]


def check(answer: dict[str, Any], files: tuple[Path, Path], true: int) -> None:
    """Raises VideoError: the answer is not ``true`` frames."""
    said = answer["pairs"][0]["offset_frames"]
    if said is None or abs(said - true) > RIGHT:
        raise VideoError(
            f"{files[0]}, {files[1]}: {said} was said, {true} frames are true; take other --frames, --long or --seed"
        )


def rows_of(
    files: tuple[Path, Path], frames: int, size: tuple[int, int], cpu: dict[str, float], wall: dict[str, float], n: int
) -> list[dict[str, Any]]:
    """A row for each part of ``cpu`` seconds, beside decoding both files of so many frames."""
    mbit = sum(file.stat().st_size for file in files) * 8e-6 / (2 * frames / FPS)
    pair = f"2 × {frames / FPS:.0f} s of {size[1]} × {size[0]}, {mbit:.1f} Mbit/s"
    return [
        {
            "name": f"{pair}: {part}", "cpu": seconds, "share": seconds / cpu["decoding"], "n": n,
            "ms": 1000 * seconds / (2 * frames), "wall": wall.get(part),
        }
        for part, seconds in cpu.items()
    ]  # fmt: skip


def measure(args: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        tiny = cameras(root / "tiny", round(FPS), (64, 64), 0.0, 18, args.seed)
        rows = [row for name in args.pairs for row in measure_pair(args, root, name, tiny)]
        rows += [row for name in args.pairs if args.long for row in measure_long(args, root, name)]
    made = provenance(args)
    threads = os.environ.get("OMP_NUM_THREADS", "all")
    print(f"{made['machine']}, load {made['load']}, OMP_NUM_THREADS {threads}, n = {args.repeats}\n")
    print(markdown(rows, SYNC_SPEED))
    keep_result(args, rows)


def arguments() -> argparse.ArgumentParser:
    parser = benchmark(__doc__, "benchmarks.speed.sync")
    add = parser.add_argument
    add("--pairs", nargs="+", default=list(CODINGS), choices=CODINGS, help="(default: all)")
    add("--frames", type=int, default=300, help="of each file (default %(default)s)")
    add("--long", type=float, default=0.0, help="seconds of each of two long files (default: none are made)")
    add("--footage", type=Path, metavar="FOLDER", help="keep the long files there, and take those that are there")
    add("--height", type=int, default=1080, help="pixels (default %(default)s)")
    add("--width", type=int, default=1920, help="pixels (default %(default)s)")
    add("--cue", default="motion-learned", help="(default %(default)s)")
    add("--repeats", type=int, default=5, help="runs of each part (default %(default)s)")
    return parser


main = partial(run, measure, arguments)

if __name__ == "__main__":
    sys.exit(main())
