"""``evaluate.py``: how well a trained encoder finds offsets, or tells the phases of an action."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from videosync.cli.common import (
    OFFSET,
    CommandParser,
    check_writable,
    command,
    command_parser,
    expanded_path,
    load_command_config,
    log_to_stdout,
)

if TYPE_CHECKING:
    from videosync.engine.evaluate import Evaluation

DESCRIPTION = f"""Encode the sync pairs of a split with the encoder trained in --logdir, predict each pair's offset
with the label-free methods (and any trained detector), and report errors in frames and milliseconds.

{OFFSET}

Methods and detectors are chosen with --opts eval.methods=[median,diagonal] eval.detectors=[prefix/cnn].

Other tasks are named in eval.tasks: kendalls_tau, and for a dataset with frame labels retrieval, event_completion
and classification, as in --opts eval.tasks=[kendalls_tau,retrieval].

The two streams of CrissCross, in --logdir (a run, or a file of published weights), are evaluated by the tasks finetune,
sound_svm, sound_linear, av_retrieval and probe; docs/crisscross.md has the commands."""


def build_parser() -> CommandParser:
    parser = command_parser(
        DESCRIPTION,
        continue_train="show a finished evaluation again, instead of repeating it, if nothing it was made from has "
        "changed since (weights, pairs, labels, video files, detectors, options, code); of one that was "
        "interrupted, go on with the folds that are not done",
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
    log_to_stdout()
    config = load_command_config(args)
    from videosync.engine.distributed import setup_distributed
    from videosync.engine.evaluate import evaluations_folder, run_evaluation

    check_writable("--output-dir", args.output_dir or evaluations_folder(args.logdir))
    with setup_distributed(config.train.backend, args.local_rank) as distributed:
        done = run_evaluation(
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
            what = "Numbers, and those of each fold," if "recognition" in done.report else what
            print("\n" + "\n\n".join([*describe(done), f"{what} are in {done.folder}."]), flush=True)


def describe(done: Evaluation) -> list[str]:
    """What changed, which checkpoint was taken, the tables below a line on what each is about, and notes."""
    report = done.report
    about = f"{report['dataset']}, split {report['split']}"
    parts = []
    if done.changed:
        parts.append(f"Evaluated anew; since the earlier report there changed: {'; '.join(done.changed)}.")
    if report["checkpoint"]:
        parts.append(f"checkpoint {report['checkpoint']['why']}")
    if "table" in report:
        parts.append(f"Offset errors on {about}\n{report['table']}")
    if "phases" in report:
        parts.append(f"Phases on {about}\n{report['phases']['table']}")
    if "recognition" in report:
        parts.append(f"Recognition on {report['dataset']}\n{report['recognition']['table']}")
    if report.get("differences"):
        parts.append("\n".join(f"Note: {note}." for note in report["differences"]))
    return parts


main = command(build_parser, evaluate)
