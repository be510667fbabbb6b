"""Making a similarity set with many pairs, beside the bare writing of as many bytes to the same folder.

    python -m benchmarks.speed.similarity                    # 10,000 pairs of 240 frames: 4.6 GB, twice, in --output
    python -m benchmarks.speed.similarity --pairs 1000

A few synthetic events of two cameras, of each of which thousands of windows are drawn; a small encoder, trained for one
epoch. *bare*: as many bytes are written to a file, a pair at a time, and brought to the disk, and nothing is computed;
before and after the others, of which the mean counts. *writing*: as many matrices, given to the writer of sets, which
also checks and notes each. *the command*: ``construct_softmaxed_sim_dataset.py``, from its start to its end: torch is
loaded, videos are decoded and embedded, matrices computed, written and brought to the disk. Its memory is the largest
of its process. The matrices are deleted afterwards.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.docs import ROOT
from benchmarks.pipeline import benchmark, keep_result, provenance, run
from benchmarks.speed.many import watched
from benchmarks.tables import SIMILARITY_SPEED, markdown
from dataset_preparation import synthetic_process
from videosync.errors import VideoError
from videosync.files import read_json
from videosync.similarity.store import REQUIRED_HEADER, SimilaritySetWriter

CONFIG = ROOT / "configs" / "demo_config.yml"
EVENTS, LONGER, OFFSET = 4, 3, 16  # events; files are so many times as long as windows; largest offset, frames


def measure(args: argparse.Namespace) -> None:
    root = args.output.absolute()
    prepare(root, args)
    shape = (args.pairs, 2, args.frames, args.frames)
    pair = np.random.default_rng(args.seed).dirichlet(np.ones(args.frames), shape[1:3]).astype(np.float32)
    work: dict[str, Callable[[], tuple[float, float | None]]] = {
        "bare": lambda: spent(lambda: write_bare(root / "bare", shape, pair)),
        "writing": lambda: spent(lambda: write_set(root / "alone", shape, pair)),
        "the command": lambda: construct(root, args),
        "bare again": lambda: spent(lambda: write_bare(root / "bare", shape, pair)),
    }
    found = {}
    for name, job in work.items():
        began = time.perf_counter()
        cpu, memory = job()
        found[name] = time.perf_counter() - began, cpu, memory
    made = read_json(root / "sets" / "many_val.json")
    if (made["num_pairs"], made["size"]) != (args.pairs, args.frames):
        raise VideoError(
            f"{root}: {made['num_pairs']} pairs of {made['size']} frames were made, {shape} were asked for"
        )
    disk = (found["bare"][0] + found.pop("bare again")[0]) / 2
    size = int(np.prod(shape)) * 4
    found["bare"] = disk, *found["bare"][1:]
    rows = [
        {
            "name": f"{args.pairs} pairs of {args.frames} frames: {name}", "seconds": wall, "pairs": args.pairs / wall,
            "mb": size / wall / 1e6, "share": disk / wall, "cpu": cpu, "peak": memory,
        }
        for name, (wall, cpu, memory) in found.items()
    ]  # fmt: skip
    for folder in ("sets", "alone"):
        shutil.rmtree(root / folder)
    (root / "bare").unlink()
    now = provenance(args)
    print(f"{now['machine']}, load {now['load']}, {size / 1e9:.1f} GB\n")
    print(markdown(rows, SIMILARITY_SPEED))
    keep_result(args, rows)


def prepare(root: Path, args: argparse.Namespace) -> None:
    """Events and an encoder. Raises VideoError: pairs cannot be dealt out."""
    if args.pairs % EVENTS:
        raise VideoError(f"--pairs {args.pairs}: must be a multiple of {EVENTS}")
    frames = LONGER * args.frames
    made = ["--train_events", str(EVENTS), "--val_events", str(EVENTS), "--frames", str(frames), "--size", "64"]
    words = [*made, "--offset_range", str(OFFSET), "--seed", str(args.seed), "--workers", "1"]
    if synthetic_process.main(["--output_dir", str(root / "synthetic"), *words]) != 0:
        raise VideoError(f"{root}: the events could not be made")
    if not (root / "encoder").is_dir():
        command(root, "train.py", "train.epochs=1", "train.holdout=0", "train.eval_every=0", "data.samples_per_video=2")


def construct(root: Path, args: argparse.Namespace) -> tuple[float, float | None]:
    """Seconds of processor time and MB."""
    options = (
        f"paths.sets={root / 'sets'}", "similarity.splits=[val]", f"pairs.num_frames={args.frames}",
        f"pairs.max_offset={OFFSET}", f"pairs.windows_val={args.pairs // EVENTS}",
    )  # fmt: skip
    return command(root, "construct_softmaxed_sim_dataset.py", *options, more=("--dataset_prefix", "many"))


def command(root: Path, script: str, *options: str, more: Sequence[str] = ()) -> tuple[float, float | None]:
    """Seconds of processor time and MB of a script of this repository."""
    paths = ["--workdir", str(root), "--cfg_file", str(CONFIG), "--logdir", str(root / "encoder")]
    words = [sys.executable, str(ROOT / script), *paths, *more, "--opts", *options]
    status, cpu, memory, _ = watched(words)
    if status:
        raise VideoError(f"{script} ended with exit code {status}")
    return cpu, memory


def spent(work: Callable[[], None]) -> tuple[float, None]:
    began = time.process_time()
    work()
    return time.process_time() - began, None


def write_bare(path: Path, shape: tuple[int, ...], pair: np.ndarray) -> None:
    """``shape[0]`` times the matrices ``pair`` [2, T, T]."""
    with open(path, "wb") as file:
        for _ in range(shape[0]):
            file.write(pair.data)
        os.fsync(file.fileno())


def write_set(folder: Path, shape: tuple[int, ...], pair: np.ndarray) -> None:
    count, _, size, _ = shape
    ids = [str(n) for n in range(count)]
    header = {**dict.fromkeys(REQUIRED_HEADER, ""), "temperature": 0.1}
    writer = SimilaritySetWriter(
        folder, "alone", "val", size=size, lengths=[size] * count, pair_ids=ids, events=ids, offsets=[0] * count,
        fps=[30.0] * count, max_offset=OFFSET, header=header,
    )  # fmt: skip
    for n in range(count):
        writer.write(n, pair[0], pair[1])
    writer.finish()


def arguments() -> argparse.ArgumentParser:
    parser = benchmark(__doc__, "benchmarks.speed.similarity")
    parser.add_argument("--pairs", type=int, default=10_000, help="(default %(default)s)")
    parser.add_argument("--frames", type=int, default=240, help="of each window (default %(default)s)")
    return parser


main = partial(run, measure, arguments)

if __name__ == "__main__":
    sys.exit(main())
