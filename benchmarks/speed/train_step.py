"""Frames/s of the real training loop, beside the bare forward + backward of the same modules.

    python -m benchmarks.speed.train_step                        # the demo's step, and ResNet-50 at 224 px
    python -m benchmarks.speed.train_step --shapes demo --blocks 5
    python -m benchmarks.speed.train_step --frames 240           # shipped clip length, on a GPU
    torchrun --nproc_per_node 2 -m benchmarks.speed.train_step   # with gradient synchronisation

*here*: ``videosync.engine.trainer.Trainer`` as ``train.py`` builds it, on video files: waiting for data, loss,
clipping, optimizer, votes over ranks, ``metrics.jsonl`` and log lines are all in its time. *bare*: forward and
backward of its encoder on a batch that lies in memory, with a given gradient; nothing else. The two alternate in
blocks within one process; the first steps of a block, in which data workers start or finish, are left out. Medians
over the blocks are printed, and *share* is the median of bare / trainer within a block: machines slow down and speed
up. In the note: waiting for data, as a share of a trainer's step, peak memory, and where data are loaded in the process
the share of the processor time. On a CPU the clips of the ResNet-50 shapes are shorter than the shipped 240 frames
(--frames; ``benchmarks.speed.memory`` has their step). Weights are random.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.pipeline import benchmark, run
from benchmarks.speed.measure import Seconds, peak_mb, reset_peak, row, scene, show
from videosync.config.load import load_config
from videosync.config.schema import Config
from videosync.data.manifest import write_manifest
from videosync.data.samples import Sample, View
from videosync.engine.batches import StepClock
from videosync.engine.build import build_trainer
from videosync.engine.distributed import Distributed, setup_distributed
from videosync.engine.loggers import Logger, build_loggers
from videosync.engine.seeding import seed_everything
from videosync.engine.trainer import Trainer
from videosync.types import Batch
from videosync.video.write import write_video

NTU = "configs/scl_transformer_ntu_pretrain_config.yml"
PRETRAIN = ("model.weights=", "model.random_backbone=true", "data.num_workers=1", "train.batch_size=2")
SHAPES: dict[str, tuple[str, tuple[str, ...]]] = {  # name: (shipped config, what differs here)
    "demo": ("configs/demo_config.yml", ()),
    "demo_kept": ("configs/demo_config.yml", ("paths.decoded={folder}/kept",)),  # each file is decoded once
    "ntu_pretrain": (NTU, (*PRETRAIN, "train.precision=float32")),
    "ntu_pretrain_bf16": (NTU, (*PRETRAIN, "train.precision=bf16")),
    # the head alone, on cached features of the frozen backbone; views of 80 frames
    "cached_features": (NTU, (*PRETRAIN, "model.layer=4", "data.feature_cache=2", "data.num_frames=80")),
}
SMALL = ("demo", "demo_kept")
OWN_LENGTH = (*SMALL, "cached_features")  # shapes whose views --frames does not shorten
EVENTS = 8  # of the dataset
SKIPPED = 3  # first steps of a block: batches that were loaded ahead


class StepTimes(Logger):
    """The real loggers, and when each step was over and how much of it was waiting for data."""

    def __init__(self, inner: Logger) -> None:
        self.inner = inner
        self.ends: list[Seconds] = []
        self.waits: list[float] = []

    def step(self, record: Any) -> None:
        self.inner.step(record)
        self.ends.append(now())
        self.waits.append(record["data_wait_share"])


def measure_shape(name: str, args: argparse.Namespace, distributed: Distributed, folder: Path) -> dict[str, Any]:
    """One row of the table."""
    shorter = () if name in OWN_LENGTH else (f"data.num_frames={args.frames}",)
    steps = (SKIPPED + args.steps) * args.blocks
    root = folder / f"{name}_{distributed.rank}"
    config, trainer = shape_trainer(name, (*shorter, *args.opts), root, distributed, steps=steps)
    loggers = build_loggers(
        root / "log", is_main=distributed.is_main, every=config.log.every, tensorboard=False, wandb=False,
        first_step=0, total_steps=trainer.plan.total_steps(trainer.state), config={},
    )  # fmt: skip
    trainer.logger = times = StepTimes(loggers)
    batch = next(trainer.source.batches(0, 0, StepClock()))
    with torch.no_grad():
        gradient = torch.randn_like(encode(trainer, batch)) / batch.num_frames
    bare = partial(bare_step, trainer, batch, gradient)
    real_blocks, bare_blocks = [], []
    for _ in range(args.blocks):
        real_blocks.append(np.median(trainer_block(trainer, times, args.steps), axis=0))
        seconds = [timed(bare, distributed) for _ in range(SKIPPED + args.steps)]
        bare_blocks.append(np.median(seconds[SKIPPED:], axis=0))
    (real, _), (alone, _) = (np.median(blocks, axis=0) for blocks in (real_blocks, bare_blocks))
    share, cpu_share = np.median(np.divide(bare_blocks, real_blocks), axis=0)
    loggers.close()
    frames = batch.num_frames * distributed.world_size
    note = (
        f"{frames} frames a step, {config.train.precision}; data wait {statistics.median(times.waits):.1%}, "
        f"peak {peak_mb(distributed.device)} MB"
    )
    if config.data.num_workers == 0:  # else loading is not in it
        note += f"; {cpu_share:.0%} of processor time"
    title = f"train {name}" + f", {distributed.world_size} processes" * (distributed.world_size > 1)
    found = row(title, frames / real, frames / alone, "forward and backward in memory", note)
    return {**found, "share": float(share)}


def shape_trainer(
    name: str, opts: Sequence[str], root: Path, distributed: Distributed, *, steps: int, events: int = EVENTS
) -> tuple[Config, Trainer]:
    """The trainer of a shape, on ``events`` that are made here, and the configuration it is made of."""
    path, changes = SHAPES[name]
    size = (64, 64) if name in SMALL else (360, 640)  # of the videos, as the demo makes them
    # nothing is held out: no validation; one epoch holds all steps
    fixed = ("data.dataset=clips", "train.holdout=0", "train.epochs=1")
    opts = [change.format(folder=root) for change in (*changes, *fixed, *opts)]
    config = load_config(path, opts)
    make_dataset(root / "clips", size, frames=max(2 * config.data.num_frames, 60), events=events)
    opts.append(f"data.samples_per_video={math.ceil(config.train.batch_size * steps / events)}")
    config = load_config(path, opts, world_size=distributed.world_size, training=True)
    reset_peak(distributed.device)
    seed_everything(0)
    (root / "log").mkdir()
    return config, build_trainer(config, workdir=root, logdir=root / "log", distributed=distributed)


def trainer_block(trainer: Trainer, times: StepTimes, steps: int) -> np.ndarray:
    """Seconds [steps, 2] of ``steps`` steps of the training loop, after those that are left out."""
    trainer.plan = replace(trainer.plan, max_steps=trainer.state.step + SKIPPED + steps)
    times.ends.clear()
    trainer.train_epoch()
    return np.diff(times.ends[SKIPPED - 1 :], axis=0)


def encode(trainer: Trainer, batch: Batch) -> Tensor:
    """The encoder's part of a training step."""
    device = trainer.distributed.device.type
    with torch.autocast(device, dtype=trainer.dtype, enabled=trainer.dtype != torch.float32):
        return trainer.encoder(**batch.inputs(), **trainer.loss.wanted)  # [B, V, T, D]


