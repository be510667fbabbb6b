"""How long a pretraining takes on many GPUs, from parts that were measured and from assumptions that are named.

    python -m benchmarks.speed.plan
    python -m benchmarks.speed.plan --gpus 64 --cores 24 --step 1800 --copy 22

Measured here: frames/s of the training loader on a core (benchmarks/results/speed_data.json), the trainer's share of
the bare step (speed_train_step.json), the encoder's trained parameters. Assumed: frames/s that a GPU does forward and
backward (``--step``), GB/s from memory to a GPU (``--copy``), GB/s between machines (``--network``), and that loading,
copying and computing overlap, while gradients are averaged after all of it. ``make gpu-check`` prints the first two of
a GPU.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.pipeline import benchmark, keep_result, load_result, run
from benchmarks.tables import PLAN, markdown
from videosync.arguments import at_least
from videosync.config.load import load_config
from videosync.config.schema import Config
from videosync.engine.build import build_encoder
from videosync.errors import ConfigError

LOADER = tuple(f"training loader, 2 × 80 frames, {workers} workers" for workers in ("no", "2"))  # of speed_data.json …
CORES = 2  # … and of its machine, all of which it may use
STEP = ("train ntu_pretrain_bf16",)  # of speed_train_step.json
BYTES = 4  # of a gradient's number, float32; pictures are 8-bit
NODE = 8  # GPUs in a machine: more of them average gradients over the network


def measured(name: str, titles: tuple[str, ...], key: str) -> float:
    """The largest number of the rows of a result that have these names. Raises ConfigError: there is none."""
    found = [float(row[key]) for row in load_result(name)["rows"] if row["name"] in titles]
    if not found:
        raise ConfigError(f"benchmarks/results/{name}.json: no row is named {' or '.join(titles)}; measure it anew")
    return max(found)


def plan(config: Config, gpus: int, step: float, parameters: int, args: argparse.Namespace) -> dict[str, Any]:
    """One row: frames/s of each part over all GPUs, what is the slowest, and hours.

    Args:
        step: frames/s of forward and backward, of one GPU. parameters: that are trained.
    """
    frames = 2 * config.data.num_frames * config.train.batch_size * (gpus / NODE)  # of a step, over all GPUs
    core = measured("speed_data", LOADER, "here") / CORES
    parts = {
        "decoding": args.cores * gpus * core,
        "copying": gpus * args.copy * 1e9 / (3 * config.data.image_size**2),
        "step": gpus * step * measured("speed_train_step", STEP, "share"),
    }
    slowest = min(parts, key=lambda part: parts[part])
    # a ring sends and receives all gradients almost twice
    averaging = 2 * parameters * BYTES / (args.network * 1e9) if gpus > NODE else 0.0
    rate = frames / (frames / parts[slowest] + averaging)
    total = args.videos * config.data.samples_per_video * 2 * config.data.num_frames * config.train.epochs
    return {
        "gpus": gpus, "step": step, **{f"{part}_rate": value for part, value in parts.items()}, "slowest": slowest,
        "averaging": averaging / (frames / rate), "rate": rate, "hours": total / rate / 3600,
        "cores": parts["step"] / gpus / core,
    }  # fmt: skip


def measure(args: argparse.Namespace) -> None:
    config = load_config(args.config, ["model.weights=", "model.random_backbone=true"])
    parameters = sum(p.numel() for p in build_encoder(config, Path()).parameters() if p.requires_grad)
    rows = [plan(config, gpus, step, parameters, args) for gpus in args.gpus for step in args.step]
    print(markdown(rows, PLAN))
    assumed = {name: getattr(args, name) for name in ("videos", "cores", "copy", "network")}
    keep_result(args, rows, parameters=parameters, **assumed)


def arguments() -> argparse.ArgumentParser:
    parser = benchmark(__doc__, "benchmarks.speed.plan")
    add = parser.add_argument
    add("--config", default="configs/scl_transformer_k400_pretrain_config.yml", help="(default %(default)s)")
    add("--videos", type=at_least(1), default=216_000, help="that are trained on (default %(default)s)")
    add("--gpus", nargs="+", type=at_least(1), default=[8, 64], help="(default: 8 64)")
    add("--cores", type=at_least(1), default=16, help="for each GPU, all for loading (default %(default)s)")
    add("--step", nargs="+", type=float, default=[1000.0, 2500.0, 5000.0], help="(default: 1000 2500 5000)")
    add("--copy", type=float, default=20.0, help="GB/s to each GPU (default %(default)s)")
    add("--network", type=float, default=10.0, help="GB/s of a machine to the others (default %(default)s)")
    return parser


main = partial(run, measure, arguments)

if __name__ == "__main__":
    sys.exit(main())
