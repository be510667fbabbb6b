"""``videosync sync A B …``: put videos of one event on one timeline."""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from videosync.cli.bar import FrameBar
from videosync.cli.common import CommandParser, check_writable, command, expanded_path, report_note
from videosync.cli.edit_flags import add_edit_flags, check_outputs, write_outputs
from videosync.cli.sync_report import describe
from videosync.cues import DEFAULT_CUE
from videosync.errors import ConfigError, VideoError
from videosync.files import new_file
from videosync.models import SHIPPED
from videosync.timeline.progress import OPENING

if TYPE_CHECKING:
    from videosync.edit.curves import Curve

NOT_PLACED = 3
PICTURES = (".png", ".jpg", ".pdf", ".svg")
DESCRIPTION = """Find the time offsets between videos of one event from their pixels, and from their sound where two of
them have any: no markers or calibration are needed. Works best with static cameras; where a camera moves, its own
motion is removed first. Lengths and frame rates may differ. Files with sound only, a recorder's, are placed by it.

Starts are given on one timeline: a camera that started later has a larger number. The offset of a pair (0, 1) is
start of 0 minus start of 1: positive if video 1 started first. The confidence of a file is that of its weakest tie to
the others; the reference, which starts at 0, has one too. Of more than eight files only likely pairs are compared.

Pictures and sound are two witnesses. Where they agree, the start is that of the pictures, and surer; where they do not,
pictures that are sure are not moved by sound (music may have been put under, or played again), and it is said. Sound
takes 29 ms for 10 m, so what it alone places is no more exact than that: see --microphone-distance.

--cue chooses what is compared; --encoder chooses the network that the cues motion-learned (the default) and learned
use, and --detector what reads its similarity. Confidence was calibrated with the encoder that comes with VideoSync and
no detector, and is an estimate with others.

Exit code 0: every file is placed; 2: wrong input; 3: a file could not be placed with confidence (the reason is
given)."""


def build_parser() -> CommandParser:
    parser = CommandParser(description=DESCRIPTION)
    add = parser.add_argument
    add(
        "videos",
        nargs="+",
        type=os.path.expanduser,
        metavar="VIDEO",
        help="two or more videos, or recordings of sound, of one event; of a folder all that are in it",
    )
    add(
        "--reference",
        type=expanded_path,
        metavar="VIDEO",
        help="the one of them that starts at 0 (default: the earliest)",
    )
    add(
        "--max-offset",
        type=_seconds,
        metavar="SECONDS",
        help="largest offset between two videos to consider (default: any that leaves --min-overlap)",
    )
    add(
        "--min-overlap",
        type=_seconds,
        metavar="SECONDS",
        help="shortest time that two videos must have in common (default: a quarter of the shorter video, at least "
        "30 frames (or half of it, if shorter) and at most 10 s; of sound 2 s, or half of the shorter)",
    )
    add(
        "--cue",
        default=DEFAULT_CUE,
        metavar="NAME",
        help="what to compare (default: %(default)s): motion (how much moves, how and where), "
        "motion-learned (motion, and embeddings of an encoder), learned (the embeddings alone), sound-learned "
        "(embeddings of the sound, by a network of CrissCross), or a single part of motion",
    )
    add(
        "--encoder",
        type=_encoder_name,
        metavar="RUN",
        help="the encoder of the cues motion-learned and learned (of CrissCross: of sound-learned): the folder of a "
        "training run or of videosync export, or a CARL or VideoSync "
        "checkpoint (.pth); pictures get the size that it was trained with. Default: "
        f"{SHIPPED}, which comes with VideoSync",
    )
    add(
        "--detector",
        type=os.path.expanduser,
        metavar="FOLDER",
        help="a trained detector (equivariant) that reads the similarity of the encoder's embeddings, in place of the "
        "mean along its diagonals: its folder, or prefix/name of one in detectors/ here or in --workdir",
    )
    add(
        "--workdir",
        type=expanded_path,
        default=expanded_path(os.environ.get("VIDEOSYNC_WORKDIR", ".")),
        metavar="FOLDER",
        help="folder that holds detectors/, for --detector prefix/name (default: $VIDEOSYNC_WORKDIR, or here)",
    )
    add(
        "--audio",
        choices=("auto", "only", "off"),
        default="auto",
        help="auto (default): sound is a second witness of every two files that have any; only: no pictures are "
        "compared; off: no sound is",
    )
    add(
        "--microphone-distance",
        type=_metres,
        metavar="METRES",
        help="how far apart the microphones are, at most: sound is late by this / 343 s at most, which is in the "
        "interval of what sound alone places (default: 10, ±29 ms; pictures and sound may differ by 0.1 s)",
    )
    add(
        "--accept",
        type=_probability,
        metavar="P",
        help="also place files whose best guess is right with this probability or more (0.5: more likely right than "
        "wrong); they are marked as accepted",
    )
    add(
        "--at",
        type=_anchor,
        action="append",
        default=[],
        metavar="VIDEO=SECONDS",
        help="set the start of one of the files by hand, as in --at cam1.mp4=12.48; the others are placed around it. "
        "Several may be set; --reference starts at 0",
    )
    add(
        "--cache",
        type=expanded_path,
        metavar="FOLDER",
        help="keep what is measured of the pictures in this folder, so that a second question about the same files "
        "takes seconds; files that have changed are measured anew, and the folder may be deleted at any time",
    )
    add(
        "--thorough",
        action="store_true",
        help="decode all of every file. Otherwise, of up to four files that all last ten minutes or more, parts are "
        "decoded first, and the rest only where these leave a doubt (no clear answer, a break, another speed, a moving "
        "camera, pictures that files share)",
    )
    add("--json", metavar="FILE", help="write the answer as JSON to FILE; '-' prints only the JSON to standard output")
    add("--plot", type=expanded_path, metavar="FILE.png", help="draw the scores of offsets, and aligned film strips")
    add_edit_flags(parser)
    return parser


