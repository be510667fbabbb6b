"""``videosync audit FOLDER``: which cameras of sets that are said to be synchronised are off, by how much, how sure."""

from __future__ import annotations

import argparse
import csv
import io
import json
import math
import sys
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tqdm import tqdm

from videosync.arguments import at_least
from videosync.cli.bar import FrameBar
from videosync.cli.common import CommandParser, check_writable, columns, command, expanded_path, report_note
from videosync.cli.outputs import PICTURES, check_output, say, write_output
from videosync.cues import DEFAULT_CUE
from videosync.errors import printable

if TYPE_CHECKING:
    from videosync.timeline.audit import Verdict

NOT_TOLD, OFF = 3, 4
SCHEMA = 1  # of the JSON
COLUMNS = ("event", "camera", "claimed_seconds", "measured_seconds", "off_by_seconds", "off_by_frames", "low_seconds",
           "high_seconds", "confidence", "verdict", "against", "events", "reason")  # fmt: skip
MOST_ROWS = 40  # that are printed although nothing is wrong with them
DESCRIPTION = """Ask the pixels and the sound which cameras are off. FOLDER holds the files of one event, or a folder
for each event, all files of which are said to start together; or it is a data set with manifest.jsonl, whose start
frames are what is claimed. Each event is put on a timeline as by 'videosync sync', and each camera is compared with the
largest group of the others that fit together.

in sync: the 95 % interval of what it is off by lies within --tolerance, and the confidence is above the least that
places a file. off by: the interval lies outside, and the claim is refuted. cannot tell: neither; never "in sync".
Of two cameras that do not fit together nobody can tell which one is off: each is measured against the other.

With eight and more events of the same cameras, their evidence is added up too (--pool): one more row a camera, for rigs
that do not change.

Exit code 0: all are in sync; 2: wrong input; 3: some cannot be told, and none is off; 4: some are off."""


def build_parser() -> CommandParser:
    parser = CommandParser(description=DESCRIPTION)
    add = parser.add_argument
    add("folder", type=expanded_path, metavar="FOLDER", help="of an event, of such folders, or of a data set")
    add("--csv", type=expanded_path, metavar="FILE", help="write a row for each camera of each event")
    add("--plot", type=expanded_path, metavar="FILE.png", help="draw events by cameras")
    add("--json", action="store_true", help="print JSON (docs/audit.md names its keys)")
    add(
        "--tolerance",
        type=_frames,
        default=1.0,
        metavar="FRAMES",
        help="frames, of the slowest file of an event, that a camera in sync may be off (default: %(default)g)",
    )
    add(
        "--max-offset",
        type=_frames,
        metavar="SECONDS",
        help="how far a camera may be off, at most; less is quicker and tells more (default: any)",
    )
    add(
        "--pool",
        choices=("auto", "always", "off"),
        default="auto",
        help="add up the evidence of all events: of a rig of fixed cameras it tells far more (default: where there are "
        "eight events or more)",
    )
    add("--events", type=at_least(1), default=0, metavar="N", help="look at N events, evenly spread (default: all)")
    add("--audio", choices=("auto", "only", "off"), default="auto", help="as of videosync sync (default: auto)")
    add("--cue", default=DEFAULT_CUE, metavar="NAME", help="as of videosync sync (default: %(default)s)")
    add(
        "--chapters",
        choices=("auto", "off"),
        default="auto",
        help="as of videosync sync (default: auto): a recording of "
        "several files is one camera, and has the name of the first. Files of a data set are whole",
    )
    add("--cache", type=expanded_path, metavar="FOLDER", help="as of videosync sync")
    add("--workers", type=at_least(1), default=1, metavar="N", help="events at once (default: %(default)s)")
    return parser


def _frames(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} must be a positive number")
    return value


