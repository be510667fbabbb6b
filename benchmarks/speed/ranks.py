"""Processor time of the training loop in 1, 2, 4 and 8 processes that have equal work each (weak scaling).

    python -m benchmarks.speed.ranks
    python -m benchmarks.speed.ranks --processes 1 2 --steps 20

Each process trains the demo's small encoder under ``torchrun`` with gloo, one thread, on ``--pairs`` pairs of views
that lie in memory. *here*: :class:`videosync.engine.trainer.Trainer`: batches, loss, gradients averaged over processes,
votes, clipping, optimizer, log. *bare*: forward and backward of the same encoder. Both are processor time of one
process, so that waiting for a core or for other processes does not count and more processes than cores can be measured.
The two alternate in blocks within one run; medians over steps, means over processes.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch

from benchmarks.pipeline import benchmark, keep_result, run
from benchmarks.speed.train_step import SKIPPED, bare_step, encode
from benchmarks.tables import RANKS, markdown
from videosync.arguments import at_least
from videosync.config.load import load_config
from videosync.data.datasets import ClipPair
from videosync.data.loaders import training_loader
from videosync.engine.batches import BatchSource, StepClock
from videosync.engine.build import build_encoder, place_encoder
from videosync.engine.distributed import Distributed, setup_distributed
from videosync.engine.loggers import Logger, build_loggers
from videosync.engine.losses import build_loss
from videosync.engine.seeding import seed_everything
from videosync.engine.trainer import Trainer
from videosync.engine.validation import Validator
from videosync.errors import TrainingError

KEPT = 8  # different pairs in memory


class ReadyClips:
    """``count`` samples: in turn one of a few pairs of views of noise that lie in memory."""

    def __init__(self, count: int, frames: int, size: int) -> None:
        self.count = count
        steps = torch.arange(frames).expand(2, -1)
        rest = torch.ones(2, frames, dtype=torch.bool), steps, torch.full((2,), frames)
        self.pairs = [ClipPair(torch.rand(2, frames, 3, size, size), *rest, name=f"pair{i}") for i in range(KEPT)]

    def __len__(self) -> int:
        return self.count

    def set_epoch(self, epoch: int) -> None:
        """The same in every epoch."""

    def __getitem__(self, index: int) -> ClipPair:
        return self.pairs[index % KEPT]


class ProcessorTimes(Logger):
    """The real loggers, and the processor time of this process when each step was over."""

    def __init__(self, inner: Logger) -> None:
        self.inner = inner
        self.ends: list[float] = []

    def step(self, record: Any) -> None:
        self.inner.step(record)
        self.ends.append(time.process_time())


def one_process(args: argparse.Namespace, there: Distributed, folder: Path) -> tuple[float, float]:
    """Milliseconds of processor time a step: of the trainer, of the bare work."""
    batch_size, steps = args.pairs * there.world_size, SKIPPED + args.steps
    opts = [f"train.batch_size={batch_size}", "train.holdout=0", "train.epochs=1", f"data.num_frames={args.frames}"]
    config = load_config("configs/demo_config.yml", opts, world_size=there.world_size, training=True)
    seed_everything(args.seed)
    clips = ReadyClips(batch_size * steps * args.blocks, config.data.num_frames, config.data.image_size)
    loader, sampler = training_loader(
        clips, batch_size=batch_size, num_workers=0, rank=there.rank, world_size=there.world_size, seed=args.seed
    )
    trainer = Trainer(
        encoder=place_encoder(build_encoder(config, folder), config, there),
        loss=build_loss(config),
        source=BatchSource(clips, loader, sampler, there),
        validator=Validator(),
        distributed=there,
        logdir=folder,
        train=config.train,
        optim=config.optim,
        settings={},
    )
    loggers = build_loggers(
        folder, is_main=there.is_main, every=config.log.every, tensorboard=False, wandb=False,
        first_step=0, total_steps=len(trainer.source), config={},
    )  # fmt: skip
    trainer.logger = times = ProcessorTimes(loggers)
    batch = next(trainer.source.batches(0, 0, StepClock()))
    gradient = torch.randn_like(encode(trainer, batch).detach()) / batch.num_frames
    here: list[float] = []
    bare: list[float] = []
    for block in range(args.blocks):
        trainer.plan = replace(trainer.plan, max_steps=(block + 1) * steps)
        times.ends.clear()
        trainer.train_epoch()
        here += [end - start for start, end in pairwise(times.ends[SKIPPED - 1 :])]
        there.barrier()
        for number in range(steps):
            started = time.process_time()
            bare_step(trainer, batch, gradient)
            if number >= SKIPPED:
                bare.append(time.process_time() - started)
        there.barrier()
    loggers.close()
    return 1e3 * statistics.median(here), 1e3 * statistics.median(bare)


def as_a_rank(args: argparse.Namespace) -> None:
    with setup_distributed("gloo") as there, tempfile.TemporaryDirectory() as folder:
        found = there.gather(one_process(args, there, Path(folder)))
        if there.is_main:
            here, bare = (statistics.mean(of) for of in zip(*found, strict=True))
            row = {"name": there.world_size, "here": here, "bare": bare, "own": here - bare, "share": bare / here}
            args.into.write_text(json.dumps(row))


def measure(args: argparse.Namespace) -> None:
    if args.into is not None:
        as_a_rank(args)
        return
    rows = []
    for processes in args.processes:
        with tempfile.TemporaryDirectory() as folder:
            into = Path(folder) / "row.json"
            command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}"]
            options = [f"--{name}={getattr(args, name)}" for name in ("pairs", "frames", "blocks", "steps", "seed")]
            done = subprocess.run(
                [*command, "-m", "benchmarks.speed.ranks", *options, "--into", str(into)],
                env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=False,
            )  # fmt: skip
            if done.returncode:
                raise TrainingError(f"{processes} processes ended with {done.returncode}: {done.stderr.strip()[-800:]}")
            rows.append(json.loads(into.read_text()))
    print(markdown(rows, RANKS))
    keep_result(args, rows)


def arguments() -> argparse.ArgumentParser:
    parser = benchmark(__doc__, "benchmarks.speed.ranks")
    add = parser.add_argument
    add("--processes", nargs="+", type=at_least(1), default=[1, 2, 4, 8], help="(default: 1 2 4 8)")
    add("--pairs", type=at_least(1), default=2, help="a process has in a step (default %(default)s)")
    add("--frames", type=at_least(2), default=32, help="a view (default %(default)s)")
    add("--blocks", type=at_least(1), default=3, help="times that trainer and bare alternate (default %(default)s)")
    add("--steps", type=at_least(1), default=10, help="timed steps of each in a block (default %(default)s)")
    add("--into", type=Path, help=argparse.SUPPRESS)  # the file of one number of processes: this is a rank
    return parser


main = partial(run, measure, arguments)

if __name__ == "__main__":
    sys.exit(main())
