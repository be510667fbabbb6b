"""``videosync sync A B …``: put videos of one event on one timeline."""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from videosync.cli.bar import frame_progress
from videosync.cli.common import CommandParser, check_writable, command, expanded_path, report_note
from videosync.cli.edit_flags import add_edit_flags, check_outputs, write_outputs
from videosync.cli.outputs import PICTURES, check_output, say, write_output
from videosync.cli.sync_flags import add_search_flags, number
from videosync.cli.sync_report import describe
from videosync.errors import VideoError
from videosync.timeline.progress import OPENING

if TYPE_CHECKING:
    from videosync.edit.curves import Curve

NOT_PLACED = 3
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
    add_search_flags(parser)
    add(
        "--at",
        type=_anchor,
        action="append",
        default=[],
        metavar="VIDEO=SECONDS",
        help="set the start of one of the files by hand, as in --at cam1.mp4=12.48; the others are placed around it. "
        "Several may be set; --reference starts at 0",
    )
    add("--json", metavar="FILE", help="write the answer as JSON to FILE; '-' prints only the JSON to standard output")
    add("--plot", type=expanded_path, metavar="FILE.png", help="draw the scores of offsets, and aligned film strips")
    add_edit_flags(parser)
    return parser


def _anchor(text: str) -> tuple[str, float]:
    name, _, seconds = text.rpartition("=")
    if not name or not math.isfinite(value := number(seconds)):
        raise argparse.ArgumentTypeError(f"{text!r} must be the name of a file and seconds, as in cam1.mp4=12.48")
    return os.path.expanduser(name), value


def _anchors(listed: Sequence[tuple[str, float]]) -> dict[str | os.PathLike[str], float]:
    """Raises VideoError: two starts of one name."""
    at: dict[str | os.PathLike[str], float] = {}
    for name, start in listed:
        if at.setdefault(name, start) != start:
            raise VideoError(f"{name}: cannot start at {start:g} s and at {at[name]:g} s; leave one --at out.")
    return at


def _sync(args: argparse.Namespace) -> int:
    from videosync.timeline.anchors import read_anchors
    from videosync.timeline.inputs import check_files, find_file

    paths = check_files(args.videos)
    json_file = None if args.json in (None, "-") else expanded_path(args.json)
    check_output("--json", json_file, (".json",), paths)
    check_output("--plot", args.plot, PICTURES, paths)
    if args.cache is not None:
        check_writable("--cache", args.cache)
    check_outputs(args)
    asked = None if args.reference is None else paths[find_file(args.reference, paths)]
    at = _anchors(args.at)
    read_anchors(at, paths, None if asked is None else paths.index(asked))
    with frame_progress(args.progress) as bar:
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
            cache=args.cache, chapters=args.chapters, named=[*([] if asked is None else [asked]), *at],
            thorough=args.thorough,
        )  # fmt: skip
        timeline = conclude(evidence, asked, accept=args.accept, at=at, progress=bar)
    for note in (*timeline.notes, *(file.note for file in timeline.files)):
        if note is not None:
            report_note(note)
    if asked is not None and timeline.reference not in (None, asked):
        report_note(f"{asked} could not be placed; starts are relative to {timeline.reference} instead")
    answer = timeline.to_json()
    text = json.dumps(answer, indent=1)  # ASCII: names may be no valid Unicode
    if json_file is not None:  # before anything is printed, to a reader that may have left
        write_output(json_file, lambda path: path.write_text(text + "\n", encoding="utf-8"))
    if args.json == "-":
        print(text)
    else:
        grey = sys.stdout is not None and sys.stdout.isatty() and "NO_COLOR" not in os.environ
        say("\n".join(describe(timeline, grey=grey)))
    if args.plot is not None and not evidence.curves and not evidence.sounds.matches:
        report_note(f"no two videos could be compared, so there is nothing to plot in {args.plot}")
    elif args.plot is not None:
        from videosync.timeline.plots import save_sync_plot

        write_output(args.plot, lambda path: save_sync_plot(path, evidence, timeline))
    curves: Sequence[Curve] = ()
    if args.report is not None:
        from videosync.timeline.candidates import evidence_curves

        curves = evidence_curves(evidence)
    with frame_progress(args.progress) as bar:
        write_outputs(args, answer, bar, curves)
    return 0 if timeline.complete else NOT_PLACED


main = command(build_parser, _sync)
