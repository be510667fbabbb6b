"""Frames/s of the real training loop, beside the bare forward + backward of the same modules.

    python benchmarks/train_step.py                          # the demo's step, and ResNet-50 at 224 px
    python benchmarks/train_step.py --shapes demo --blocks 5
    python benchmarks/train_step.py --device cuda --frames 240     # shipped clip length, on a GPU
    torchrun --nproc_per_node 2 benchmarks/train_step.py     # with gradient synchronisation

*trainer*: ``videosync.engine.trainer.Trainer`` as ``train.py`` builds it, on video files: waiting for data, loss,
clipping, optimizer, votes over ranks, ``metrics.jsonl`` and log lines are all in its time. *bare*: forward and
backward of its encoder on a batch that lies in memory, with a given gradient; nothing else. The two alternate in
blocks within one process; the first steps of a block, in which data workers start or finish, are left out. Medians
over the blocks are printed, and *share* is the median of bare / trainer within a block: machines slow down and speed
up. *loss* and *bookkeeping* are timed by themselves, as shares of a trainer's step.
On a CPU the clips of the ResNet-50 shapes are shorter than the shipped 240 frames (--frames). Weights are random.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from videosync.config.load import load_config
from videosync.data.manifest import write_manifest
from videosync.data.samples import Sample, View
from videosync.engine.batches import StepClock
from videosync.engine.build import build_trainer
from videosync.engine.distributed import Distributed, setup_distributed
from videosync.engine.loggers import Logger, build_loggers
from videosync.engine.optim import set_learning_rate
from videosync.engine.seeding import seed_everything
from videosync.engine.trainer import Trainer
from videosync.types import ClipBatch
from videosync.video.write import write_video

NTU = "configs/scl_transformer_ntu_pretrain_config.yml"
PRETRAIN = ("model.weights=", "model.random_backbone=true", "data.num_workers=1", "train.batch_size=2")
SHAPES: dict[str, tuple[str, tuple[str, ...]]] = {  # name: (shipped config, what differs here)
    "demo": ("configs/demo_config.yml", ()),
    "ntu_pretrain": (NTU, (*PRETRAIN, "train.precision=float32")),
    "ntu_pretrain_bf16": (NTU, (*PRETRAIN, "train.precision=bf16")),
    # the head alone, on cached features of the frozen backbone; views of 80 frames
    "cached_features": (NTU, (*PRETRAIN, "model.layer=4", "data.feature_cache=2", "data.num_frames=80")),
}
OWN_LENGTH = ("demo", "cached_features")  # shapes whose views --frames does not shorten
COLUMNS = (
    "shape", "precision", "frames/step", "bare", "trainer", "share", "data_wait", "loss", "optimizer", "bookkeeping",
    "peak_mb",
)  # fmt: skip
LINES = 8  # events of the dataset
SKIPPED = 3  # first steps of a block: batches that were loaded ahead


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shapes", nargs="+", default=list(SHAPES), choices=SHAPES)
    parser.add_argument("--frames", type=int, default=16, help="frames a view of the ResNet-50 shapes")
    parser.add_argument("--blocks", type=int, default=3, help="times that trainer and bare alternate")
    parser.add_argument("--steps", type=int, default=4, help="timed steps of each in a block")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--opts", nargs="*", default=[], help="further options, such as data.num_workers=4")
    parser.add_argument("--output", type=Path, default=Path("runs/benchmarks/train_step.json"))
    args = parser.parse_args()
    if args.device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    with setup_distributed() as distributed, tempfile.TemporaryDirectory() as folder:
        if args.device == "cuda" and distributed.device.type != "cuda":
            parser.error("--device cuda: there is no CUDA device")
        rows = [measure(name, args, distributed, Path(folder)) for name in args.shapes]
        if distributed.is_main:
            report(rows, args, distributed)


class StepTimes(Logger):
    """The real loggers, and when each step was over and how much of it was waiting for data."""

    def __init__(self, inner: Logger) -> None:
        self.inner = inner
        self.ends: list[float] = []
        self.waits: list[float] = []

    def step(self, record: Any) -> None:
        self.inner.step(record)
        self.ends.append(time.perf_counter())
        self.waits.append(record["data_wait_share"])


def measure(name: str, args: argparse.Namespace, distributed: Distributed, folder: Path) -> dict[str, Any]:
    """One row of the table."""
    path, changes = SHAPES[name]
    size = (64, 64) if name == "demo" else (360, 640)  # of the videos, as the demo makes them
    shorter = () if name in OWN_LENGTH else (f"data.num_frames={args.frames}",)
    # nothing is held out: no validation; one epoch holds all steps
    opts = [*changes, *shorter, "data.dataset=clips", "train.holdout=0", "train.epochs=1", *args.opts]
    config = load_config(path, opts)
    steps = (SKIPPED + args.steps) * args.blocks
    root = folder / f"{name}_{distributed.rank}"
    make_dataset(root / "clips", size, frames=max(2 * config.data.num_frames, 60))
    opts.append(f"data.samples_per_video={math.ceil(config.train.batch_size * steps / LINES)}")
    config = load_config(path, opts, world_size=distributed.world_size, training=True)

    reset_peak(distributed)
    seed_everything(0)
    trainer = build_trainer(config, workdir=root, logdir=root / "log", distributed=distributed)
    (root / "log").mkdir()
    loggers = build_loggers(
        root / "log",
        is_main=distributed.is_main,
        every=config.log.every,
        tensorboard=False,
        wandb=False,
        first_step=0,
        total_steps=trainer.total_steps,
        config={},
    )
    trainer.logger = times = StepTimes(loggers)
    batch = next(trainer.source.batches(0, 0, StepClock()))
    with torch.no_grad():
        gradient = torch.randn_like(encode(trainer, batch)) / batch.mask.numel()
    bare = partial(bare_step, trainer, batch, gradient)
    real_seconds: list[float] = []
    bare_seconds: list[float] = []
    for _ in range(args.blocks):
        real_seconds.append(statistics.median(trainer_block(trainer, times, args.steps)))
        seconds = [timed(bare, distributed) for _ in range(SKIPPED + args.steps)]
        bare_seconds.append(statistics.median(seconds[SKIPPED:]))
    real, alone = statistics.median(real_seconds), statistics.median(bare_seconds)
    frames = batch.mask.numel() * distributed.world_size

    def share(work: Callable[[], None]) -> float:
        work()
        return statistics.median(timed(work, distributed) for _ in range(10)) / real

    row = {
        "shape": name,
        "precision": config.train.precision,
        "frames/step": frames,
        "bare": frames / alone,
        "trainer": frames / real,
        "share": statistics.median(b / r for b, r in zip(bare_seconds, real_seconds)),
        "data_wait": statistics.median(times.waits),
        "loss": share(partial(loss_alone, trainer, batch, gradient)),
        "optimizer": share(partial(optimizer_alone, trainer)),
        "bookkeeping": share(partial(bookkeeping_alone, trainer, loggers)),
        "peak_mb": peak_mb(distributed),
        "trainer_seconds": real_seconds,
        "bare_seconds": bare_seconds,
        "config": path,
        "options": opts,
    }
    loggers.close()
    return row


def trainer_block(trainer: Trainer, times: StepTimes, steps: int) -> list[float]:
    """Seconds of ``steps`` steps of the training loop, after those that are left out."""
    trainer.plan = replace(trainer.plan, max_steps=trainer.state.step + SKIPPED + steps)
    times.ends.clear()
    trainer.train_epoch()
    return [end - start for start, end in pairwise(times.ends[SKIPPED - 1 :])]


def encode(trainer: Trainer, batch: ClipBatch) -> Tensor:
    """The encoder's part of a training step."""
    device = trainer.distributed.device.type
    with torch.autocast(device, dtype=trainer.dtype, enabled=trainer.dtype != torch.float32):
        return trainer.encoder(batch.frames, mask=batch.mask, **trainer.loss.wanted)  # [B, V, T, D]


