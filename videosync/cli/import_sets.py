"""``videosync import-sets FOLDER``: similarity matrices of the VideoSync research code → similarity sets."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from videosync.cli.common import CommandParser, check_writable, command, expanded_path, spread
from videosync.errors import ConfigError

DEFAULT_MAX_OFFSET = 30  # of the published code's classifiers


def build_parser() -> CommandParser:
    parser = CommandParser(
        description="Turn {prefix}_{split}_softmaxed_sim_12.npy and its labels into similarity sets, for "
        "train_sync_offset_detector.py and eval_sync_offset_detector.py. No code in the files is run. They hold one "
        "direction of each pair; the other one is made from the columns."
    )
    add = parser.add_argument
    add("folder", type=expanded_path, help="folder of the .npy files")
    add("--prefix", required=True, help="what their names begin with")
    add("--dataset_prefix", help="name of the new set (default: the same prefix)")
    add(
        "--sets",
        type=expanded_path,
        default=Path("similarity_sets"),
        help="folder of the new set (default %(default)s)",
    )
    add(
        "--max-offset",
        type=int,
        help=f"offsets lie in -K … K (default: {DEFAULT_MAX_OFFSET}, or the largest label where that is more)",
    )
    add("--fps", type=float, default=30.0, help="frames/s of the videos, for errors in ms (default %(default)g)")
    return parser


def import_sets(args: Namespace) -> None:
    if not 0 < args.fps < 1e6:
        raise ConfigError(f"--fps {args.fps:g}: must be a number above 0.")
    from videosync.carl.sets import find_splits, largest, read_split, write_split  # torch slows --help
    from videosync.similarity.store import similarity_set_exists

    check_writable("--sets", args.sets)
    splits = {split: read_split(args.folder, args.prefix, split) for split in find_splits(args.folder, args.prefix)}
    size, worst = largest(list(splits.values()))
    max_offset = max(DEFAULT_MAX_OFFSET, worst) if args.max_offset is None else args.max_offset
    prefix = args.dataset_prefix or args.prefix
    for split, old in splits.items():
        replaced = "; replaces the set that was there" if similarity_set_exists(args.sets, prefix, split) else ""
        write_split(old, args.sets, prefix, split, max_offset=max_offset, fps=args.fps, size=size)
        shown = spread([len(matrix) for matrix in old.matrices])
        cut = f"; {old.cut} that were not square are cut to their shorter side" if old.cut else ""
        print(
            f"{prefix}_{split}: {len(old.matrices)} pairs of {shown} frames, offsets within ±{max_offset}{cut}"
            f"{replaced}"
        )
    print(f"wrote them to {args.sets}; every pair counts as an event of its own, since the files name no events")


main = command(build_parser, import_sets)
