"""What the scripts that turn whole files into clips have in common: flags, the reader they make, what it tells."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from dataset_preparation.arguments import Limit, PreparationParser, preparation_parser
from dataset_preparation.clips.cut import Encoding
from dataset_preparation.clips.dataset import Dropped, make_report, print_dropped
from dataset_preparation.usual_places import KnownArchive
from dataset_preparation.whole.read import Needs
from dataset_preparation.whole.reading import Reader
from dataset_preparation.whole.unreadable import UNREADABLE_NAME, UnreadableList, read_unreadable
from dataset_preparation.whole.video import WholeVideo
from videosync.data.samples import MANIFEST_NAME
from videosync.errors import ManifestError, printable

LIMITS: dict[str, Limit] = {"min_seconds": (lambda value: 0 <= value < float("inf"), "0 or more seconds")}


def whole_parser(
    prog: str, description: str, archive: KnownArchive, *, unit: str, size: int, min_seconds: float = 0.0
) -> PreparationParser:
    """The flags of :func:`preparation_parser`, ``--exclude`` and ``--min_seconds``."""
    parser = preparation_parser(prog, description, archives=[archive], size=size, unit=unit)
    parser.add_argument(
        "--exclude",
        type=Path,
        metavar="FILE",
        help="a text file of the form of unreadable.txt, with further videos to leave out",
    )
    parser.add_argument(
        "--min_seconds",
        type=float,
        default=min_seconds,
        help="leave out files with fewer seconds of pictures or, where sound is needed, of sound beside them "
        "(default %(default)s)",
    )
    return parser


def open_reader(args: Namespace, needs: Needs, *, manifests: Sequence[str] = (MANIFEST_NAME,)) -> Reader:
    """The reader that the flags describe. Raises ManifestError: a list of files to leave out cannot be read."""
    return Reader(
        data_root=args.data_root,
        output_dir=args.output_dir,
        encoding=Encoding(args.size, args.crf, sound=True),
        workers=args.workers,
        cluster=args.cluster,
        listed=read_unreadable(args.output_dir / UNREADABLE_NAME),
        excluded=_read_excluded(args.exclude),
        needs=needs,
        manifests=manifests,
    )


def settings_of(args: Namespace, reader: Reader, **more: Any) -> dict[str, Any]:
    """What report.json says of the flags."""
    return {**reader.encoding.settings, "limit": args.limit, "min_seconds": args.min_seconds, **more}


def print_found(found: dict[str, int], reader: Reader, paths: Collection[str]) -> None:
    """Counts of what the archive holds, and lines that leave out a file that is none of ``paths``."""
    for name, count in found.items():
        print(f"found  {count} {name}")
    unknown = reader.unknown_lines(paths)
    if unknown:
        first = printable(unknown[0])
        print(f"note: {len(unknown)} lines that leave a file out name none that is there, the first: {first}")


def print_plan(reader: Reader, videos: Sequence[WholeVideo], dropped: Sequence[Dropped]) -> None:
    """What would not be read; no video is opened."""
    skipped = [video for video in videos if reader.skip(video)]
    print_dropped(make_report([], [*dropped, *reader.dropped(skipped)], {}, data_root=reader.data_root))


def _read_excluded(file: Path | None) -> UnreadableList:
    if file is None:
        return UnreadableList()
    if not file.is_file():
        raise ManifestError(f"--exclude {file}: is not a file; give a text file with a path on each line")
    return read_unreadable(file).for_any_copy()
