"""``videosync demo``: the whole research pipeline on synthetic events, through the commands a user would type."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from videosync.cli.common import CommandParser, check_writable, expanded_path, run_command
from videosync.cli.demo_report import collect_pictures, summary_table, true_offset, write_summary
from videosync.cli.eval_detector import LABEL_FREE
from videosync.cli.sync import NOT_PLACED
from videosync.cli.train_detector import METHODS
from videosync.errors import VideoSyncError

PROCESSES = 2
LAUNCHER = "torch.distributed.run"  # what torchrun runs
SYNC = "put two of the held-out videos on one timeline"


@dataclass(frozen=True)
class DemoSize:
    """How much the demo does, and what it compares."""

    train_events: int
    val_events: int
    label_free: tuple[str, ...]
    detectors: tuple[str, ...]
    overrides: tuple[str, ...] = ()


FULL = DemoSize(160, 40, LABEL_FREE, METHODS)
# so little training is enough for these two alone
SHORT = DemoSize(
    48,
    12,
    ("diagonal",),
    ("equivariant",),
    ("train.epochs=4", "eval.pictures=1", "pairs.windows_train=4", "detector.equivariant_epochs=6"),
)


def build_parser() -> CommandParser:
    parser = CommandParser(
        prog="videosync demo",
        description="Make synthetic two-camera events, train an encoder on two processes, build similarity sets, train "
        "offset detectors, compare all methods on events held out, repeat it with a noise encoder as a control, and "
        "synchronise two of the videos with what was trained. "
        "An offset k means: frame i of video 0 shows the moment of frame i + k of video 1.",
    )
    parser.add_argument(
        "--output",
        type=expanded_path,
        default=Path("runs/demo"),
        help="folder for everything the demo makes; what an earlier demo left there is replaced",
    )
    parser.add_argument(
        "--short",
        action="store_true",
        help="fewer events, less training, and only the two methods for which that is enough",
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the events, the training and the pairs")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    args = build_parser().parse_args(argv)
    return run_command(lambda: run_demo(args.output, SHORT if args.short else FULL, args.seed))


def run_demo(output: Path, size: DemoSize, seed: int) -> int:
    """Runs every step in a fresh ``output`` folder and prints one table."""
    check_writable("--output", output)
    if output.exists() and any(output.iterdir()) and not (output / "commands.txt").exists():
        raise VideoSyncError(f"{output}: not empty and not made by the demo; choose another --output")
    started = time.monotonic()
    if output.exists():
        shutil.rmtree(output)
    output.mkdir(parents=True)
    steps = demo_commands(output, size, seed)
    for number, (title, command) in enumerate(steps, start=1):
        typed = as_typed(command)
        spent = time.monotonic() - started
        print(f"\n[{number}/{len(steps)}] {title}  ({spent:.0f} s so far)\n$ {typed}", flush=True)
        with (output / "commands.txt").open("a") as log:
            log.write(typed + "\n")
        done = subprocess.run(command, env=environment(command), stdin=subprocess.DEVNULL, check=False)
        if done.returncode and (title, done.returncode) != (SYNC, NOT_PLACED):
            raise VideoSyncError(
                f"step {number} ({title}) ended with exit code {done.returncode}; its output is above"
            )
    print(true_offset(output))
    evaluation = output / "encoder" / "evaluation" / "synthetic_val"
    summary = write_summary(output, evaluation)
    collect_pictures(output, evaluation)
    print("\n" + summary_table(summary))
    if size is SHORT:
        print(
            f"The short form trains on {size.train_events} events; all {len(LABEL_FREE) + len(METHODS)} methods, on "
            f"{FULL.train_events}, are compared without --short."
        )
    pictures = output / "pictures"
    print(
        f"\nThe demo took {time.monotonic() - started:.0f} s. Everything it made is in {output}.\n"
        f"Look at {pictures / 'median_1_strip.png'}: rows 1 and 2 show the same moments when the offset is right. "
        f"{pictures / 'methods.png'} compares the methods."
    )
    return 0


def as_typed(command: Sequence[str]) -> str:
    """What a user would type for it."""
    text = shlex.join(["python", *command[1:]])
    return text.replace(f"python -m {LAUNCHER}", "torchrun").replace("python -m videosync", "videosync")


def environment(command: Sequence[str]) -> dict[str, str]:
    """Under a launcher each process gets its share of the cores; alone, a command takes all."""
    share = max(1, (os.cpu_count() or 1) // PROCESSES)
    return {**os.environ, "OMP_NUM_THREADS": str(share)} if LAUNCHER in command else dict(os.environ)


def demo_commands(output: Path, size: DemoSize, seed: int) -> list[tuple[str, list[str]]]:
    """The steps as (title, command); every command also works when typed by hand, in the same folder."""
    plain = [sys.executable, "-m", "videosync"]
    launch = [sys.executable, "-m", LAUNCHER, "--standalone", "--nproc_per_node", str(PROCESSES)]
    launch += ["-m", "videosync"]
    opts = [f"paths.sets={output / 'similarity_sets'}", f"paths.detectors={output / 'detectors'}"]
    opts += [f"train.seed={seed}", f"pairs.seed={seed}", *size.overrides]
    noise = [*opts, "model.name=noise"]

    def job(name: str, logdir: str, options: list[str], *extra: str) -> list[str]:
        common = ["--workdir", str(output / "data"), "--cfg_file", "configs/demo_config.yml"]
        return [name, *common, "--logdir", str(output / logdir), *extra, "--opts", *options]

    def cross(prefix: str, logdir: str, options: list[str]) -> list[str]:
        sets = ["--model_prefix", prefix, "--data_prefix", prefix]
        return [*plain, *job("eval-detector", logdir, options, *sets, "--models", *methods)]

    methods = [*size.label_free, *size.detectors]
    detectors = ["--sync_methods", *size.detectors]
    compared = [f"eval.methods=[{','.join(size.label_free)}]"]
    compared += [f"eval.detectors=[{','.join(f'demo/{name}' for name in size.detectors)}]"]
    make_events = [sys.executable, "-m", "dataset_preparation.synthetic_process"]
    make_events += ["--output-dir", str(output / "data" / "synthetic"), "--frames", "150", "--size", "64"]
    make_events += ["--train-events", str(size.train_events), "--val-events", str(size.val_events)]
    make_events += ["--seed", str(seed), "--workers", "2"]
    videos = [str(output / "data" / "synthetic" / "val_0000" / name) for name in ("cam0.mp4", "cam1.mp4")]
    return [
        ("make synthetic two-camera events", make_events),
        ("train the encoder on 2 processes", [*launch, *job("train", "encoder", opts)]),
        (
            "similarity sets of train and val",
            [*launch, *job("construct", "encoder", opts, "--dataset_prefix", "demo")],
        ),
        (
            "train the offset detectors",
            [*plain, *job("train-detector", "detectors_demo", opts, "--prefix", "demo", *detectors)],
        ),
        (
            "evaluate the encoder with every method",
            [*launch, *job("evaluate", "encoder", [*opts, *compared])],
        ),
        ("cross-evaluate the detectors", cross("demo", "cross_demo", opts)),
        (
            "noise control: similarity sets",
            [*launch, *job("construct", "noise", noise, "--dataset_prefix", "demo_noise")],
        ),
        (
            "noise control: detectors",
            [*plain, *job("train-detector", "detectors_noise", noise, "--prefix", "demo_noise", *detectors)],
        ),
        ("noise control: evaluation", cross("demo_noise", "cross_noise", noise)),
        (SYNC, [*plain, "sync", *videos, "--encoder", str(output / "encoder")]),
    ]
