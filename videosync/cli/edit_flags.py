"""Flags for what an answer is written as, which ``sync`` and ``export-timeline`` share."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videosync.cli.common import check_writable, expanded_path, report_note
from videosync.edit.addresses import KINDS
from videosync.edit.addresses import printable as marked
from videosync.edit.fcpxml import VERSIONS
from videosync.errors import ConfigError, VideoSyncError
from videosync.files import require_free

if TYPE_CHECKING:
    from videosync.edit.curves import Curve

Progress = Callable[[str, int, int], None]
VIDEOS = {"auto": None, "inside": True, "beside": False}  # where those of a page are
# flag → what it takes, its endings (none: a folder), what it means
FLAGS: dict[str, tuple[str, tuple[str, ...], str]] = {
    "report": ("FILE.html", (".html", ".htm"), "a page that plays all files in step, to check the answer and "
               "to move files by frames; it needs no network"),
    "preview": ("FILE.mp4", (".mp4", ".mov", ".mkv"), "one video of all views side by side on the common clock, with "
                "names and the running time drawn in"),
    "trim": ("FOLDER", (), "cut the files to the time that all have in common, frame by frame, and encode them anew "
             "(H.264, or HEVC where they are; AAC)"),
    "premiere": ("FILE.xml", (".xml",), "Final Cut Pro 7 XML, for Premiere Pro and Resolve: a track for each file"),
    "fcpxml": ("FILE.fcpxml", (".fcpxml",), "Final Cut Pro X XML 1.10: a multicam clip, and the files stacked"),
    "otio": ("FILE.otio", (".otio",), "OpenTimelineIO, for Resolve and Kdenlive: a track for each file"),
    "mlt": ("FILE.mlt", (".mlt",), "MLT XML, for Shotcut and melt: a track for each file"),
    "edl": ("FOLDER", (), "CMX 3600 edit lists, one for each file, of timelines of up to 60 frames/s"),
    "frames-csv": ("FILE.csv", (".csv",), "for each tick of a common clock the frame of every camera, and by how many "
                   "ms it is off: a row for each, and FILE_wide.csv with a row a tick"),
    "manifest": ("FOLDER", (), "add the videos as an event to FOLDER/manifest.jsonl, for training and evaluation"),
}  # fmt: skip


def add_edit_flags(parser: argparse.ArgumentParser) -> None:
    """One flag for each format, and those that say how."""
    group = parser.add_argument_group("what to write for editors and laboratories")
    for name, (takes, _, meaning) in FLAGS.items():
        group.add_argument(f"--{name}", type=expanded_path, metavar=takes, help=meaning)
    add_rate_flags(group)
    add_paths_flag(group)
    group.add_argument("--force", action="store_true", help="replace files that are there already")


def add_paths_flag(group: argparse._ArgumentGroup) -> None:
    """Where projects say that the files are."""
    group.add_argument(
        "--paths",
        choices=KINDS,
        default="absolute",
        help="how projects name the files: in full, or from the project's folder (default: %(default)s)",
    )


def add_rate_flags(group: argparse._ArgumentGroup) -> None:
    """How projects and cut files are made, for one answer or many."""
    group.add_argument(
        "--timeline-rate",
        type=_rate,
        metavar="FPS",
        help="frames/s of projects (default: the most frequent of the files'), and ticks/s of --frames-csv (default: "
        "the lowest of the files')",
    )
    group.add_argument(
        "--fcpxml-version", choices=VERSIONS, default=VERSIONS[0], help="of --fcpxml (default: %(default)s)"
    )
    group.add_argument(
        "--keep-names", action="store_true", help="--trim gives files their own names, without '_synced' in them"
    )
    group.add_argument(
        "--fast",
        action="store_true",
        help="--trim copies videos instead of encoding them anew: quick, without loss, and at any frame. They are MP4 "
        "or MOV with an edit list: programs that ignore it show some frames more at either end",
    )
    group.add_argument(
        "--correct-drift",
        action="store_true",
        help="--trim puts all files on the reference's clock: where one runs faster or slower, frames are repeated or "
        "left out and sound is resampled, so that no frame is more than half a frame off",
    )
    group.add_argument(
        "--report-videos",
        choices=VIDEOS,
        default="auto",
        help="whether the videos of --report are inside the page, or in a folder beside it (auto, the default: inside, "
        "up to 64 MB)",
    )


def check_outputs(args: argparse.Namespace) -> None:
    """Asked before any work. Raises VideoSyncError: something cannot be written, or would be overwritten."""
    for name, (takes, endings, _) in FLAGS.items():
        path = _asked(args, name)
        if path is None:
            continue
        check_writable(f"--{name}", path.parent if endings else path)
        if endings and path.suffix.lower() not in endings:
            raise ConfigError(f"--{name} {path}: expected a name that ends in {endings[0]}, as in {takes}")
        if endings:
            require_free([path], force=args.force)
    check_ways(args)


def check_ways(args: argparse.Namespace) -> None:
    """Raises ConfigError: flags of ``--trim`` without it, or that contradict each other."""
    if args.fast and args.correct_drift:
        raise ConfigError("--fast and --correct-drift: what is copied keeps its own clock; leave one of them out")
    if args.fast and not args.trim:
        raise ConfigError("--fast: only --trim writes videos that can be copied; add --trim")
    if args.correct_drift and not args.trim:
        raise ConfigError(
            "--correct-drift: only --trim makes files whose clocks can be corrected; add --trim (--frames-csv "
            "follows a drift as it is, and projects note it at the clip)"
        )


def write_outputs(
    args: argparse.Namespace, answer: Mapping[str, Any], progress: Progress | None = None, curves: Sequence[Curve] = ()
) -> None:
    """Write all that was asked for; what cannot be written does not keep the rest. Raises VideoSyncError at the end.

    ``progress``: called with (path, frames done, frames in all) while frames are encoded. ``curves``: for ``--report``.
    """
    asked = {name: path for name in FLAGS if (path := _asked(args, name)) is not None}
    if not asked:
        return
    from videosync.edit.writers import write_answer

    problems = []
    for name, path in asked.items():
        for file in answer.get("files") or () if name == "mlt" else ():
            if file["placed"] and marked(file["path"]) != file["path"]:
                report_note(f"--mlt: {file['path']}: XML cannot hold this name, so players miss the file; rename it")
        try:
            written = write_answer(
                answer, name, path, paths=args.paths, force=args.force, progress=progress, curves=curves, **ways(args)
            )
            for file in written:
                report_note(f"written: {file}")
        except VideoSyncError as error:
            problems.append(f"--{name}: {error}")
    if problems:
        raise ConfigError("; ".join(problems))


def ways(args: argparse.Namespace) -> dict[str, Any]:
    """What ``add_rate_flags`` took, as ``write_answer`` takes it."""
    return {
        "rate": args.timeline_rate, "version": args.fcpxml_version, "keep_names": args.keep_names, "fast": args.fast,
        "correct_drift": args.correct_drift, "embed": VIDEOS[args.report_videos],
    }  # fmt: skip


def _asked(args: argparse.Namespace, name: str) -> Path | None:
    path: Path | None = getattr(args, name.replace("-", "_"))
    return path


def _rate(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1000:
        raise argparse.ArgumentTypeError(f"{text!r} must be a number of frames per second, as in 25 or 29.97")
    return value
