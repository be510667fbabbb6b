"""``train.py``: train a frame encoder, or the two streams of CrissCross."""

from __future__ import annotations

from argparse import Namespace

from videosync.cli.common import (
    CommandParser,
    check_writable,
    command,
    command_parser,
    load_command_config,
    log_to_stdout,
)

DESCRIPTION = """Train a frame encoder on pairs of views (CARL's sequence contrastive loss), or two networks on
pictures and their sound (model.name=crisscross, CrissCross).

Runs as one process (python train.py), or several with torchrun, python -m torch.distributed.launch or srun.
Writes checkpoints/{last,best,epoch_NNNN}, metrics.jsonl, config.yaml and run.json into --logdir. SIGTERM and Ctrl-C
save 'last' and stop with exit code 143 or 130; --continue_train then goes on as if nothing had happened."""

SIGNAL_EXIT = 128  # the shell's convention: 128 + number of the signal


def build_parser() -> CommandParser:
    return command_parser(DESCRIPTION)


def train(args: Namespace) -> int:
    config = load_command_config(args, training=True)
    check_writable("--logdir", args.logdir)
    from videosync.engine.distributed import setup_distributed
    from videosync.engine.train import run_training

    log_to_stdout()
    with setup_distributed(config.train.backend, args.local_rank) as distributed:
        stopped = run_training(
            config,
            workdir=args.workdir,
            logdir=args.logdir,
            continue_train=args.continue_train,
            command=args.command,
            distributed=distributed,
        )
    return 0 if stopped is None else SIGNAL_EXIT + stopped


main = command(build_parser, train)
