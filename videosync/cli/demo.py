"""``videosync demo``: the whole research pipeline on synthetic events, through the commands a user would type."""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from videosync.cli.common import run_command
from videosync.cli.demo_report import collect_pictures, summary_table, write_summary
from videosync.errors import VideoSyncError

ROOT = Path(__file__).resolve().parents[2]
PROCESSES = 2
LAUNCHER = "torch.distributed.run"  # what torchrun runs
DETECTORS = ("log_reg", "svm", "mlp", "cnn", "equivariant")


@dataclass(frozen=True)
class DemoSize:
    """How much the demo does: the full form, and a short one that only shows that every step runs."""

    train_events: int
    val_events: int
    frames: int
    overrides: tuple[str, ...]


FULL = DemoSize(train_events=160, val_events=40, frames=150, overrides=())
SHORT = DemoSize(
    train_events=24,
    val_events=8,
    frames=110,
    overrides=(
        "train.epochs=2",
        "pairs.windows_train=2",
        "detector.mlp_epochs=4",
        "detector.cnn_epochs=2",
        "detector.equivariant_epochs=2",
    ),
)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="videosync demo",
        description="Make synthetic two-camera events, train an encoder on two processes, evaluate it, build "
        "similarity sets, train and cross-evaluate the offset detectors, and run the same chain on a noise "
        "encoder as a control. "
        "An offset k means: frame i of video 0 shows the moment of frame i + k of video 1.",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("runs/demo"),
        help="folder for everything the demo makes; what an earlier demo left there is replaced",
    )
    parser.add_argument(
        "--short", action="store_true", help="a few minutes' form that shows that every step runs"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the events, the training and the pairs")
    args = parser.parse_args(argv)
    return run_command(lambda: run_demo(args.output, SHORT if args.short else FULL, args.seed))


def run_demo(output: Path, size: DemoSize, seed: int) -> int:
    """Runs every step in a fresh ``output`` folder and prints one table."""
    if not (ROOT / "train.py").exists():
        raise VideoSyncError(
            f"{ROOT}: the demo runs the scripts of a checkout; clone the repository and run make demo"
        )
    if output.exists() and any(output.iterdir()) and not (output / "commands.txt").exists():
        raise VideoSyncError(f"{output}: not empty and not made by the demo; choose another --output")
    started = time.monotonic()
    if output.exists():
        shutil.rmtree(output)
    output.mkdir(parents=True)
    output = output.resolve()
    typed = output.relative_to(ROOT) if output.is_relative_to(ROOT) else output  # as a user would type it
    steps = demo_commands(typed, size, seed)
    for number, (title, command) in enumerate(steps, start=1):
        say = shlex.join(["python" if word == sys.executable else word for word in command])
        print(
            f"\n[{number}/{len(steps)}] {title}  ({time.monotonic() - started:.0f} s so far)\n$ {say}",
            flush=True,
        )
        with open(output / "commands.txt", "a") as log:
            log.write(say + "\n")
        done = subprocess.run(
            command, cwd=ROOT, env=environment(command), stdin=subprocess.DEVNULL, check=False
        )
        if done.returncode:
            raise VideoSyncError(
                f"step {number} ({title}) ended with exit code {done.returncode}; its output is above"
            )
    evaluation = output / "encoder" / "evaluation" / "synthetic_val"
    summary = write_summary(output, evaluation)
    collect_pictures(output, evaluation)
    print("\n" + summary_table(summary))
    print(f"\nThe demo took {time.monotonic() - started:.0f} s. Everything it made is in {typed}.")
    print(
        f"Look at {typed / 'pictures' / 'median_1_strip.png'}: rows 1 and 2 show the same moments when "
        f"the offset is right. {typed / 'pictures' / 'methods.png'} compares the methods."
    )
    return 0


def environment(command: Sequence[str]) -> dict[str, str]:
    """Under a launcher each process gets its share of the cores; alone, a command takes all."""
    share = max(1, (os.cpu_count() or 1) // PROCESSES)
    return {**os.environ, "OMP_NUM_THREADS": str(share)} if LAUNCHER in command else dict(os.environ)


def demo_commands(output: Path, size: DemoSize, seed: int) -> list[tuple[str, list[str]]]:
    """The steps as (title, command); every command also works when typed by hand in the checkout."""
    python = sys.executable
    launch = [python, "-m", LAUNCHER, "--standalone", "--nproc_per_node", str(PROCESSES)]
    folders = [f"paths.sets={output / 'similarity_sets'}", f"paths.detectors={output / 'detectors'}"]
    opts = [*folders, f"train.seed={seed}", f"pairs.seed={seed}", *size.overrides]
    noise = [*opts, "model.name=noise"]

    def job(script: str, logdir: str, options: list[str], *extra: str) -> list[str]:
        common = ["--workdir", str(output / "data"), "--cfg_file", "configs/demo_config.yml"]
        return [script, *common, "--logdir", str(output / logdir), *extra, "--opts", *options]

    make_events = [python, "dataset_preparation/synthetic_process.py"]
    make_events += ["--output_dir", str(output / "data" / "synthetic")]
    make_events += ["--train_events", str(size.train_events), "--val_events", str(size.val_events)]
    make_events += ["--frames", str(size.frames), "--size", "64", "--seed", str(seed), "--workers", "2"]
    sets, detect, cross = (
        "construct_softmaxed_sim_dataset.py",
        "train_sync_offset_detector.py",
        "eval_sync_offset_detector.py",
    )
    methods = ["--sync_methods", *DETECTORS]
    real = ["--model_prefix", "demo", "--data_prefix", "demo"]
    control = ["--model_prefix", "demo_noise", "--data_prefix", "demo_noise"]
    trained = "eval.detectors=[" + ",".join(f"demo/{name}" for name in DETECTORS) + "]"
    return [
        ("make synthetic two-camera events", make_events),
        ("train the encoder on 2 processes", launch + job("train.py", "encoder", opts)),
        ("similarity sets of train and val", launch + job(sets, "encoder", opts, "--dataset_prefix", "demo")),
        (
            "train five offset detectors",
            [python, *job(detect, "detectors_demo", opts, "--prefix", "demo", *methods)],
        ),
        ("evaluate the encoder with every method", launch + job("evaluate.py", "encoder", [*opts, trained])),
        ("cross-evaluate the detectors", [python, *job(cross, "cross_demo", opts, *real)]),
        (
            "noise control: similarity sets",
            launch + job(sets, "noise", noise, "--dataset_prefix", "demo_noise"),
        ),
        (
            "noise control: detectors",
            [python, *job(detect, "detectors_noise", noise, "--prefix", "demo_noise", *methods)],
        ),
        ("noise control: evaluation", [python, *job(cross, "cross_noise", noise, *control)]),
    ]