def _encoder_name(text: str) -> str | Path:
    """The shipped encoder's name, or a path, which may begin with ``~``."""
    return text if text == SHIPPED else expanded_path(text)


def _seconds(text: str) -> float:
    value = _number(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} must be a positive number of seconds")
    return value


def _probability(text: str) -> float:
    value = _number(text)
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} must be a probability above 0 and at most 1")
    return value


def _anchor(text: str) -> tuple[str, float]:
    name, _, seconds = text.rpartition("=")
    if not name or not math.isfinite(value := _number(seconds)):
        raise argparse.ArgumentTypeError(f"{text!r} must be the name of a file and seconds, as in cam1.mp4=12.48")
    return os.path.expanduser(name), value


def _anchors(listed: Sequence[tuple[str, float]]) -> dict[str | os.PathLike[str], float]:
    """Raises VideoError: two starts of one name."""
    at: dict[str | os.PathLike[str], float] = {}
    for name, start in listed:
        if at.setdefault(name, start) != start:
            raise VideoError(f"{name}: cannot start at {start:g} s and at {at[name]:g} s; leave one --at out.")
    return at


def _metres(text: str) -> float:
    value = _number(text)
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} must be a number of metres, 0 or more")
    return value


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _sync(args: argparse.Namespace) -> int:
    from videosync.timeline.anchors import read_anchors
    from videosync.timeline.inputs import check_files, find_file

    paths = check_files(args.videos)
    json_file = None if args.json in (None, "-") else expanded_path(args.json)
    _check_output("--json", json_file, (".json",), paths)
    _check_output("--plot", args.plot, PICTURES, paths)
    if args.cache is not None:
        check_writable("--cache", args.cache)
    check_outputs(args)
    asked = None if args.reference is None else paths[find_file(args.reference, paths)]
    at = _anchors(args.at)
    read_anchors(at, paths, None if asked is None else paths.index(asked))
    with FrameBar() as bar:
        bar(OPENING, 0, len(paths))  # imports take a second
        from videosync.timeline.conclude import conclude
        from videosync.timeline.evidence import gather

        detector = None
        if args.detector is not None:
            from videosync.engine.detector_sets import load_clip_detector

            detector = load_clip_detector(args.detector, workdir=args.workdir)
        evidence = gather(
            paths, max_offset=args.max_offset, min_overlap=args.min_overlap, cue=args.cue, encoder=args.encoder,
            detector=detector, progress=bar, audio=args.audio, microphone_distance=args.microphone_distance,
            cache=args.cache, thorough=args.thorough,
        )  # fmt: skip
        timeline = conclude(evidence, asked, accept=args.accept, at=at, progress=bar)
    for note in (*timeline.notes, *(file.note for file in timeline.files)):
        if note is not None:
            report_note(note)
    if asked is not None and timeline.reference not in (None, asked):
        report_note(f"{asked} could not be placed; starts are relative to {timeline.reference} instead")
    answer = timeline.to_json()
    text = json.dumps(answer, indent=1)  # ASCII: names may be no valid Unicode
    if args.json == "-":
        print(text)
    else:
        grey = sys.stdout is not None and sys.stdout.isatty() and "NO_COLOR" not in os.environ
        _say("\n".join(describe(timeline, grey=grey)))
    if json_file is not None:
        _write(json_file, lambda path: path.write_text(text + "\n", encoding="utf-8"))
    if args.plot is not None and not evidence.curves and not evidence.sounds.matches:
        report_note(f"no two videos could be compared, so there is nothing to plot in {args.plot}")
    elif args.plot is not None:
        from videosync.timeline.plots import save_sync_plot

        _write(args.plot, lambda path: save_sync_plot(path, evidence, timeline))
    curves: Sequence[Curve] = ()
    if args.report is not None:
        from videosync.timeline.candidates import evidence_curves

        curves = evidence_curves(evidence)
    with FrameBar() as bar:
        write_outputs(args, answer, bar, curves)
    return 0 if timeline.complete else NOT_PLACED


def _say(text: str) -> None:
    """Print what may hold names, or signs, that standard output has no letters for."""
    if sys.stdout is None:  # closed: "videosync sync … >&-"
        return
    encoding = sys.stdout.encoding or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding))


def _check_output(flag: str, path: Path | None, endings: Sequence[str], videos: Sequence[str]) -> None:
    """Asked before minutes of decoding. Raises ConfigError: ``path`` cannot be written, or would destroy something."""
    if path is None:
        return
    check_writable(flag, path.parent)
    if path.is_dir():
        raise ConfigError(f"{flag} {path}: is a folder; name a file in it.")
    if path.resolve() in [Path(video).resolve() for video in videos]:
        raise ConfigError(f"{flag} {path}: is one of the videos, and would be overwritten; name another file.")
    if path.suffix.lower() not in endings and (path.is_file() or flag == "--plot"):
        kinds = ", ".join(endings[:-1]) + " or " * bool(endings[1:]) + endings[-1]
        there = "exists, and would be overwritten; " if path.is_file() else ""
        raise ConfigError(f"{flag} {path}: {there}expected a name that ends in {kinds}.")


def _write(path: Path, write: Callable[[Path], object]) -> None:
    """A file that is complete or absent; a device or a pipe stays what it is. Raises VideoWriteError."""
    stays = path.exists() and not path.is_file()
    with nullcontext(path) if stays else new_file(path) as building:
        write(building)


main = command(build_parser, _sync)
