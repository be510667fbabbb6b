"""Frames/s of preparing clips, beside the bare decode speed of the machine.

    python -m benchmarks.speed.prepare                                # some minutes
    python -m benchmarks.speed.prepare --frames 600 --repeats 7
    python -m benchmarks.speed.prepare --source hd_00_00.mp4          # footage of one's own, in place of the generated

The sources are made on the fly (seeded): 1080p, a panning textured scene with turning bodies and sensor noise, once as
H.264 (crf 20, keyframes 250 frames apart, B-frames), once as MPEG-4 part 2 in AVI. *Bare* decodes all frames and does
nothing with them; *here* is what the preparation scripts do: 224 x 224 clips in H.264, 240 frames long or of the
whole file. Both run one process a core, each on a file of its own, and one decoder thread in each, and alternate. The
time that processes take to start does not count. The note has the same share in processor time, which other work on
the machine disturbs less, and what the clips are like.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import av

from benchmarks.pipeline import benchmark, run
from benchmarks.speed.measure import alternate, row, scene, show
from dataset_preparation.clips.cut import Cut, Encoding, cut_clips, cut_whole
from videosync.video.read import probe, read_frames
from videosync.video.write import write_video

CLIP_FRAMES = 240
FPS = 30000 / 1001
GENERATED = {  # suffix → what the file is like, how it is coded
    ".mp4": ("1080p H.264", dict(crf=20, gop=250, b_frames=3, preset="medium")),
    ".avi": ("1080p MPEG-4 in AVI", dict(codec="mpeg4", bit_rate=7_000_000, gop=12)),
}


def timed(work: Callable[[str], int], path: str) -> tuple[int, float]:
    """Frames, and the processor seconds they took."""
    began = time.process_time()
    return work(path), time.process_time() - began


def decode(path: str) -> int:
    """All frames of a file, and nothing else: a plain PyAV loop with one decoder thread."""
    with av.open(path) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        return sum(1 for _ in container.decode(stream))


def cut(path: str, *, output: Path, encoding: Encoding, whole: bool) -> int:
    """The work of a preparation script on one source: one clip of all frames, or clips of 240."""
    name, frames = Path(path).name, probe(path).num_frames
    if whole:
        outcome = cut_whole(path, f"{name}.mp4", output, encoding=encoding)
    else:
        cuts = [Cut(f"{name}-{n:06}.mp4", n, min(CLIP_FRAMES, frames - n)) for n in range(0, frames, CLIP_FRAMES)]
        outcome = cut_clips(path, cuts, output, fps=FPS, encoding=encoding)
    return outcome.frames


def measure_source(
    pool: ProcessPoolExecutor, root: Path, name: str, source: Path, whole: bool, args: argparse.Namespace
) -> dict[str, Any]:
    """One row: both sides in turn over one copy of the file for each process."""
    files = [root / f"copy{number}{source.suffix}" for number in range(args.workers)]
    for file in files:
        shutil.copyfile(source, file)
    output = root / "clips"
    sides: dict[str, Callable[[str], int]] = {
        "bare": decode,
        "here": partial(cut, output=output, encoding=Encoding(args.size, args.crf), whole=whole),
    }
    cost: dict[str, list[float]] = {side: [] for side in sides}  # processor seconds a frame

    def once(side: str) -> int:
        shutil.rmtree(output, ignore_errors=True)
        done = list(pool.map(partial(timed, sides[side]), map(str, files)))
        frames = sum(count for count, _ in done)
        cost[side].append(sum(seconds for _, seconds in done) / frames)
        return frames

    rates = alternate({side: partial(once, side) for side in sides}, args.repeats)
    cpu_share = statistics.median(cost["bare"]) / statistics.median(cost["here"])
    made = sorted(output.rglob(f"{files[0].name}*.mp4"))
    megabit = source.stat().st_size * 8e-6 / probe(source).num_frames * probe(source).fps
    apart = grey_levels(source, made[0], args.size)
    note = f"{cpu_share:.0%} of processor time; {apart:.1f} grey levels from the source"
    shutil.rmtree(output)
    kind = "whole" if whole else f"clips of {CLIP_FRAMES} frames"
    title = f"prepare {name}, {megabit:.1f} Mbit/s, {kind}"
    return row(title, rates["here"][0], rates["bare"][0], "PyAV loop, decoding only", note)


def grey_levels(source: Path, clip: Path, size: int) -> float:
    """Mean absolute difference of a clip from the source, read at the same size."""
    count = min(CLIP_FRAMES, probe(clip).num_frames)
    there = read_frames(source, 0, count, size=(size, size))
    return float(abs(read_frames(clip, 0, count).astype(int) - there).mean())


def measure(args: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        sources = {str(path): path.absolute() for path in args.source or ()}
        for suffix, (name, coding) in () if sources else GENERATED.items():
            sources[name] = root / f"source{suffix}"
            print(f"making {name}, {args.frames} frames …", file=sys.stderr, flush=True)
            write_video(sources[name], scene(args.frames, 1080, 1920), FPS, **coding)
        rows = []
        with ProcessPoolExecutor(args.workers, get_context("spawn")) as pool:
            for name, path in sources.items():
                for whole in [True] if path.suffix == ".avi" else [False, True]:
                    rows.append(measure_source(pool, root, name, path, whole, args))
    show(args, rows)


def arguments() -> argparse.ArgumentParser:
    parser = benchmark(__doc__, "benchmarks.speed.prepare")
    add = parser.add_argument
    add("--frames", type=int, default=480, help="length of the generated files (default %(default)s)")
    add("--repeats", type=int, default=5, help="timed runs of each side (default %(default)s)")
    add("--workers", type=int, default=os.cpu_count() or 1, help="processes at once (default %(default)s)")
    add("--size", type=int, default=224, help="width and height of the clips (default %(default)s)")
    add("--crf", type=int, default=12, help="quality of the clips (default %(default)s)")
    add("--source", type=Path, action="append", help="a file to use in place of the generated ones")
    return parser


main = partial(run, measure, arguments)

if __name__ == "__main__":
    sys.exit(main())
