"""Command lines of the preparation scripts: the flags all of them have, and one sentence for a wrong one."""

from __future__ import annotations

import argparse
import os
import sys
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dataset_preparation.usual_places import PLACES, KnownArchive, usual_folders
from videosync.arguments import SentenceParser
from videosync.errors import VideoSyncError, printable

Limit = tuple[Callable[[Any], bool], str]  # what is accepted, the same in words
NOT_NEGATIVE: Limit = (lambda value: value >= 0, "0 or more")
SHARE: Limit = (lambda value: 0 <= value <= 1, "a share from 0 to 1")
POSITIVE: Limit = (lambda value: value >= 1, "1 or more")
COMMON: dict[str, Limit] = {
    "size": (lambda value: value >= 2 and value % 2 == 0, "an even number, 2 or more"),
    "crf": (lambda value: 0 <= value <= 51, "0 to 51"),
    "workers": POSITIVE,
    "limit": NOT_NEGATIVE,
    "seed": (lambda value: 0 <= value < 2**63, f"0 to {2**63 - 1}"),
    "val_share": SHARE,
}
STOPPED, CUT_OFF = 130, 141  # exit codes after Ctrl-C and after a closed pipe, as shells have them


class PreparationParser(SentenceParser):
    """The parser of a preparation script: folders may stand before, between and after the flags."""

    archives: Sequence[KnownArchive] = ()  # that are looked for where no folder is given
    intermixed = True


def preparation_parser(
    prog: str,
    description: str,
    *,
    archives: Sequence[KnownArchive] = (),
    size: int | None = 224,
    crf: int = 12,
    unit: str = "events",
) -> PreparationParser:
    """The flags that all preparation scripts have.

    Args:
        archives: what is looked for where no folder is given; none: both folders must be given.
        size: default of ``--size``; None: the script writes no resized clips (no ``--size``, no ``--crf``).
        unit: what ``--limit`` counts.
    """
    parser = PreparationParser(prog=prog, description=description)
    parser.archives = archives
    for flag, place, text, shown in (
        ("--data_root", "root", "folder of the archive", [archive.raw for archive in archives]),
        ("--output_dir", "out", "dataset folder to write", [archive.dataset for archive in archives]),
    ):
        usual = f" (default: {' or '.join(shown)} in the first of {', '.join(PLACES)})" if shown else ""
        parser.add_argument(flag, type=_folder, help=text + usual)
        parser.add_argument(place, nargs="?", type=_folder, help=f"the same as {flag}")
    if size is not None:
        parser.add_argument(
            "--size", type=int, default=size, help="height and width of the clips in pixels, even (default %(default)s)"
        )
        parser.add_argument(
            "--crf", type=int, default=crf, help="quality of the H.264 clips: 0 lossless … 51 (default %(default)s)"
        )
    parser.add_argument(
        "--workers",
        type=int,
        default=os.cpu_count() or 1,
        help="files processed at once on this machine (default: one a core, %(default)s)",
    )
    parser.add_argument(
        "--cluster",
        metavar="ADDRESS",
        help="address of a Dask scheduler, e.g. tcp://head:8786: work on its workers instead; all see the "
        "folders under the same paths (needs pip install 'videosync[cluster]')",
    )
    parser.add_argument("--limit", type=int, default=0, help=f"only the first this many {unit}; 0: all (default)")
    parser.add_argument("--dry_run", action="store_true", help="say what would be done and write nothing")
    return parser


def run_script(
    parser: PreparationParser,
    argv: Sequence[str] | None,
    run: Callable[[Namespace], int],
    *,
    limits: Mapping[str, Limit] | None = None,
) -> int:
    """Parse, check and run (with absolute folders, which workers elsewhere understand); returns the exit code.

    A number outside its limits, an output folder that is a file or the archive itself, every VideoSyncError, and a
    file or folder that the system refuses are one sentence and code 2; Ctrl-C is a sentence and code 130.
    """
    args = parser.parse_args(argv)
    _take_places(parser, args)
    for flag, (accepts, expected) in {**COMMON, **(limits or {})}.items():
        value = getattr(args, flag, None)
        if value is not None and not accepts(value):
            parser.error(f"--{flag} {value}: must be {expected}")
    try:
        for folders in _folders(parser, args):
            args.data_root, args.output_dir = (folder.absolute() for folder in folders)
            if args.output_dir.exists() and not args.output_dir.is_dir():
                parser.error(f"--output_dir {args.output_dir}: is a file; give a folder to write")
            if os.path.realpath(args.output_dir) == os.path.realpath(args.data_root):
                parser.error(
                    f"--output_dir {args.output_dir}: holds the recordings, which would be overwritten; give another"
                )
            if code := run(args):
                return code
        return 0
    except VideoSyncError as error:
        print(f"error: {printable(str(error))}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader of a pipe, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CUT_OFF
    except UnicodeEncodeError as error:
        name = ascii(error.object[max(0, error.start - 60) : error.end + 20])
        print(f"error: {name} cannot be written as {error.encoding} text; rename the file or folder", file=sys.stderr)
        return 2
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        said = f"{place}{error.strerror or error}; check that it can be read or written, and that there is room"
        print(f"error: {printable(said)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; the same command goes on where it left off", file=sys.stderr)
        return STOPPED


def _take_places(parser: PreparationParser, args: Namespace) -> None:
    """ROOT and OUT are --data_root and --output_dir by place; each is given once, and both where nothing is usual."""
    for name, place in (("data_root", args.root), ("output_dir", args.out)):
        if place and getattr(args, name):
            parser.error(f"the folder {place} and --{name} {getattr(args, name)}: give one of the two")
        setattr(args, name, place or getattr(args, name))
        if not parser.archives and getattr(args, name) is None:
            parser.error(f"--{name} is missing; give the folder (see '{parser.prog} --help')")


def _folders(parser: PreparationParser, args: Namespace) -> list[tuple[Path, Path]]:
    """(--data_root, --output_dir) of what is to be prepared: what was given, or all that lies in the usual places."""
    if args.data_root:
        named = (archive for archive in parser.archives if Path(archive.raw).name == args.data_root.name)
        archive = next(named, parser.archives[0] if parser.archives else None)
        default = Path(PLACES[0], archive.dataset) if archive else args.output_dir
        return [(args.data_root, args.output_dir or default)]
    found = usual_folders(parser.archives)
    if args.output_dir and len(found) > 1:
        listed = " and ".join(str(root) for root, _ in found)
        parser.error(f"--output_dir {args.output_dir}: found {listed}; say with --data_root which of them goes there")
    for root, dataset in found:
        print(f"found {root}; the dataset goes to {args.output_dir or dataset}")
    return [(root, args.output_dir or dataset) for root, dataset in found]


def _folder(text: str) -> Path:
    """A path of the command line. What no file can be named after is argparse's to refuse, in a sentence."""
    if not text:
        raise argparse.ArgumentTypeError("is empty (an unset variable of the shell?); give a folder")
    try:
        text.encode()
        return Path(text).expanduser()
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError("is no UTF-8 text; rename the folder, or link it") from None
    except RuntimeError:  # from expanduser
        raise argparse.ArgumentTypeError(f"'{text}': there is no such user; give a folder") from None


def require_folder(data_root: Path, expected: str) -> None:
    """Raise VideoSyncError unless the archive's folder is there; ``expected`` says what it must hold."""
    if not data_root.is_dir():
        raise VideoSyncError(f"--data_root {data_root} is not a folder; give the one that holds {expected}")