def bare_step(trainer: Trainer, batch: ClipBatch, gradient: Tensor) -> None:
    trainer.encoder.train()
    encode(trainer, batch).backward(gradient)
    trainer.optimizer.zero_grad(set_to_none=True)


def loss_alone(trainer: Trainer, batch: ClipBatch, embeddings: Tensor) -> None:
    unit = torch.nn.functional.normalize(embeddings, dim=-1).requires_grad_()
    trainer.loss(unit, batch).backward()


def optimizer_alone(trainer: Trainer) -> None:
    for parameter in trainer.parameters:
        if parameter.grad is None:
            parameter.grad = torch.full_like(parameter, 1e-6)
    torch.nn.utils.clip_grad_norm_(trainer.parameters, trainer.grad_clip).item()
    trainer.optimizer.step()


def bookkeeping_alone(trainer: Trainer, loggers: Logger) -> None:
    """What a step does beside computing: votes, learning rate, clock, records."""
    trainer.distributed.sum([0.0])
    mean = trainer._agree(0.5, ["a", "b"], 0.0)
    plan, state = trainer.plan, trainer.state
    set_learning_rate(trainer.optimizer, trainer.learning_rate(plan.position(state), plan.end(state)))
    trainer.clock.ask()
    trainer.clock.receive()
    trainer.clock.finish_step(1)
    record = {"step": trainer.state.step, "epoch": 0, "loss": mean, "lr": 0.0, "grad_norm": 1.0}
    loggers.step({**record, **trainer.clock.rates(1)})