def bare_step(trainer: Trainer, batch: Batch, gradient: Tensor) -> None:
    trainer.encoder.train()
    encode(trainer, batch).backward(gradient)
    trainer.optimizer.zero_grad(set_to_none=True)


def now() -> Seconds:
    return time.perf_counter(), time.process_time()


def timed(work: Callable[[], None], distributed: Distributed) -> np.ndarray:
    wait_for_device(distributed)
    started = now()
    work()
    wait_for_device(distributed)
    return np.subtract(now(), started)


def wait_for_device(distributed: Distributed) -> None:
    if distributed.device.type == "cuda":
        torch.cuda.synchronize()


def make_dataset(root: Path, size: tuple[int, int], *, frames: int, events: int) -> None:
    """Events of two views."""
    samples = []
    for line in range(events):
        views = []
        for camera in range(2):
            name = f"event{line}/cam{camera}.mp4"
            write_video(root / name, scene(frames, *size, seed=2 * line + camera), 30.0, preset="ultrafast")
            views.append(View(name, 0, frames, 30.0))
        samples.append(Sample(f"event{line}", "train", tuple(views)))
    write_manifest(root, samples)


def measure(args: argparse.Namespace) -> None:
    with setup_distributed() as distributed, tempfile.TemporaryDirectory() as folder:
        rows = [measure_shape(name, args, distributed, Path(folder)) for name in args.shapes]
        if distributed.is_main:
            show(args, rows)


def arguments() -> argparse.ArgumentParser:
    parser = benchmark(__doc__, "benchmarks.speed.train_step")
    add = parser.add_argument
    add("--shapes", nargs="+", default=list(SHAPES), choices=SHAPES)
    add("--frames", type=int, default=16, help="a view of the ResNet-50 shapes (default %(default)s)")
    add("--blocks", type=int, default=3, help="times that trainer and bare alternate (default %(default)s)")
    add("--steps", type=int, default=4, help="timed steps of each in a block (default %(default)s)")
    add("--opts", nargs="*", default=[], help="further options, such as data.num_workers=4")
    return parser


main = partial(run, measure, arguments)

if __name__ == "__main__":
    sys.exit(main())
