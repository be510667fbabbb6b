"""Frames/s of preparing clips, beside the bare decode speed of the machine.

    python -m benchmarks.prepare                                # some minutes; prints a table
    python -m benchmarks.prepare --output runs/benchmarks/prepare.json --frames 600 --repeats 7
    python -m benchmarks.prepare --source hd_00_00.mp4          # footage of one's own, in place of the generated

The sources are made on the fly (seeded): 1080p, a panning textured scene with moving blocks and sensor noise, once as
H.264 (crf 20, keyframes 250 frames apart, B-frames), once as MPEG-4 part 2 in AVI. *Bare* decodes all frames and does
nothing with them; *clips* is what the preparation scripts do: 224 x 224 clips in H.264, 240 frames long or of the
whole file, through run_jobs. Both run one process a core, each on a file of its own, and one decoder thread in each.
They alternate, and medians over the repeats are printed. The time that processes take to start does not count. *cpu*
is the same share in processor time, which other work on the machine disturbs less.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from benchmarks.data import processor_name
from dataset_preparation.clips.cut import Cut, Encoding, cut_clips, cut_whole
from dataset_preparation.clips.job import Outcome
from dataset_preparation.clips.pool import set_up_worker
from dataset_preparation.clips.workers import run_jobs
from videosync.video.read import probe, read_frames
from videosync.video.scaled import scaled_frames
from videosync.video.write import write_video

CLIP_FRAMES = 240
NOISE = 3.5  # of the generated camera, grey levels: makes 8 Mbit/s at crf 20
GENERATED = {  # suffix → what the file is like, how it is coded
    ".mp4": ("1080p H.264", dict(crf=20, gop=250, b_frames=3, preset="medium")),
    ".avi": ("1080p MPEG-4 in AVI", dict(codec="mpeg4", bit_rate=7_000_000, gop=12)),
}


@dataclass(frozen=True)
class Job:
    name: str
    sources: tuple[str, ...]
    num_frames: int
    whole: bool  # one clip of all frames, or clips of 240
    encoding: Encoding
    outputs: tuple[str, ...] = ()  # its own by construction


@dataclass(frozen=True)
class Stint:
    """What one process did with one file."""

    frames: int
    begin: float  # seconds on the clock
    end: float
    cpu: float  # seconds of processor time


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=int, default=480, help="length of the generated files")
    parser.add_argument("--repeats", type=int, default=5, help="timed runs of each side; the median counts")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes at once")
    parser.add_argument("--size", type=int, default=224, help="width and height of the clips")
    parser.add_argument("--crf", type=int, default=12, help="quality of the clips")
    parser.add_argument(
        "--source", type=Path, action="append", help="a file to use in place of the generated ones"
    )
    parser.add_argument("--output", type=Path, default=Path("runs/benchmarks/prepare.json"), help="JSON file")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        sources = {str(path): path.absolute() for path in args.source or ()} or generate(root, args.frames)
        with ProcessPoolExecutor(args.workers, get_context("spawn"), set_up_worker, (os.getpid(),)) as pool:
            rows = []
            for name, path in sources.items():
                whole = [True] if path.suffix == ".avi" else [False, True]
                rows += [measure(pool, root, name, path, each, args) for each in whole]
    report(rows, args)


def generate(root: Path, frames: int) -> dict[str, Path]:
    found = {}
    for suffix, (name, coding) in GENERATED.items():
        found[name] = root / f"source{suffix}"
        print(f"making {name}, {frames} frames …", file=sys.stderr, flush=True)
        write_video(found[name], scene(frames), 30000 / 1001, **coding)  # type: ignore[arg-type]
    return found


def scene(frames: int, height: int = 1080, width: int = 1920) -> Iterator[np.ndarray]:
    """uint8 [H,W,3]: a textured background that pans, turning bodies of other texture, noise of a camera."""
    rng = np.random.default_rng(0)
    background = texture(rng, height + 64, width + 640)
    bodies = [(texture(rng, 360, 360), rng.uniform(size=4)) for _ in range(6)]
    grain = rng.normal(0, NOISE, (height + 64, width + 64, 1)).astype(np.int8)
    for t in range(frames):
        left, top = int(320 + 320 * np.sin(0.011 * t)), int(32 + 32 * np.sin(0.017 * t))
        frame = background[top : top + height, left : left + width].copy()
        for patch, (x, y, speed, phase) in bodies:
            angle = 360 * (phase + 0.004 * (1 + speed) * t)
            turn = cv2.getRotationMatrix2D((180, 180), angle, 1.0)
            turned = cv2.warpAffine(patch, turn, (360, 360), borderMode=cv2.BORDER_REFLECT)
            row = int((height - 360) * (0.5 + 0.5 * np.sin(6 * y + 0.03 * (1 + speed) * t)))
            column = int((width - 360) * (0.5 + 0.5 * np.sin(6 * x + 0.02 * (1 + speed) * t)))
            frame[row : row + 360, column : column + 360] = turned
        row, column = rng.integers(0, 64, 2)
        yield cv2.add(frame, grain[row : row + height, column : column + width].repeat(3, 2), dtype=cv2.CV_8U)


def texture(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """uint8 [H,W,3]: noise of all scales, coarse ones stronger and colours weaker, as in natural pictures."""
    total = np.full((height, width, 3), 128, np.float32)
    for cell in (256, 128, 64, 32, 16, 8, 4):
        for channels, strength in ((1, 0.4), (3, 0.12)):
            coarse = rng.normal(0, strength * cell**0.9, (height // cell + 2, width // cell + 2, channels))
            fine = cv2.resize(coarse.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
            total += fine.reshape(height, width, channels)
    return total.clip(0, 255).astype(np.uint8)


def measure(
    pool: ProcessPoolExecutor, root: Path, name: str, source: Path, whole: bool, args: argparse.Namespace
) -> dict[str, Any]:
    """One row: both sides in turn over one copy of the file for each process."""
    files = [root / f"copy{number}{source.suffix}" for number in range(args.workers)]
    for file in files:
        shutil.copyfile(source, file)
    frames = probe(source).num_frames
    encoding = Encoding(args.size, args.crf)
    output = root / "clips"

    def bare() -> list[Stint]:
        return list(pool.map(decode, [str(file) for file in files]))

    def clips() -> list[Stint]:
        shutil.rmtree(output, ignore_errors=True)
        jobs = [Job(file.name, (str(file),), frames, whole, encoding) for file in files]
        outcomes = run_jobs(
            prepare, jobs, output_dir=output, settings={}, workers=args.workers, cluster=None, label=name
        )
        problems = [outcome.problem or outcome.rejected for outcome in outcomes.values()]
        if any(problems):
            raise SystemExit(f"{source}: {problems}")
        return [Stint(**(outcome.facts or {})) for outcome in outcomes.values()]

    sides: dict[str, Callable[[], list[Stint]]] = {"bare": bare, "clips": clips}
    stints: dict[str, list[list[Stint]]] = {side: [] for side in sides}
    for turn in range(args.repeats + 1):
        for side, work in sides.items():
            done = work()
            if turn:  # the first turn warms up
                stints[side].append(done)
    rate = {side: statistics.median(map(frames_per_second, runs)) for side, runs in stints.items()}
    cost = {side: statistics.median(map(milliseconds, runs)) for side, runs in stints.items()}
    shares = [frames_per_second(b) / frames_per_second(a) for a, b in zip(stints["bare"], stints["clips"])]
    row = {
        "source": name,
        "megabit_per_second": round(source.stat().st_size * 8e-6 / frames * probe(source).fps, 1),
        "clips": "whole" if whole else f"{CLIP_FRAMES} frames",
        "bare_frames_per_second": round(rate["bare"], 1),
        "clips_frames_per_second": round(rate["clips"], 1),
        "share": round(statistics.median(shares), 3),
        "bare_cpu_ms": round(cost["bare"], 2),
        "clips_cpu_ms": round(cost["clips"], 2),
        "cpu_share": round(cost["bare"] / cost["clips"], 3),
    }
    made = sorted(output.rglob(f"{files[0].name}*.mp4"))
    row |= fidelity(source, made, 0, args.size)
    shutil.rmtree(output)
    return row


def decode(path: str) -> Stint:
    """All frames of a file, and nothing else: a plain PyAV loop with one decoder thread."""
    begin, cpu, count = time.time(), time.process_time(), 0
    with av.open(path) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        for _ in container.decode(stream):
            count += 1
    return Stint(count, begin, time.time(), time.process_time() - cpu)


def prepare(job: Job, folder: Path) -> Outcome:
    """The work of a preparation script on one source."""
    begin, cpu = time.time(), time.process_time()
    path = job.sources[0]
    if job.whole:
        outcome = cut_whole(path, f"{job.name}.mp4", folder, encoding=job.encoding)
    else:
        starts = range(0, job.num_frames, CLIP_FRAMES)
        cuts = [Cut(f"{job.name}-{n:06}.mp4", n, min(CLIP_FRAMES, job.num_frames - n)) for n in starts]
        outcome = cut_clips(path, cuts, folder, fps=30000 / 1001, encoding=job.encoding)
    stint = Stint(outcome.frames, begin, time.time(), time.process_time() - cpu)
    return replace(outcome, facts=dict(vars(stint)))


def frames_per_second(stints: Sequence[Stint]) -> float:
    """From the moment the first process begins to the one the last ends."""
    seconds = max(stint.end for stint in stints) - min(stint.begin for stint in stints)
    return sum(stint.frames for stint in stints) / seconds


def milliseconds(stints: Sequence[Stint]) -> float:
    """Processor time for each frame."""
    return 1e3 * sum(stint.cpu for stint in stints) / sum(stint.frames for stint in stints)


def fidelity(source: Path, clips: Sequence[Path], first: int, size: int) -> dict[str, float]:
    """Of the first clip: its size, how close it is to what went into the encoder, and to reading the source."""
    count = min(CLIP_FRAMES, probe(clips[0]).num_frames)
    given = [
        frame.to_ndarray() for _, frame in scaled_frames(source, range(first, first + count), (size, size))
    ]
    with av.open(str(clips[0])) as container:
        stored = [frame.to_ndarray() for _, frame in zip(range(count), container.decode(video=0))]
    error = np.mean([np.square(a[:size].astype(float) - b[:size]).mean() for a, b in zip(given, stored)])
    read = read_frames(clips[0], 0, count).astype(int)
    return {
        "clip_kilobytes_per_100_frames": round(clips[0].stat().st_size / probe(clips[0]).num_frames / 10, 1),
        "luma_psnr": round(float(10 * np.log10(255**2 / error)), 1),
        "grey_levels_from_source": round(
            float(abs(read - read_frames(source, first, first + count, size=(size, size))).mean()), 2
        ),
    }


def report(rows: list[dict[str, Any]], args: argparse.Namespace) -> None:
    machine = {
        "machine": processor_name(),
        "cores": os.cpu_count(),
        "workers": args.workers,
        "load": [round(value, 1) for value in os.getloadavg()],
        "python": platform.python_version(),
        "av": av.__version__,
        "ffmpeg": av.ffmpeg_version_info,
        "size": args.size,
        "crf": args.crf,
        "repeats": args.repeats,
    }
    print("  ".join(f"{key} {value}" for key, value in machine.items()))
    print(
        f"{'frames/s':24} {'Mbit/s':>7} {'clips of':>11} {'bare':>7} {'clips':>7} {'share':>6} {'cpu':>6}  clips are"
    )
    for row in rows:
        print(
            f"{row['source'][-24:]:24} {row['megabit_per_second']:7.1f} {row['clips']:>11} "
            f"{row['bare_frames_per_second']:7.0f} {row['clips_frames_per_second']:7.0f} {row['share']:6.2f} "
            f"{row['cpu_share']:6.2f}  {row['clip_kilobytes_per_100_frames']:.0f} kB for 100 frames, "
            f"{row['luma_psnr']:.1f} dB, {row['grey_levels_from_source']:.1f} grey levels from the source"
        )
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.write_text(json.dumps({**machine, "rows": rows}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
