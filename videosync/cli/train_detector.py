"""``train_sync_offset_detector.py``: train offset detectors on a similarity set."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence

from videosync.cli.common import (
    check_writable,
    command_parser,
    expanded_path,
    launched_rank,
    load_command_config,
    run_command,
)
from videosync.cli.typed import typed_command
from videosync.errors import ConfigError, did_you_mean

DESCRIPTION = """Train offset detectors on the train split of a similarity set; report them on its val split.

The sets are looked for in paths.sets (here, then in --workdir); a detector goes to
paths.detectors/PREFIX/METHOD. A part of the train events is held out for early stopping and calibration; val
is only reported.

An offset k means: frame i of video 0 shows the moment of frame i + k of video 1 (k > 0: video 1 started
first)."""

METHODS = ("log_reg", "svm", "mlp", "cnn", "equivariant")


def main(argv: Sequence[str] | None = None) -> int:
    parser = command_parser(
        DESCRIPTION,
        default_logdir="runs/detectors/{prefix}",
        continue_train="do not train detectors again that were finished on the same set with the same options and code",
    )
    parser.add_argument(
        "--prefix", required=True, metavar="PREFIX", help="name of the similarity set to train on"
    )
    parser.add_argument(
        "--sync_methods",
        nargs="+",
        default=list(METHODS),
        metavar="METHOD",
        help=f"detectors to train, of {', '.join(METHODS)} (default: all)",
    )
    args = parser.parse_args(argv)

    def job() -> None:
        config = load_command_config(args)
        check_methods("--sync_methods", args.sync_methods, METHODS)
        check_writable("--logdir", args.logdir)
        check_writable("paths.detectors", expanded_path(config.paths.detectors))
        if launched_rank() > 0:
            return  # one process trains; others that a launcher started have nothing to do
        from videosync.engine.train_detectors import train_detectors

        logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
        table = train_detectors(
            config,
            prefix=args.prefix,
            methods=list(dict.fromkeys(args.sync_methods)),
            workdir=args.workdir,
            logdir=args.logdir,
            continue_train=args.continue_train,
            command=typed_command(argv),
        )
        print(f"\nOffset errors of set {args.prefix}, split {config.eval.split}\n{table}\n")
        print(
            f"The detectors are in {config.paths.detectors}/{args.prefix}, their losses and numbers in "
            f"{args.logdir}."
        )

    return run_command(job)


def check_methods(flag: str, given: Sequence[str], known: Sequence[str]) -> None:
    """Raises ConfigError for a name that is not known, with the nearest that is."""
    for name in given:
        if name not in known:
            hint = did_you_mean(name, known, f"Available: {', '.join(known)}.")
            raise ConfigError(f"{flag} {name}: unknown method.{hint}")
