"""``videosync demo-audio``: learning from sound and pictures of synthetic events, beside what it must beat."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from videosync.cli.common import CommandParser, command, expanded_path
from videosync.cli.steps import Step, command_words, fresh_folder, run_steps

if TYPE_CHECKING:
    from videosync.cli.demo_audio_report import Results

BEST, INTRA = "six terms", "intra-modal only"
CONFIG = "configs/crisscross_demo_config.yml"
VARIANTS = {  # name → the terms of the loss that count
    BEST: ("v1v2", "a1a2", "v1a1", "v2a2", "v1a2", "v2a1"),
    "synchronous only": ("v1a1", "v2a2"),
    INTRA: ("v1v2", "a1a2"),
}
UNTRAINED = {  # name → what evaluate is told
    "random, as initialised": ("eval.checkpoint=random",),
    "random, calibrated": ("eval.checkpoint=random", "eval.calibrate=true"),
}
BY_HAND = {"statistics by hand": "statistics", "means by hand": "means"}


@dataclass(frozen=True)
class AudioDemoSize:
    """How much the demo does."""

    train_events: int
    val_events: int
    seeds: int
    variants: tuple[str, ...]
    overrides: tuple[str, ...] = ()


FULL = AudioDemoSize(600, 400, 3, tuple(VARIANTS))
SHORT = AudioDemoSize(100, 60, 1, (BEST,), ("train.max_steps=30",))


def build_parser() -> CommandParser:
    parser = CommandParser(
        prog="videosync demo-audio",
        description="Make synthetic events that are seen and heard, train small two-stream networks on them without "
        "labels (CrissCross), and compare what their features know of motion and material with networks that were not "
        "trained, with simple statistics, and with chance: linear probes and nearest neighbours, on events held out.",
    )
    add = parser.add_argument
    add(
        "--output",
        type=expanded_path,
        default=Path("runs/demo-audio"),
        help="folder for everything the demo makes; what an earlier demo left there is replaced",
    )
    add("--short", action="store_true", help="few events, one network, hardly trained: whether everything works")
    add("--seed", type=int, default=0, help="seed of the events, and the first of those of the networks")
    return parser


def demo_audio(args: Namespace) -> None:
    """Run every step in a fresh folder and print one table."""
    from videosync.cli.demo_audio_report import read_results, summary_text, write_summary

    output, size = args.output, SHORT if args.short else FULL
    fresh_folder(output)
    seconds = run_steps(output, demo_steps(output, size, args.seed))
    seeds = list(range(args.seed, args.seed + size.seeds))
    found = {name: seeds for name in (*size.variants, *UNTRAINED)} | {name: seeds[:1] for name in BY_HAND}
    results = read_results(
        {name: [output / "results" / run_name(name, seed) for seed in of] for name, of in found.items()}
    )
    write_summary(output, results)
    _save_pictures(output, results, output / run_name(BEST, args.seed))
    print("\n" + summary_text(results))
    if size is SHORT:
        print(
            f"The short form trains {len(size.variants)} network on {size.train_events} events; without --short it is "
            f"{len(FULL.variants) * FULL.seeds}, on {FULL.train_events}, and the differences mean something."
        )
    print(
        f"\nThe demo took {seconds:.0f} s. Everything it made is in {output}: the numbers in summary.json, the "
        "table as table.png, and loss terms and rank while training as training.png."
    )


def _save_pictures(output: Path, results: Results, run: Path) -> None:
    from videosync.cli.demo_audio_plots import save_table, save_training
    from videosync.engine.loggers import METRICS_FILE

    save_table(output / "table.png", results)
    records = map(json.loads, (run / METRICS_FILE).read_text().splitlines())
    watched = [record for record in records if "video_std" in record]
    save_training(output / "training.png", f"training of {run.name}", watched, VARIANTS[BEST])


def demo_steps(output: Path, size: AudioDemoSize, seed: int) -> list[Step]:
    """Every command also works when typed by hand, in the same folder."""
    seeds = range(seed, seed + size.seeds)
    common = ["--workdir", str(output / "data"), "--cfg_file", CONFIG]

    def options(run_seed: int) -> list[str]:
        return ["--opts", f"paths.decoded={output / 'decoded'}", f"train.seed={run_seed}"]

    def train(variant: str, run_seed: int) -> list[str]:
        every = VARIANTS[BEST]
        off = [f"loss.{term}=0" for term in every if term not in VARIANTS[variant]]
        logdir = ["--logdir", str(output / run_name(variant, run_seed))]
        return command_words("train", *common, *logdir, *options(run_seed), *size.overrides, *off)

    def evaluate(name: str, run_seed: int, *told: str) -> list[str]:
        folders = ["--logdir", str(output / run_name(name, run_seed))]
        folders += ["--output-dir", str(output / "results" / run_name(name, run_seed))]
        return command_words("evaluate", *common, *folders, *options(run_seed), *told)

    events = [sys.executable, "-m", "dataset_preparation.synthetic_process", "--sound"]
    events += ["--output-dir", str(output / "data" / "audio_visual"), "--seed", str(seed)]
    events += ["--train-events", str(size.train_events), "--val-events", str(size.val_events)]
    trainings = {run_name(name, s): train(name, s) for s in seeds for name in size.variants}
    others = {run_name(name, seed): evaluate(name, seed, f"eval.checkpoint={of}") for name, of in BY_HAND.items()}
    others |= {run_name(name, s): evaluate(name, s, *told) for s in seeds for name, told in UNTRAINED.items()}
    evaluations = {run_name(name, s): evaluate(name, s) for s in seeds for name in size.variants}
    several = f"{len(trainings)} networks" if len(trainings) > 1 else "a network"
    return [
        Step("make synthetic events that are seen and heard", [events]),
        Step(
            f"train {several}; probes and nearest neighbours of what needs no training",
            [*trainings.values(), *others.values()],
            [*trainings, *others],
            shown="  video_std ",
        ),
        Step("probes and nearest neighbours of what was trained", list(evaluations.values()), list(evaluations)),
    ]


def run_name(name: str, seed: int) -> str:
    """Of a folder: ``six_terms_0``."""
    return f"{name.replace(',', '').replace(' ', '_').replace('-', '_')}_{seed}"


main = command(build_parser, demo_audio)
