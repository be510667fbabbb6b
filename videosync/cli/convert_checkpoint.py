"""``videosync convert-checkpoint``: CARL's and VideoSync's .pth files ↔ the project's own checkpoints."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from videosync.arguments import at_least
from videosync.cli.common import CommandParser, command, expanded_path
from videosync.errors import CheckpointError

PICKLES = (".pth", ".pt", ".tar", ".ckpt")


def build_parser() -> CommandParser:
    parser = CommandParser(
        description="Turn a checkpoint of CARL or of the VideoSync research code (checkpoint_epoch_00299.pth) into one "
        "of this project, or the other way round: what SOURCE is decides. Weights are carried over one by one; a "
        "missing, surplus or misshapen one is named, and nothing is written. Commands also read such files as they "
        "are: --logdir may name one, or a folder with checkpoints/checkpoint_epoch_*.pth.",
        epilog="to ours:   videosync convert-checkpoint checkpoint_epoch_00299.pth runs/carl --num-frames 240\n"
        "to CARL's: videosync convert-checkpoint runs/demo demo.pth --checkpoint best",
    )
    parser.add_argument("source", type=expanded_path, help="a .pth file, or the --logdir of a training run")
    parser.add_argument("target", type=expanded_path, help="the --logdir to write (to ours), or a .pth file to write")
    parser.add_argument("--checkpoint", default="best", help="which one of a run: best (default), last, epoch_0010")
    parser.add_argument(
        "--num-frames", type=at_least(1), help="training length of the positions, where the file does not tell"
    )
    parser.add_argument("--heads", type=at_least(1), help="attention heads, where the file does not tell")
    return parser


def convert(args: Namespace) -> None:
    if args.source.is_dir():
        to_carl(args.source, args.checkpoint, args.target)
        return
    from videosync.carl.convert import convert_from_carl

    print("\n".join(convert_from_carl(args.source, args.target, num_frames=args.num_frames, heads=args.heads)))


def to_carl(logdir: Path, name: str, target: Path) -> None:
    from videosync.checkpoints.carl import write_carl_checkpoint  # torch would slow --help down
    from videosync.checkpoints.checkpoint import find_checkpoint

    if target.suffix not in PICKLES:
        raise CheckpointError(f"{target}: expected the name of a file that ends in {', '.join(PICKLES)}")
    if target.exists():
        raise CheckpointError(f"{target}: there already; choose another name")
    checkpoint = find_checkpoint(logdir, name)
    write_carl_checkpoint(checkpoint, target)
    print(f"{checkpoint.folder} (epoch {checkpoint.epoch}) → {target}")


main = command(build_parser, convert)