def timed(work: Callable[[], None], distributed: Distributed) -> float:
    wait_for_device(distributed)
    started = time.perf_counter()
    work()
    wait_for_device(distributed)
    return time.perf_counter() - started


def wait_for_device(distributed: Distributed) -> None:
    if distributed.device.type == "cuda":
        torch.cuda.synchronize()


def make_dataset(root: Path, size: tuple[int, int], *, frames: int) -> None:
    """``LINES`` events of two views: a moving texture, which costs a decoder what footage does."""
    samples = []
    for line in range(LINES):
        views = []
        for camera in range(2):
            name = f"event{line}/cam{camera}.mp4"
            write_video(root / name, texture(size, frames, seed=2 * line + camera), 30.0, preset="ultrafast")
            views.append(View(name, 0, frames, 30.0))
        samples.append(Sample(f"event{line}", "train", tuple(views)))
    write_manifest(root, samples)


def texture(size: tuple[int, int], frames: int, seed: int) -> Iterator[np.ndarray]:
    rng = np.random.default_rng(seed)
    height, width = size
    coarse = rng.integers(0, 255, (height // 8 + 2, width // 8 + 2, 3), dtype=np.uint8)
    picture = coarse.repeat(8, axis=0).repeat(8, axis=1)
    for frame in range(frames):
        shifted = np.roll(picture, (frame, 2 * frame), axis=(0, 1))[:height, :width]
        yield np.ascontiguousarray(shifted)


def reset_peak(distributed: Distributed) -> None:
    if distributed.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    elif Path("/proc/self/clear_refs").exists():
        Path("/proc/self/clear_refs").write_text("5")  # Linux: the peak starts anew


def peak_mb(distributed: Distributed) -> float:
    """Peak memory of this process (of the GPU, where there is one) since :func:`reset_peak`, MB."""
    if distributed.device.type == "cuda":
        return torch.cuda.max_memory_allocated() / 1e6
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def report(rows: list[dict[str, Any]], args: argparse.Namespace, distributed: Distributed) -> None:
    print("  ".join(f"{column:>17}" for column in COLUMNS))
    for row in rows:
        print("  ".join(f"{shown(column, row[column]):>17}" for column in COLUMNS))
    device = distributed.device
    machine = torch.cuda.get_device_name() if device.type == "cuda" else platform.processor() or "CPU"
    result = {
        "rows": rows,
        "device": machine,
        "processes": distributed.world_size,
        "threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
        "versions": {"torch": torch.__version__, "python": platform.python_version()},
        "arguments": {key: str(value) for key, value in vars(args).items()},
    }
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.write_text(json.dumps(result, indent=1) + "\n")
    print(
        f"frames/s; shares of a trainer's step; {machine}, {distributed.world_size} process(es); {args.output}"
    )


def shown(column: str, value: Any) -> str:
    if column in ("share", "data_wait", "loss", "optimizer", "bookkeeping"):
        return f"{value:.1%}"
    return f"{value:.0f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
