"""``videosync batch FOLDER|CSV``: put the videos of many events on a timeline each."""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videosync.arguments import at_least
from videosync.cli.common import (
    INTERRUPTED,
    CommandParser,
    check_writable,
    columns,
    command,
    expanded_path,
    report_note,
)
from videosync.cli.edit_flags import FLAGS, add_paths_flag, add_rate_flags, check_ways, ways
from videosync.cli.outputs import say
from videosync.cli.sync_flags import add_search_flags
from videosync.errors import ConfigError, VideoSyncError, printable
from videosync.files import write_text

if TYPE_CHECKING:
    from videosync.batch.summary import EventResult
    from videosync.batch.work import EventJob

NOT_PLACED = 3
MOST_ROWS = 40  # of events in the table; those with a problem come first where there are more
DESCRIPTION = """Run 'videosync sync' for many events: several at once, each once, whatever happens in between. FOLDER
holds a folder for each event, with its videos and recordings in it or in folders of it. A CSV has the columns event,
file and, if you like, role: a line for each file, whose path counts from the CSV's folder. The file with the role
'reference' starts at 0; other roles (camera, recorder, …) are for you to read.

The output folder gets a folder for each event, with answer.json and all that is asked for, and summary.csv (a row a
file) and index.html (which leads to the reports). The same command goes on where it was stopped: an event that is done
is not done again, unless its files or the options have changed. An event that cannot be done does not stop the others.

Exit code 0: every file of every event is placed; 2: wrong input; 3: a file could not be placed, or an event not be
done; 130: stopped by Ctrl-C."""


def build_parser() -> CommandParser:
    parser = CommandParser(description=DESCRIPTION)
    add = parser.add_argument
    add("source", type=expanded_path, metavar="FOLDER|CSV", help="a folder of folders, or a table: event,file,role")
    add(
        "--output-dir",
        type=expanded_path,
        metavar="FOLDER",
        help="where answers, summary.csv and index.html go (default: beside FOLDER, with '_synced' added to its name)",
    )
    add("--workers", type=at_least(1), metavar="N", help="events at once on this machine (default: one a core)")
    add(
        "--cluster",
        metavar="ADDRESS",
        help="address of a Dask scheduler, e.g. tcp://head:8786: work on its workers instead; all see the "
        "files under the same paths (needs pip install 'videosync[cluster]')",
    )
    add_search_flags(parser)
    add("--json", metavar="FILE", help="write all results as JSON to FILE; '-' prints only the JSON to standard output")
    group = parser.add_argument_group("what to write for each event, into its folder")
    for name, (takes, _, meaning) in FLAGS.items():
        if name == "manifest":
            group.add_argument("--manifest", type=expanded_path, metavar=takes, help=meaning)
        else:
            group.add_argument(f"--{name}", action="store_true", help=meaning)
    add_rate_flags(group)
    add_paths_flag(group)
    group.add_argument(
        "--force",
        action="store_true",
        help="do events anew that are done already, and replace what was written of them",
    )
    return parser


def _batch(args: argparse.Namespace) -> int:
    from videosync.batch.events import read_events
    from videosync.batch.summary import EventResult, batch_json, write_summary
    from videosync.batch.work import jobs_of

    source: Path = args.source.absolute()
    beside = source.with_name(f"{source.name if source.is_dir() else source.stem}_synced")
    output_dir: Path = args.output_dir or beside
    _check_output(args, output_dir)
    events, notes = read_events(args.source, output_dir)
    for note in notes:
        report_note(note)
    jobs = jobs_of(events)
    try:
        outcomes = _run(args, jobs, output_dir)
        results = [EventResult(job, outcomes[job.name]) for job in jobs]
        problems = [] if args.manifest is None else _add_to_manifest(results, output_dir, args.manifest)
    except KeyboardInterrupt:
        print(f"stopped; what is done stays in {output_dir}, and the same command goes on from there", file=sys.stderr)
        return INTERRUPTED
    for result in results:
        for note in result.notes:
            report_note(f"{result.job.name}: {note}")
    write_summary(results, output_dir)
    text = json.dumps(batch_json(results, output_dir), indent=1)  # ASCII: names may be no valid Unicode
    if args.json == "-":
        print(text)
    else:
        say("\n".join(_table(results)))
        say(f"\n{output_dir / 'summary.csv'} has a row for each file; open {output_dir / 'index.html'} in a browser.")
    if args.json not in (None, "-"):
        write_text(expanded_path(args.json), text + "\n")
    for problem in problems:
        report_note(problem)
    return 0 if not problems and all(result.complete for result in results) else NOT_PLACED