def _audit(args: argparse.Namespace) -> int:
    from videosync.timeline.audit_events import find_events

    events = find_events(args.folder, limit=args.events)
    files = [path for event in events for path in event.paths]
    check_output("--csv", args.csv, (".csv",), files)
    check_output("--plot", args.plot, PICTURES, files)
    if args.cache is not None:
        check_writable("--cache", args.cache)

    from joblib import Parallel, delayed

    from videosync.timeline.audit import POOL_FROM, POOLED, ask, judge_event, pool

    asking = {name: getattr(args, name) for name in ("max_offset", "cue", "audio", "cache", "chapters")}
    if len(events) == 1:
        with FrameBar() as shown:
            answers = [ask(events[0], **asking, progress=shown)]
    else:
        found = Parallel(args.workers, return_as="generator")(delayed(ask)(event, **asking) for event in events)
        off = not sys.stderr.isatty()
        answers = list(tqdm(found, "events", len(events), unit="event", disable=off, dynamic_ncols=True))
    verdicts = [one for answer in answers for one in judge_event(answer, args.tolerance)]
    together = args.pool == "always" or (args.pool == "auto" and len(events) >= POOL_FROM)
    pooled = pool(answers, args.tolerance) if together else []
    verdicts += pooled
    if args.csv is not None:
        write_output(args.csv, lambda path: path.write_text(table(verdicts), encoding="utf-8", newline=""))
    if args.json:
        counts = Counter(one.verdict for one in verdicts if one.event != POOLED)
        content = {
            "schema": SCHEMA,
            "folder": str(args.folder),
            "tolerance_frames": args.tolerance,
            "events": len(events),
            "pooled": sorted({one.camera for one in pooled}),
            "verdicts": dict(counts),
            "cameras": [one.to_json() for one in verdicts],
        }
        print(json.dumps(content, indent=1))  # ASCII: names may be no valid Unicode
    else:
        say("\n".join(described(verdicts, args.tolerance)))
    if args.plot is not None:
        from videosync.timeline.audit_plots import save_audit_plot

        write_output(args.plot, lambda path: save_audit_plot(path, verdicts, args.tolerance))
    for answer in answers:
        for note in answer.notes:
            report_note(f"{answer.event.name}: {note}")
    for problem in dict.fromkeys(answer.problem for answer in answers if answer.problem is not None):
        report_note(problem)
    return exit_code(verdicts)


def exit_code(verdicts: Sequence[Verdict]) -> int:
    """By the worst verdict."""
    from videosync.timeline.audit import CANNOT_TELL, OFF_BY

    found = {one.verdict for one in verdicts}
    return OFF if OFF_BY in found else NOT_TOLD if CANNOT_TELL in found else 0


def table(verdicts: Sequence[Verdict]) -> str:
    """CSV with a row for each camera of each event (RFC 4180); empty cells: there is none."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for one in verdicts:
        told = one.to_json()
        told["low_seconds"], told["high_seconds"] = told["interval_seconds"] or (None, None)
        told["against"] = " ".join(one.against)
        cells = ["" if told[key] is None else told[key] for key in COLUMNS]
        writer.writerow(
            [cell.encode("utf-8", "backslashreplace").decode() if isinstance(cell, str) else cell for cell in cells]
        )
    return text.getvalue()


def described(verdicts: Sequence[Verdict], tolerance: float) -> list[str]:
    """A table of what is not in sync (of all, where there are few), what was pooled, and a sentence."""
    from videosync.timeline.audit import IN_SYNC, OFF_BY, POOLED

    single, pooled = ([one for one in verdicts if (one.event == POOLED) is both] for both in (False, True))
    listed = single if len(single) <= MOST_ROWS else [one for one in single if one.verdict != IN_SYNC]
    rows = [("event/camera", "off by", "± frames", "confidence", "verdict"), *map(_row, [*listed, *pooled])]
    counts = Counter(one.verdict for one in single)
    names = dict.fromkeys(one.event for one in single)
    within = f"within {tolerance:g} frame{'s' * (tolerance != 1)}"
    unknown = len(single) - counts[IN_SYNC] - counts[OFF_BY]
    shown = f"{len(single)} cameras of {len(names)} event{'s' * (len(names) != 1)}"
    said = [f"{shown}: {counts[IN_SYNC]} in sync {within}, {counts[OFF_BY]} off, {unknown} cannot be told."]
    if len(listed) < len(single):
        said.append("Cameras in sync are not listed; --csv has them.")
    if pooled:
        many = max(one.events for one in pooled)
        cameras = ", ".join(one.camera for one in pooled)
        said.append(
            f"{POOLED}: the pictures of up to {many} events together, for cameras that are the same in all: {cameras}."
        )
    reasons: dict[str, list[str]] = {}
    for one in [*single, *pooled]:
        if one.reason is not None:
            reasons.setdefault(one.reason.rstrip("."), []).append(f"{one.event}/{one.camera}")
    said += [f"{_names(where)}: {reason}." for reason, where in reasons.items()]
    return [*(columns(rows) if len(rows) > 1 else []), "", *map(printable, said)]


def _row(one: Verdict) -> tuple[str, ...]:
    name = printable(f"{one.event}/{one.camera}")
    frames, interval = one.off_by_frames, one.interval_seconds
    if frames is None or interval is None:
        return name, "", "", f"{math.floor(100 * one.confidence)} %", one.verdict
    around = (interval[1] - interval[0]) / 2 * one.fps
    off = f"{round(frames, 1) + 0.0:+.1f} frames ({round(1000 * (one.off_by_seconds or 0.0)) + 0:+d} ms)"
    return name, off, f"{around:.1f}", f"{math.floor(100 * one.confidence)} %", one.verdict


def _names(where: Sequence[str]) -> str:
    return ", ".join(where[:4]) + f" and {len(where) - 4} more" * (len(where) > 4)


main = command(build_parser, _audit)
