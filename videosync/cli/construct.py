"""``construct_softmaxed_sim_dataset.py``: similarity matrices of train and val pairs."""

from __future__ import annotations

from collections.abc import Sequence

from videosync.cli.common import (
    check_writable,
    command_parser,
    expanded_path,
    load_command_config,
    run_command,
)

DESCRIPTION = """Build a similarity set: for every sync pair of the train and val splits, the similarity matrix
(softmax over its rows) of the two windows' embeddings in both directions, with the true offset as its label.

An offset k means: frame i of video 0 shows the moment of frame i + k of video 1
(k > 0: video 1 started first). The set goes to paths.sets (default: ./similarity_sets) as
PREFIX_SPLIT_matrices.npy, PREFIX_SPLIT_labels.npy and PREFIX_SPLIT.json, complete or not at all.
A set of the same name is replaced."""


def main(argv: Sequence[str] | None = None) -> int:
    parser = command_parser(
        DESCRIPTION,
        continue_train="keep the splits that are there, made from the same weights, pairs, labels, video files, "
        "options and code",
    )
    parser.add_argument(
        "--dataset_prefix", required=True, metavar="PREFIX", help="name of the set to make, without folders"
    )
    args = parser.parse_args(argv)

    def job() -> None:
        config = load_command_config(args)
        folder = expanded_path(config.paths.sets)
        check_writable("paths.sets", folder)
        from videosync.engine.construct import construct_similarity_sets
        from videosync.engine.distributed import setup_distributed

        with setup_distributed(config.train.backend, args.local_rank) as distributed:
            lines = construct_similarity_sets(
                config,
                workdir=args.workdir,
                logdir=args.logdir,
                folder=folder,
                prefix=args.dataset_prefix,
                keep_finished=args.continue_train,
                distributed=distributed,
            )
            if distributed.is_main:
                print("\n".join(lines), flush=True)

    return run_command(job)