def _check_output(args: argparse.Namespace, output_dir: Path) -> None:
    """Asked before any work. Raises ConfigError: something cannot be written, or is not the batch's to replace."""
    from videosync.jobs.run_folder import LOCK

    check_ways(args)
    check_writable("--output-dir", output_dir)
    if output_dir.is_dir() and any(output_dir.iterdir()) and not (output_dir / LOCK).exists():
        raise ConfigError(f"--output-dir {output_dir}: holds files of something else; name an empty or a new folder.")
    for flag, path in (("--cache", args.cache), ("--manifest", args.manifest)):
        if path is not None:
            check_writable(flag, path)
    if args.json not in (None, "-"):
        check_writable("--json", expanded_path(args.json).parent)


def _run(args: argparse.Namespace, jobs: Sequence[EventJob], output_dir: Path) -> dict[str, Any]:
    """The outcome of each event, by name."""
    import joblib

    from videosync.batch.work import sync_event
    from videosync.cli.batch_bar import BARS
    from videosync.jobs.workers import run_jobs
    from videosync.version import __version__

    options = _options(args)
    writes = {
        name: endings[0] if endings else ""
        for name, (_, endings, _) in FLAGS.items()
        if name != "manifest" and getattr(args, name.replace("-", "_"))
    }
    writing = {**ways(args), "paths": args.paths}
    settings = {
        "version": __version__, "options": options, "accept": args.accept, "writes": writes, "writing": writing,
    }  # fmt: skip
    cache = None if args.cache is None else str(args.cache.absolute())
    work = partial(sync_event, options={**options, "cache": cache}, accept=args.accept, writes=writes, writing=writing,
                   home=str(output_dir.absolute()))  # fmt: skip
    return run_jobs(
        work,
        jobs,
        output_dir=output_dir,
        settings=settings,
        workers=args.workers or min(joblib.cpu_count(), len(jobs)),
        cluster=args.cluster,
        label="batch",
        manifests=(),
        watcher=BARS[args.progress],
        anew=args.force,
    )


def _options(args: argparse.Namespace) -> dict[str, Any]:
    """Of ``gather``, as JSON can hold them. Raises VideoSyncError: a cue, an encoder or a detector that there is not,
    which is better said once than by each event."""
    from videosync.cues.named import find_cue
    from videosync.timeline.networks import open_encoder

    asked = find_cue(args.cue)
    encoder = args.encoder
    if isinstance(encoder, Path):
        open_encoder(encoder, asked)
        encoder = str(encoder.absolute())
    detector = args.detector
    if detector is not None:
        from videosync.engine.detector_sets import load_clip_detector

        load_clip_detector(detector, workdir=args.workdir)
        detector = os.path.abspath(detector) if os.path.isdir(detector) else detector
    return {
        "max_offset": args.max_offset, "min_overlap": args.min_overlap, "cue": args.cue, "encoder": encoder,
        "detector": detector, "workdir": None if detector is None else str(args.workdir.absolute()),
        "audio": args.audio, "microphone_distance": args.microphone_distance, "chapters": args.chapters,
        "thorough": args.thorough,
    }  # fmt: skip


def _add_to_manifest(results: Sequence[EventResult], output_dir: Path, folder: Path) -> list[str]:
    """Sentences on events that could not be added."""
    from videosync.batch.work import ANSWER
    from videosync.edit.manifest import add_to_manifest
    from videosync.files import read_object

    problems = []
    for result in results:
        if result.placed > 1:
            try:
                answer = read_object(output_dir / result.job.folder / ANSWER)
                add_to_manifest(answer, folder, event=result.job.name)
            except VideoSyncError as error:
                problems.append(f"{result.job.name}: --manifest: {error}")
    return problems


def _table(results: Sequence[EventResult]) -> list[str]:
    """One row an event, those to look at first where there are many, and what is wrong with them."""
    listed = list(results)
    if len(listed) > MOST_ROWS:
        listed = sorted(listed, key=lambda result: result.complete)[:MOST_ROWS]
    rows = [("event", "placed", "least sure")]
    for result in listed:
        sure = "" if result.confidence is None else f"{math.floor(100 * result.confidence)} %"
        rows.append((printable(result.job.name), f"{result.placed} of {len(result.files)}", sure))
    more = [f"and {len(results) - len(listed)} more events (summary.csv has all)"] * (len(listed) < len(results))
    said = [f"{result.job.name}: {problem}" for result in listed for problem in result.problems]
    for result in listed:
        if result.outcome.facts is not None:
            said += [
                f"{result.job.name}: {os.path.basename(file['path'])} is not placed: {file['reason']}"
                for file in result.files
                if not file["placed"]
            ]
    done = sum(result.complete for result in results)
    total = f"{done} of {len(results)} events are complete: all files are placed, and all was written."
    return [*columns(rows), *more, *([""] if said else []), *map(printable, said), "", total]


main = command(build_parser, _batch)
