"""Unpack the TFRecord files of the Pouring archive: a video for each record, and the phase of each frame.

    python dataset_preparation/tfrecords_to_videos.py

expects, in --data_root (sh dataset_preparation/download_pouring_data.sh puts them there):

    pouring_train-0-of-2.tfrecord
    pouring_train-1-of-2.tfrecord
    pouring_val-0-of-1.tfrecord

and writes into --output_dir, from which pouring_process.py makes the clips:

    <split>/<name>.mp4      every frame, near-lossless (--crf); names end in _view_0 and _view_1
    <split>/<name>.json     the phase of each frame, a list of whole numbers
    manifest.jsonl          the views of each event, and its split as the files say
    report.json             what was used, what was dropped, and why

TensorFlow is not needed. A run that was cut off goes on where it stopped; records that cannot be read are
reported and do not stop it. docs/datasets/pouring.md says more.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from tqdm import tqdm

if __package__ in (None, ""):  # run as a file: make the repository's packages importable
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dataset_preparation.arguments import PreparationParser, preparation_parser, require_folder, run_script
from dataset_preparation.clips.dataset import dropped_of, finish, make_report, print_report
from dataset_preparation.pouring.archive import FILES, Entry, archive_size, find_entries
from dataset_preparation.pouring.extract import extract, labels_path, record_job
from dataset_preparation.pouring.record import event_of
from dataset_preparation.usual_places import KnownArchive
from videosync.data.frame_labels import save_labels
from videosync.data.samples import Sample, View
from videosync.jobs.workers import run_jobs


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0, or 2 when the input is wrong or nothing of it could be used."""
    limits = {"fps": (lambda value: 0 < value < 1000, "above 0 and below 1000 frames/s")}
    return run_script(_parser(), argv, run, limits=limits)


def run(args: argparse.Namespace) -> int:
    require_folder(args.data_root, "the .tfrecord files of the Pouring archive")
    bar = tqdm(
        desc="index", total=archive_size(args.data_root), unit="B", unit_scale=True, disable=not sys.stderr.isatty()
    )
    with bar:
        entries, dropped = find_entries(args.data_root, bar.update)
    entries = entries[: args.limit or None]
    settings = {"fps": args.fps, "crf": args.crf}
    jobs = {entry.name: record_job(entry) for entry in entries}
    if args.dry_run:
        planned = {e.name: View(jobs[e.name].video, 0, e.num_frames, args.fps) for e in entries}
        print_report(make_report(assemble(entries, planned), dropped, settings, data_root=args.data_root))
        return 0
    outcomes = run_jobs(
        partial(extract, fps=args.fps, crf=args.crf),
        list(jobs.values()),
        output_dir=args.output_dir,
        settings=settings,
        workers=args.workers,
        cluster=args.cluster,
        label="videos",
    )
    views: dict[str, View] = {}
    for name, job in jobs.items():
        outcome = outcomes[job.name]
        dropped += dropped_of(outcome, event_of(name)[0], name)
        for clip in outcome.clips:
            labels = None
            if outcome.facts:
                labels = labels_path(clip.clip)
                save_labels(args.output_dir / labels, outcome.facts["frame_labels"])
            views[name] = View(clip.clip, 0, clip.num_frames, clip.fps, labels)
    finish(
        args.output_dir,
        data_root=args.data_root,
        samples=assemble(entries, views),
        clips=(),  # no video file stands behind these
        dropped=dropped,
        settings=settings,
    )
    return 0


def assemble(entries: Iterable[Entry], views: Mapping[str, View]) -> list[Sample]:
    """A sample for each event, of the records that have a view (by name), in the order of the views' numbers."""
    events: dict[tuple[str, str], list[str]] = defaultdict(list)
    for entry in entries:
        if entry.name in views:
            events[event_of(entry.name)[0], entry.split].append(entry.name)
    return [
        Sample(event, split, tuple(views[name] for name in sorted(names, key=event_of)))
        for (event, split), names in events.items()
    ]


def _parser() -> PreparationParser:
    parser = preparation_parser(
        "tfrecords_to_videos.py",
        __doc__,
        archives=[KnownArchive("raw/pouring", "raw/pouring/videos", tuple(FILES))],
        size=None,
        unit="videos",
    )
    parser.add_argument(
        "--fps", type=float, default=25.0, help="frames/s to write, as the records do not say (default %(default)g)"
    )
    parser.add_argument(
        "--crf",
        type=int,
        default=4,
        help="quality of the H.264 videos: 0 lossless … 51 (default %(default)s, near-lossless)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
