"""``videosync leaks FOLDER``: can the offsets of a prepared dataset be told without looking at it?"""

from __future__ import annotations

import argparse
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from videosync.arguments import at_least
from videosync.cli.common import CommandParser, check_writable, columns, command, expanded_path
from videosync.config.load import load_config
from videosync.errors import ConfigError, require_known
from videosync.offset.methods import DETECTORS

if TYPE_CHECKING:
    from videosync.leaks.job import LeakReport

DESCRIPTION = """Run controls over a prepared folder that never see a picture, so that they must be at chance. A noise
encoder goes through the whole chain (pairs, similarity sets, trained detectors, evaluation on other events), and
offsets are guessed from clip lengths and from keyframes. No video is decoded.

Chance is the error of the same answers if they knew nothing; it is never below that of always answering 0. Exit
code 0: no leak found; 2: a leak, or wrong input."""
QUICK = (
    "detector.patience=3",
    "detector.mlp_hidden=[256,128]",
    "detector.cnn_epochs=20",
    "detector.equivariant_epochs=8",
)
MANY_PAIRS = 100  # to train on; where there are fewer, several windows are drawn of each
MOST_WINDOWS = 8


def build_parser() -> CommandParser:
    parser = CommandParser(description=DESCRIPTION)
    add = parser.add_argument
    add("folder", type=expanded_path, help="dataset folder that holds manifest.jsonl")
    add(
        "--cfg_file",
        type=expanded_path,
        metavar="YAML",
        help="take windows (pairs.…) and detectors from this configuration (default: windows that fit the folder, and "
        "quick detectors)",
    )
    parser.add_opts("options that override these")
    add(
        "--methods",
        nargs="*",
        default=list(DETECTORS),
        metavar="METHOD",
        help=f"detectors to train on noise: any of {', '.join(DETECTORS)} (default: all; no names: only lengths and "
        "keyframes)",
    )
    add("--pairs", type=at_least(1), default=300, help="most pairs of views used from each split (default %(default)s)")
    add("--seed", type=int, default=0, help="chooses the pairs and windows (default %(default)s)")
    add(
        "--output",
        type=expanded_path,
        metavar="FOLDER",
        help="new or empty folder that keeps the sets, detectors and leaks.json (default: nothing is kept)",
    )
    return parser


def leaks(args: argparse.Namespace) -> int:
    if args.output and args.output.exists() and (not args.output.is_dir() or any(args.output.iterdir())):
        raise ConfigError(f"--output {args.output}: is not empty; give a new folder.")
    for name in args.methods:
        require_known("--methods", name, DETECTORS)
    if args.output:
        check_writable("--output", args.output)
    from videosync.data.manifest import read_manifest, require_usable  # the chain below imports torch
    from videosync.engine.distributed import setup_distributed
    from videosync.leaks.job import find_leaks, leak_config
    from videosync.leaks.plan import choose_pairs, fit_windows, split_in_two

    manifest = read_manifest(args.folder)
    for split in manifest.splits:
        require_usable(manifest, split)
    if all(len(sample.views) < 2 for sample in manifest.samples):
        print("no leak possible: all samples have one view, so there is no offset to give away")
        return 0
    divided, train, val = split_in_two(manifest)
    if divided is not manifest:
        print("note: no two splits with pairs; events were divided into two halves, by name")
    windows = None if args.cfg_file else fit_windows(manifest)
    chosen, left_out = zip(
        *(choose_pairs(divided, s, count=args.pairs, seed=args.seed, windows=windows) for s in (train, val))
    )
    if sum(left_out):
        print(f"note: left out {sum(left_out)} pairs of views that are too short or too far apart for these windows")
    fitted = []
    if windows is not None:
        repeats = [min(MOST_WINDOWS, max(1, MANY_PAIRS // max(1, len(pairs)))) for pairs in chosen]
        fitted = [
            f"pairs.num_frames={windows.noise_frames}",
            f"pairs.max_offset={windows.max_offset}",
            f"pairs.placement={windows.placement}",
            f"pairs.windows_train={repeats[0]}",
            f"pairs.windows_val={repeats[1]}",
            *QUICK,
        ]
    config = load_config(args.cfg_file, [*fitted, f"pairs.seed={args.seed}", *args.opts])
    control_frames = config.pairs.num_frames
    if windows is not None and control_frames == windows.noise_frames:
        control_frames = windows.num_frames
    print(
        f"windows: {config.pairs.num_frames} frames for noise, {control_frames} for files; offsets up to "
        f"±{config.pairs.max_offset}; placement {config.pairs.placement}"
    )
    for name, pairs in zip((train, val), chosen):
        print(f"{name}: {len(pairs)} pairs of views of {len({s.event for s in pairs})} events")
    with ExitStack() as stack:
        output = args.output or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="videosync_leaks_")))
        distributed = stack.enter_context(setup_distributed(config.train.backend))
        report = find_leaks(
            leak_config(config, output=output.absolute(), split=val),
            *chosen,
            methods=list(dict.fromkeys(args.methods)),
            control_frames=control_frames,
            output=output.absolute(),
            distributed=distributed,
            command=args.command,
        )
    print_report(report)
    if args.output:
        print(f"sets, detectors, all answers and leaks.json are in {args.output}")
    return 2 if report.leaks else 0


def print_report(report: LeakReport) -> None:
    from videosync.evaluation.intervals import interval_text

    table = [("method", "error frames", "95 % (events)", "chance", "always 0", "luck", "verdict")]
    for row in report.rows:
        error, chance, floor = ("–" if x is None else f"{x:.2f}" for x in (row.error, row.chance, row.floor))
        luck = "–" if row.test is None else f"{row.test.p_value:.3f}"
        table.append((row.name, error, interval_text(row.interval), chance, floor, luck, row.verdict))
    numbers = columns([row[:-1] for row in table])
    print("\n".join(["", *(f"{line:<{len(numbers[0])}}  {row[-1]}" for line, row in zip(numbers, table))]))
    print("luck: how often answers that know nothing would do as well or better\n")
    for note in report.notes:
        print(f"note: {note}")
    names = ", ".join(row.name for row in report.leaks)
    untold = ", ".join(row.name for row in report.rows if not row.told)
    if names:
        print(f"LEAK: offsets can be told without looking, from {names}")
    else:
        print(f"no leak found; too few offsets to tell: {untold}" if untold else "no leak found")


main = command(build_parser, leaks)
