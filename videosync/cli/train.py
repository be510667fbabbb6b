"""``train.py``: train a frame encoder."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence

from videosync.cli.common import (
    check_writable,
    command_parser,
    launched_rank,
    load_command_config,
    run_command,
)
from videosync.cli.typed import typed_command

DESCRIPTION = """Train a frame encoder on pairs of views (CARL's sequence contrastive loss).

Runs as one process (python train.py), or several with torchrun, python -m torch.distributed.launch or srun.
Leaves checkpoints/{last,best,epoch_NNNN}, metrics.jsonl, config.yaml and run.json in --logdir. SIGTERM and
Ctrl-C save 'last' and stop with exit code 143 or 130; --continue_train then goes on as if nothing had
happened."""

SIGNAL_EXIT = 128  # the shell's convention: 128 + number of the signal


def main(argv: Sequence[str] | None = None) -> int:
    parser = command_parser(DESCRIPTION)
    args = parser.parse_args(argv)

    def job() -> int:
        config = load_command_config(args, training=True)
        check_writable("--logdir", args.logdir)
        from videosync.engine.distributed import setup_distributed
        from videosync.engine.train import run_training

        level = logging.INFO if launched_rank() == 0 else logging.WARNING
        logging.basicConfig(level=level, format="%(message)s", stream=sys.stdout)
        with setup_distributed(config.train.backend, args.local_rank) as distributed:
            stopped = run_training(
                config,
                workdir=args.workdir,
                logdir=args.logdir,
                continue_train=args.continue_train,
                command=typed_command(argv),
                distributed=distributed,
            )
        return 0 if stopped is None else SIGNAL_EXIT + stopped

    return run_command(job)
