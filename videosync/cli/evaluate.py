"""``evaluate.py``: how well a trained encoder finds offsets, or tells the phases of an action."""

from __future__ import annotations

from argparse import Namespace

from videosync.cli.common import (
    CommandParser,
    check_writable,
    command,
    command_parser,
    expanded_path,
    load_command_config,
)

DESCRIPTION = """Encode the sync pairs of a split with the encoder trained in --logdir, predict each pair's offset
with the label-free methods (and any trained detector), and report errors in frames and milliseconds.

An offset k means: frame i of video 0 shows the moment of frame i + k of video 1
(k > 0: video 1 started first).
Methods and detectors are chosen with --opts eval.methods=[median,diagonal] eval.detectors=[prefix/cnn].

Other tasks are named in eval.tasks: kendalls_tau, and for a dataset with frame labels retrieval, event_completion
and classification, as in --opts eval.tasks=[kendalls_tau,retrieval]."""


def build_parser() -> CommandParser:
    parser = command_parser(
        DESCRIPTION,
        continue_train="show a finished evaluation again, instead of repeating it, if nothing it was made from has "
        "changed since (weights, pairs, labels, video files, detectors, options, code)",
    )
    parser.add_argument(
        "--output-dir",
        type=expanded_path,
        metavar="FOLDER",
        help="folder for metrics.json, pairs.csv, pictures and videos (default: LOGDIR/evaluation/DATASET_SPLIT, or "
        "one beside it, named by what differs, where that holds a report made with other options)",
    )
    return parser


def evaluate(args: Namespace) -> None:
    config = load_command_config(args)
    from videosync.engine.distributed import setup_distributed
    from videosync.engine.evaluate import evaluations_folder, run_evaluation

    check_writable("--output-dir", args.output_dir or evaluations_folder(args.logdir))
    with setup_distributed(config.train.backend, args.local_rank) as distributed:
        tables, folder = run_evaluation(
            config,
            workdir=args.workdir,
            logdir=args.logdir,
            output=args.output_dir,
            keep_finished=args.continue_train,
            command=args.command,
            distributed=distributed,
        )
        if distributed.is_main:
            sync = "sync_offset" in config.eval.tasks
            what = "Numbers, pairs and pictures" if sync else "Numbers, pictures and aligned videos"
            print(f"\n{tables}\n\n{what} are in {folder}.", flush=True)


main = command(build_parser, evaluate)
