"""``eval_sync_offset_detector.py``: evaluate offset detectors, also on data they were not trained on."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from videosync.cli.common import (
    check_writable,
    command_parser,
    launched_rank,
    load_command_config,
    run_command,
)
from videosync.cli.train_detector import METHODS, check_methods
from videosync.cli.typed import typed_command
from videosync.offset.methods import PREDICTORS

DESCRIPTION = """Evaluate offset detectors of one similarity set on the val split of another (or the same).

An offset k means: frame i of video 0 shows the moment of frame i + k of video 1 (k > 0: video 1 started
first). Swapping the two videos turns k into -k. Errors are in frames and milliseconds, beside those of always
answering 0;
metrics.json, pairs.csv and the comparison picture methods.png go to --logdir; where the default one holds a
report of other methods or options, to a folder beside it that is named by what differs."""

LABEL_FREE: Collection[str] = PREDICTORS


def main(argv: Sequence[str] | None = None) -> int:
    parser = command_parser(
        DESCRIPTION,
        default_logdir="runs/detectors/{model_prefix}_on_{data_prefix}",
        continue_train="accepted as by the other commands, and without effect: an evaluation takes seconds",
    )
    parser.add_argument(
        "--model_prefix",
        required=True,
        metavar="PREFIX",
        help="name of the set the detectors were trained on",
    )
    parser.add_argument(
        "--data_prefix", required=True, metavar="PREFIX", help="name of the similarity set to evaluate on"
    )
    parser.add_argument(
        "--models",
        nargs="+",
        default=None,
        metavar="METHOD",
        help=f"what to evaluate, of {', '.join((*LABEL_FREE, *METHODS))} "
        "(default: the label-free ones and all that are trained)",
    )
    args = parser.parse_args(argv)

    def job() -> None:
        config = load_command_config(args)
        if args.models is not None:
            check_methods("--models", args.models, (*LABEL_FREE, *METHODS))
        check_writable("--logdir", args.logdir)
        if launched_rank() > 0:
            return  # one process evaluates; others that a launcher started have nothing to do
        from videosync.engine.eval_detectors import SIGN, evaluate_detectors

        table, folder = evaluate_detectors(
            config,
            model_prefix=args.model_prefix,
            data_prefix=args.data_prefix,
            models=None if args.models is None else list(dict.fromkeys(args.models)),
            workdir=args.workdir,
            output=args.logdir,
            flag="" if args.default_logdir else "--logdir",
            command=typed_command(argv),
        )
        print(
            f"\nOffset errors of {args.model_prefix} on {args.data_prefix}, split {config.eval.split}\n"
            f"{table}\n"
        )
        print(f"{SIGN}\nNumbers, pairs and the picture methods.png are in {folder}.")

    return run_command(job)
