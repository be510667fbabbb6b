"""What a long recording costs: an hour against 45 minutes, processor time and memory.

    python -m benchmarks.sound.long --result sound_long
    python -m benchmarks.sound.long --files one.wav other.mp4        # of your own files

Speech-like sound is recorded by two microphones of a room, whose clocks differ by 80 ppm. A process of its own, with
one thread, reads both files, makes their tracks and matches them; memory is the most it ever held.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy.io import wavfile

from benchmarks.pipeline import benchmark, keep_result, run
from benchmarks.sound.pairs import LEAD, at_microphone
from benchmarks.sound.recording import draw_place, draw_room, mixed, noise
from benchmarks.sound.waves import RATE, Rng, speech_like
from benchmarks.tables import Column, markdown, number, text
from dataset_preparation.synthetic.sound import SPEED
from videosync.audio.read import read_sound
from videosync.errors import VideoSyncError
from videosync.sound.match import match, track

PIECE = 60.0  # seconds that are made at once
PPM = 80.0
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
LONG: tuple[Column, ...] = (
    ("recordings", text("name")),
    ("reading, CPU s", number("reading", ".1f")),
    ("tracks", number("tracks", ".1f")),
    ("match", number("match", ".1f")),
    ("all", number("seconds", ".1f")),
    ("most memory, GB", number("gigabytes")),
    ("wrong by, ms", number("error_ms", ".1f")),
    ("drift: ppm off", number("drift_error_ppm")),
)


def arguments() -> argparse.ArgumentParser:
    parser = benchmark(__doc__, "benchmarks.sound.long")
    add = parser.add_argument
    add("--minutes", type=float, nargs=2, default=(60.0, 45.0), help="of the recordings (default 60 45)")
    add("--late", type=float, default=10.0, help="minutes by which the second begins later (default %(default)s)")
    add("--decibels", type=float, default=10.0, help="of sound over noise (default %(default)s)")
    add("--files", type=Path, nargs=2, metavar="FILE", help="these two files, in this process; prints JSON")
    return parser


def spent(path0: Path, path1: Path) -> dict[str, Any]:
    """Matches two files: processor time (s) of each step, the most memory (GB), the answer. Raises AudioError."""
    steps = dict.fromkeys(("reading", "tracks", "match"), 0.0)

    def timed(step: str, work: Callable[..., Any], *given: Any) -> Any:
        began = time.process_time()
        found = work(*given)
        steps[step] += time.process_time() - began
        return found

    one, other = (timed("tracks", track, timed("reading", read_sound, path)) for path in (path0, path1))
    found = timed("match", match, one, other)
    answer = {"offset": found.seconds, "drift_ppm": found.drift_ppm, "placed": found.placed}
    return {**steps, "seconds": sum(steps.values()), "gigabytes": most_memory(), **answer}


def most_memory() -> float:
    """GB that this process ever held."""
    status = Path("/proc/self/status")  # rusage counts what the parent held as well
    for line in status.read_text().splitlines() if status.is_file() else ():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024 / 1e9
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e9 if sys.platform == "darwin" else 1e6)


def record(folder: Path, seconds: tuple[float, float], late: float, decibels: float, rng: Rng) -> float:
    """Writes 0.wav and 1.wav; returns the offset (s) where both begin to record. The second clock is the faster one."""
    source = speech_like(LEAD + max(seconds[0], late + seconds[1]) + 1, rng)
    room = draw_room(rng)
    place = draw_place(room, rng)
    moments = []
    for file, (length, start, ppm) in enumerate(zip(seconds, (0.0, late), (0.0, PPM))):
        there, echoes = draw_place(room, rng), int(rng.integers(2**31))
        pieces = []
        for begin in np.arange(0, length, PIECE):
            at, piece = start + begin / (1 + ppm * 1e-6), min(PIECE, length - begin)
            wave = at_microphone(source, room, place, there, at, piece, ppm, np.random.default_rng(echoes))
            wave = mixed(wave, [(noise(len(wave), 1.0, rng), 1.0)], decibels)
            pieces.append(np.round(np.clip(wave, -1, 1) * (2**15 - 1)).astype(np.int16))
        wavfile.write(folder / f"{file}.wav", RATE, np.concatenate(pieces))
        moments.append((late + float(np.linalg.norm(there - place)) / SPEED - start) * (1 + ppm * 1e-6))
    return moments[1] - moments[0]


def long(args: argparse.Namespace) -> None:
    """Make the recordings, measure, print. Raises VideoSyncError."""
    if args.files:
        print(json.dumps(spent(*args.files)))
        return
    minutes = args.minutes
    args.output.mkdir(parents=True, exist_ok=True)
    seconds, late = (60 * minutes[0], 60 * minutes[1]), 60 * args.late
    true = record(args.output, seconds, late, args.decibels, np.random.default_rng(args.seed))
    files = [str(args.output / f"{number}.wav") for number in (0, 1)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.sound.long", "--files", *files],
        stdout=subprocess.PIPE, text=True, env={**os.environ, **dict.fromkeys(THREADS, "1")},
    )  # fmt: skip
    if done.returncode:
        raise VideoSyncError("the process that matched the recordings ended with an error; it is above")
    found = json.loads(done.stdout)
    errors = {
        "error_ms": abs(found["offset"] - true) * 1000,
        "drift_error_ppm": None if found["drift_ppm"] is None else abs(found["drift_ppm"] - PPM),
    }
    rows = [{"name": f"{minutes[0]:g} min, {minutes[1]:g} min", **found, **errors}]
    print(markdown(rows, LONG))
    keep_result(args, rows)


main = partial(run, long, arguments)

if __name__ == "__main__":
    sys.exit(main())
