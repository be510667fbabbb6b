"""``construct_softmaxed_sim_dataset.py``: similarity matrices of train and val pairs."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from videosync.cli.common import (
    OFFSET,
    CommandParser,
    check_writable,
    command,
    command_parser,
    load_command_config,
    spread,
)

if TYPE_CHECKING:
    from videosync.engine.construct import WrittenSets

DESCRIPTION = f"""Build a similarity set: for every sync pair of the train and val splits, the similarity matrix
(softmax over its rows) of the two windows' embeddings in both directions, with the true offset as its label. The set
goes to paths.sets (default: ./similarity_sets) as PREFIX_SPLIT_matrices.npy, PREFIX_SPLIT_labels.npy and
PREFIX_SPLIT.json, complete or not at all. A set of the same name is replaced.

{OFFSET}"""


def build_parser() -> CommandParser:
    parser = command_parser(
        DESCRIPTION,
        continue_train="keep the splits that are there, made from the same weights, pairs, labels, video files, "
        "options and code, and go on with one that was cut off",
    )
    parser.add_argument(
        "--dataset_prefix", required=True, metavar="PREFIX", help="name of the set to make, without folders"
    )
    return parser


def construct(args: Namespace) -> None:
    config = load_command_config(args)
    folder = Path(config.paths.sets)
    check_writable("paths.sets", folder)
    from videosync.engine.construct import construct_similarity_sets
    from videosync.engine.distributed import setup_distributed

    with setup_distributed(config.train.backend, args.local_rank) as distributed:
        written = construct_similarity_sets(
            config,
            workdir=args.workdir,
            logdir=args.logdir,
            folder=folder,
            prefix=args.dataset_prefix,
            keep_finished=args.continue_train,
            distributed=distributed,
        )
        if distributed.is_main:
            print("\n".join(describe(written)), flush=True)


def describe(written: WrittenSets) -> list[str]:
    """A sentence for the checkpoint, each split and each note."""
    lines = [f"checkpoint {written.checkpoint}"] if written.checkpoint else []
    for one in written.sets:
        replaced = f"; replaces one made otherwise: {'; '.join(one.replaced)}" if one.replaced else ""
        begun = f", {one.taken_over} of them by a job that was cut off" if one.taken_over else ""
        made = f"{one.num_pairs} pairs of {spread(one.frames)} frames in {written.folder}{begun}{replaced}"
        lines.append(f"{one.name}: {f'already in {written.folder}, made from the same' if one.kept else made}")
    return [*lines, *(f"Note: {note}." for note in written.notes)]


main = command(build_parser, construct)
