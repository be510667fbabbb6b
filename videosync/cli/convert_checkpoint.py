"""``videosync convert-checkpoint``: CARL's and VideoSync's .pth files ↔ the project's own checkpoints."""

from __future__ import annotations

from argparse import Namespace

from videosync.arguments import at_least
from videosync.cli.common import CommandParser, command, expanded_path
from videosync.errors import CheckpointError


def build_parser() -> CommandParser:
    parser = CommandParser(
        description="Turn a checkpoint of CARL or of the VideoSync research code (checkpoint_epoch_00299.pth) into one "
        "of this project, or the other way round, depending on what SOURCE is. If a weight is missing, unknown or of "
        "the wrong shape, it is named and nothing is written. Commands also read such files as they are: --logdir "
        "may name one, or a folder with checkpoints/checkpoint_epoch_*.pth.",
        epilog="to ours:   videosync convert-checkpoint checkpoint_epoch_00299.pth runs/carl --num-frames 240\n"
        "to CARL's: videosync convert-checkpoint runs/demo demo.pth --checkpoint best",
    )
    add = parser.add_argument
    add("source", type=expanded_path, help="a .pth file, or the --logdir of a training run")
    add("target", type=expanded_path, help="the --logdir to write (to ours), or a .pth file to write")
    add("--checkpoint", default="best", help="which one of a run: best (default), last, epoch_0010")
    add("--num-frames", type=at_least(1), help="frames of a training clip, if the file does not say")
    add("--heads", type=at_least(1), help="attention heads, if the file does not say")
    return parser


def convert(args: Namespace) -> None:
    from videosync.carl.convert import convert_from_carl  # torch would slow --help down
    from videosync.checkpoints.carl import PICKLES, write_carl_checkpoint
    from videosync.checkpoints.checkpoint import find_checkpoint

    if not args.source.is_dir():
        print("\n".join(convert_from_carl(args.source, args.target, num_frames=args.num_frames, heads=args.heads)))
        return
    if args.target.suffix not in PICKLES:
        raise CheckpointError(f"{args.target}: expected the name of a file that ends in {', '.join(PICKLES)}")
    if args.target.exists():
        raise CheckpointError(f"{args.target}: there already; choose another name")
    checkpoint = find_checkpoint(args.source, args.checkpoint)
    write_carl_checkpoint(checkpoint, args.target)
    print(f"{checkpoint.folder} (epoch {checkpoint.epoch}) → {args.target}")


main = command(build_parser, convert)
