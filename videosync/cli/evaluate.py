"""``evaluate.py``: how well the offsets of a split are found with a trained encoder."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence

from videosync.cli.common import (
    check_writable,
    command_parser,
    expanded_path,
    load_command_config,
    run_command,
)

DESCRIPTION = """Encode the sync pairs of a split with the encoder trained in --logdir, predict each pair's offset
with the label-free methods (and any trained detector), and report errors in frames and milliseconds.

An offset k means: frame i of video 0 shows the moment of frame i + k of video 1
(k > 0: video 1 started first).
Methods and detectors are chosen with --opts eval.methods=[median,diagonal] eval.detectors=[prefix/cnn]."""


def main(argv: Sequence[str] | None = None) -> int:
    parser = command_parser(
        DESCRIPTION,
        continue_train="show a finished evaluation of the same encoder with the same options again "
        "instead of repeating it",
    )
    parser.add_argument(
        "--output_dir",
        type=expanded_path,
        default=None,
        metavar="FOLDER",
        help="folder for metrics.json, pairs.csv and pictures (default: LOGDIR/evaluation/DATASET_SPLIT)",
    )
    args = parser.parse_args(argv)

    def job() -> None:
        config = load_command_config(args)
        from videosync.engine.distributed import setup_distributed
        from videosync.engine.evaluate import run_evaluation

        output = args.output_dir or args.logdir / "evaluation" / f"{config.data.dataset}_{config.eval.split}"
        check_writable("--output_dir", output)
        with setup_distributed(config.train.backend, args.local_rank) as distributed:
            table = run_evaluation(
                config,
                workdir=args.workdir,
                logdir=args.logdir,
                output=output,
                keep_finished=args.continue_train,
                command=shlex.join(sys.argv if argv is None else [sys.argv[0], *argv]),
                distributed=distributed,
            )
            if distributed.is_main:
                print(f"\nOffset errors on {config.data.dataset}, split {config.eval.split}\n{table}\n")
                print(f"Numbers, pairs and pictures are in {output}.", flush=True)

    return run_command(job)
