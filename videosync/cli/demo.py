"""``videosync demo``: the whole research pipeline on synthetic events, through the commands a user would type."""

from __future__ import annotations

import sys
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path

from videosync.cli.common import OFFSET, CommandParser, command, expanded_path
from videosync.cli.demo_report import collect_pictures, summary_table, true_offset, write_summary
from videosync.cli.steps import Step, command_words, fresh_folder, run_steps
from videosync.cli.sync import NOT_PLACED
from videosync.offset.methods import DETECTORS, PREDICTORS

SYNC = "put two of the held-out videos on one timeline"


@dataclass(frozen=True)
class DemoSize:
    """How much the demo does, and what it compares."""

    train_events: int
    val_events: int
    label_free: tuple[str, ...]
    detectors: tuple[str, ...]
    overrides: tuple[str, ...] = ()


FULL = DemoSize(160, 40, tuple(PREDICTORS), tuple(DETECTORS))
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
        f"synchronise two of the videos with what was trained. {OFFSET}",
    )
    add = parser.add_argument
    add(
        "--output",
        type=expanded_path,
        default=Path("runs/demo"),
        help="folder for everything the demo makes; what an earlier demo left there is replaced",
    )
    add(
        "--short",
        action="store_true",
        help="fewer events, less training, and only the two methods that can learn from so little",
    )
    add("--seed", type=int, default=0, help="seed of the events, the training and the pairs")
    return parser


def demo(args: Namespace) -> None:
    """Run every step in a fresh folder and print one table."""
    output, size = args.output, SHORT if args.short else FULL
    fresh_folder(output)
    steps = [
        Step(title, [words], fine=(0, NOT_PLACED) if title == SYNC else (0,))
        for title, words in demo_commands(output, size, args.seed)
    ]
    seconds = run_steps(output, steps)
    print(true_offset(output))
    evaluation = output / "encoder" / "evaluation" / "synthetic_val"
    summary = write_summary(output, evaluation)
    collect_pictures(output, evaluation)
    print("\n" + summary_table(summary))
    if size is SHORT:
        print(
            f"The short form trains on {size.train_events} events; all {len(PREDICTORS) + len(DETECTORS)} methods, on "
            f"{FULL.train_events}, are compared without --short."
        )
    pictures = output / "pictures"
    print(
        f"\nThe demo took {seconds:.0f} s. Everything it made is in {output}.\n"
        f"Look at {pictures / 'median_1_strip.png'}: rows 1 and 2 show the same moments when the offset is right. "
        f"{pictures / 'methods.png'} compares the methods."
    )


def demo_commands(output: Path, size: DemoSize, seed: int) -> list[tuple[str, list[str]]]:
    """The steps as (title, command); every command also works when typed by hand, in the same folder."""
    opts = [f"paths.sets={output / 'similarity_sets'}", f"paths.detectors={output / 'detectors'}"]
    opts += [f"train.seed={seed}", f"pairs.seed={seed}", *size.overrides]
    noise = [*opts, "model.name=noise"]

    def job(name: str, logdir: str, options: list[str], *extra: str) -> list[str]:
        common = ["--workdir", str(output / "data"), "--cfg_file", "configs/demo_config.yml"]
        common += ["--logdir", str(output / logdir), *extra, "--opts", *options]
        return command_words(name, *common, launched=name in ("train", "evaluate", "construct"))

    def sets(prefix: str, logdir: str, options: list[str]) -> list[str]:
        return job("construct", logdir, options, "--dataset_prefix", prefix)

    def detectors(prefix: str, logdir: str, options: list[str]) -> list[str]:
        return job("train-detector", logdir, options, "--prefix", prefix, "--sync_methods", *size.detectors)

    def cross(prefix: str, logdir: str, options: list[str]) -> list[str]:
        both = ["--model_prefix", prefix, "--data_prefix", prefix]
        models = [*size.label_free, *size.detectors]
        return job("eval-detector", logdir, options, *both, "--models", *models)

    compared = [f"eval.methods=[{','.join(size.label_free)}]"]
    compared += [f"eval.detectors=[{','.join(f'demo/{name}' for name in size.detectors)}]"]
    make_events = [sys.executable, "-m", "dataset_preparation.synthetic_process"]
    make_events += ["--output-dir", str(output / "data" / "synthetic"), "--frames", "150", "--size", "64"]
    make_events += ["--train-events", str(size.train_events), "--val-events", str(size.val_events)]
    make_events += ["--seed", str(seed), "--workers", "2"]
    videos = [str(output / "data" / "synthetic" / "val_0000" / name) for name in ("cam0.mp4", "cam1.mp4")]
    trained = ["--encoder", str(output / "encoder"), "--detector", str(output / "detectors" / "demo" / "equivariant")]
    return [
        ("make synthetic two-camera events", make_events),
        ("train the encoder on 2 processes", job("train", "encoder", opts)),
        ("similarity sets of train and val", sets("demo", "encoder", opts)),
        ("train the offset detectors", detectors("demo", "detectors_demo", opts)),
        ("evaluate the encoder with every method", job("evaluate", "encoder", [*opts, *compared])),
        ("cross-evaluate the detectors", cross("demo", "cross_demo", opts)),
        ("noise control: similarity sets", sets("demo_noise", "noise", noise)),
        ("noise control: detectors", detectors("demo_noise", "detectors_noise", noise)),
        ("noise control: evaluation", cross("demo_noise", "cross_noise", noise)),
        (SYNC, command_words("sync", *videos, *trained)),
    ]


main = command(build_parser, demo)
