"""``eval_sync_offset_detector.py``: evaluate offset detectors, also on data they were not trained on."""

from __future__ import annotations

from argparse import Namespace

from videosync.cli.common import (
    OFFSET,
    CommandParser,
    check_writable,
    command,
    command_parser,
    launched_rank,
    load_command_config,
)
from videosync.errors import require_known
from videosync.offset.methods import DETECTORS, PREDICTORS

DESCRIPTION = f"""Evaluate offset detectors of one similarity set on the val split of another (or the same). Errors are
in frames and milliseconds, beside those of always answering 0. metrics.json, pairs.csv and the picture methods.png go
to --logdir; if the default one holds a report of other methods or options, they go to a folder beside it that is named
after what differs.

{OFFSET}"""


def build_parser() -> CommandParser:
    parser = command_parser(
        DESCRIPTION,
        default_logdir="runs/detectors/{model_prefix}_on_{data_prefix}",
        continue_train="accepted, as by the other commands, but without effect: an evaluation takes seconds",
    )
    add = parser.add_argument
    add("--model_prefix", required=True, metavar="PREFIX", help="name of the set the detectors were trained on")
    add("--data_prefix", required=True, metavar="PREFIX", help="name of the similarity set to evaluate on")
    add(
        "--models",
        nargs="+",
        metavar="METHOD",
        help=f"what to evaluate: any of {', '.join((*PREDICTORS, *DETECTORS))} "
        "(default: the label-free ones and all that are trained)",
    )
    return parser


def evaluate(args: Namespace) -> None:
    config = load_command_config(args)
    for name in args.models or ():
        require_known("--models", name, (*PREDICTORS, *DETECTORS))
    check_writable("--logdir", args.logdir)
    if launched_rank() > 0:
        return  # one process evaluates; others that a launcher started have nothing to do
    from videosync.engine.eval_detectors import SIGN, evaluate_detectors
    from videosync.evaluation.metrics import metrics_table

    results = evaluate_detectors(
        config,
        model_prefix=args.model_prefix,
        data_prefix=args.data_prefix,
        models=None if args.models is None else list(dict.fromkeys(args.models)),
        workdir=args.workdir,
        output=args.logdir,
        flag="" if args.default_logdir else "--logdir",
        command=args.command,
    )
    print(f"\nOffset errors of {args.model_prefix} on {args.data_prefix}, split {config.eval.split}")
    print(f"{metrics_table(results.metrics, results.floor, results.notes)}\n")
    print(f"{SIGN}\nNumbers, pairs and the picture methods.png are in {results.folder}.")


main = command(build_parser, evaluate)
