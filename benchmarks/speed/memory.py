"""Peak memory of one whole training step of ResNet-50 at the shipped shapes: two views of 240 frames at 224 px.

    python -m benchmarks.speed.memory                  # each step in a process of its own; about two minutes
    python -m benchmarks.speed.memory --frames 16      # a look

Loading, forward, loss, backward, clipping and optimizer of ``configs/scl_transformer_ntu_pretrain_config.yml`` with one
pair of views a step, in float32 and in bf16, without and with ``train.recompute``. Peak: of the process, libraries and
data loading included; on a GPU, of the GPU. The norms of the gradients show that the steps are the same.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.pipeline import benchmark, keep_result, run
from benchmarks.speed.measure import peak_mb
from benchmarks.speed.train_step import shape_trainer
from benchmarks.tables import MEMORY, markdown
from videosync.engine.distributed import setup_distributed
from videosync.engine.loggers import Logger
from videosync.errors import TrainingError

STEPS = [(precision, recompute) for precision in ("float32", "bf16") for recompute in (False, True)]


class LastStep(Logger):
    record: dict[str, Any] = {}  # noqa: RUF012

    def step(self, record: Any) -> None:
        self.record = record


def one_step(args: argparse.Namespace) -> dict[str, Any]:
    """One step in this process."""
    number = args.step
    precision, recompute = STEPS[number]
    opts = (
        f"data.num_frames={args.frames}", "train.batch_size=1", "data.num_workers=0", f"train.precision={precision}",
        f"train.recompute={str(recompute).lower()}", *args.opts,
    )  # fmt: skip
    with setup_distributed() as distributed, tempfile.TemporaryDirectory() as folder:
        _, trainer = shape_trainer("ntu_pretrain", opts, Path(folder), distributed, steps=1, events=1)
        trainer.logger = logger = LastStep()
        trainer.plan = replace(trainer.plan, max_steps=1)
        wall, cpu = time.perf_counter(), time.process_time()
        trainer.train_epoch()
        return {
            "name": precision + ", train.recompute" * recompute,
            "frames": 2 * args.frames,
            "peak_mb": peak_mb(distributed.device),
            "seconds": time.perf_counter() - wall,
            "cpu_seconds": time.process_time() - cpu,
            "grad_norm": logger.record["grad_norm"],
        }


def measure(args: argparse.Namespace) -> None:
    if args.step is not None:
        print(json.dumps(one_step(args)))
        return
    command = [sys.executable, "-m", "benchmarks.speed.memory", "--frames", str(args.frames), "--opts", *args.opts]
    rows = []
    for number, (precision, _) in enumerate(STEPS):
        done = subprocess.run([*command, "--step", str(number)], stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            raise TrainingError(f"a step in {precision} ended with exit code {done.returncode}")
        rows.append(json.loads(done.stdout.splitlines()[-1]))
        print(markdown(rows[-1:], MEMORY), file=sys.stderr, flush=True)
    print(markdown(rows, MEMORY))
    keep_result(args, rows)


def arguments() -> argparse.ArgumentParser:
    parser = benchmark(__doc__, "benchmarks.speed.memory")
    parser.add_argument("--frames", type=int, default=240, help="a view (default %(default)s)")
    parser.add_argument("--opts", nargs="*", default=[], help="further options of the configuration")
    parser.add_argument("--step", type=int, choices=range(len(STEPS)), help=argparse.SUPPRESS)
    return parser


main = partial(run, measure, arguments)

if __name__ == "__main__":
    sys.exit(main())
