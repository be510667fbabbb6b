"""``train_sync_offset_detector.py``: train offset detectors on a similarity set."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from videosync.cli.common import (
    OFFSET,
    CommandParser,
    check_writable,
    command,
    command_parser,
    launched_rank,
    load_command_config,
    log_to_stdout,
)
from videosync.errors import require_known
from videosync.offset.methods import DETECTORS

DESCRIPTION = f"""Train offset detectors on the train split of a similarity set, and evaluate them on its val split.

Sets are looked for in paths.sets (here, then in --workdir); a detector goes to paths.detectors/PREFIX/METHOD. Some of
the train events are held out for early stopping and calibration; the val split is used for the report alone.

{OFFSET}"""


def build_parser() -> CommandParser:
    parser = command_parser(
        DESCRIPTION,
        default_logdir="runs/detectors/{prefix}",
        continue_train="do not train detectors again that were finished on the same set with the same options and code",
    )
    add = parser.add_argument
    add("--prefix", required=True, metavar="PREFIX", help="name of the similarity set to train on")
    add(
        "--sync_methods",
        nargs="+",
        default=list(DETECTORS),
        metavar="METHOD",
        help=f"detectors to train: any of {', '.join(DETECTORS)} (default: all)",
    )
    return parser


def train(args: Namespace) -> None:
    config = load_command_config(args)
    for name in args.sync_methods:
        require_known("--sync_methods", name, DETECTORS)
    check_writable("--logdir", args.logdir)
    check_writable("paths.detectors", Path(config.paths.detectors))
    if launched_rank() > 0:
        return  # one process trains; others that a launcher started have nothing to do
    from videosync.engine.train_detectors import train_detectors
    from videosync.evaluation.metrics import metrics_table

    log_to_stdout()
    results = train_detectors(
        config,
        prefix=args.prefix,
        methods=list(dict.fromkeys(args.sync_methods)),
        workdir=args.workdir,
        logdir=args.logdir,
        continue_train=args.continue_train,
        command=args.command,
    )
    print(f"\nOffset errors of set {args.prefix}, split {config.eval.split}")
    print(f"{metrics_table(results.metrics, results.floor, results.notes)}\n")
    print(f"The detectors are in {config.paths.detectors}/{args.prefix}, their losses and numbers in {args.logdir}.")


main = command(build_parser, train)
