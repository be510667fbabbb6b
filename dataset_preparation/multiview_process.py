"""Turn a folder of synchronised multi-camera recordings into clips of one size and a manifest.

    python dataset_preparation/multiview_process.py --data_root recordings --output_dir data/my_set

The source folder holds a manifest.jsonl, or one sub-folder an event with two or more videos that start
together. Every frame is kept (or a stretch of them, see --max_frames); frames are resized to size x size, as
the models see them; the sound of these frames is kept, in step, as one channel of 16 kHz. Cameras at 30 and 29.97
frames/s keep their own rates and are cut by time; files of a variable frame rate are left out, with the command that
converts them.

A run that was cut off goes on where it stopped. report.json says what was used, what was dropped, and why.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from joblib import Parallel, delayed

if __package__ in (None, ""):  # run as a file: make the repository's packages importable
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dataset_preparation.arguments import NOT_NEGATIVE, PreparationParser, preparation_parser, run_script
from dataset_preparation.clips.cut import Cut, Encoding, cut_clips, cut_jobs
from dataset_preparation.clips.dataset import dropped_of, finish, make_report, print_report
from dataset_preparation.multiview.plan import ViewJob, assemble, choose_splits, find_sources, plan_source
from videosync.data.samples import Sample
from videosync.jobs.job import Outcome, require_distinct


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0, or 2 when the input is wrong or nothing of it could be used."""
    limits = dict.fromkeys(("max_frames", "segment_frames", "min_frames"), NOT_NEGATIVE)
    return run_script(_parser(), argv, run, limits=limits)


def run(args: argparse.Namespace) -> int:
    sources, dropped = find_sources(args.data_root)
    if args.limit:
        kept = set(sorted({source.event for source in sources})[: args.limit])
        sources = [source for source in sources if source.event in kept]
    splits = choose_splits(sources, val_events=args.val_events, val_share=args.val_share, seed=args.seed)
    cutting = {key: getattr(args, key) for key in ("max_frames", "segment_frames", "min_frames")}
    settings = {**Encoding(args.size, args.crf, sound=True).settings, **cutting, "limit": args.limit}
    jobs: list[ViewJob] = []
    look = delayed(plan_source)  # threads: looking at a file means waiting for the disk
    for planned, lost in Parallel(args.workers, prefer="threads")(look(s, **cutting) for s in sources):
        jobs += planned
        dropped += lost
    require_distinct(jobs)
    if args.dry_run:
        samples, lost = assemble(jobs, {cut.clip for job in jobs for cut in job.segments}, splits)
        print_report(make_report(samples, [*dropped, *lost], settings, data_root=args.data_root.absolute()))
        print_empty_splits(samples, splits)
        return 0
    outcomes = cut_jobs(cut_view, jobs, args, label="clips", sound=True)
    clips = [clip for outcome in outcomes.values() for clip in outcome.clips]
    for job in jobs:
        dropped += dropped_of(outcomes[job.name], job.event, job.view)
    samples, lost = assemble(jobs, {clip.clip for clip in clips}, splits)
    origins = {cut.clip: cut.start_frame - cut.first for job in jobs for cut in job.segments}
    try:
        finish(
            args.output_dir,
            data_root=args.data_root,
            samples=samples,
            clips=clips,
            dropped=[*dropped, *lost],
            settings=settings,
            origins=origins,
        )
    finally:
        print_empty_splits(samples, splits)
    return 0


def cut_view(job: ViewJob, folder: Path, *, encoding: Encoding) -> Outcome:
    """All clips of one recording."""
    cuts = [Cut(segment.clip, segment.first, segment.num_frames) for segment in job.segments]
    return cut_clips(job.sources[0], cuts, folder, fps=job.fps, encoding=encoding)


def print_empty_splits(samples: Sequence[Sample], splits: Mapping[str, str]) -> None:
    """Say which split lost all of its events (``splits``: event → split)."""
    for split in sorted(set(splits.values()) - {sample.split for sample in samples}):
        events = ", ".join(event for event, chosen in splits.items() if chosen == split)
        print(f"note: split '{split}' is empty, since all of its events were dropped ({events}); choose others")


def _parser() -> PreparationParser:
    parser = preparation_parser("multiview_process.py", __doc__)
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--val_events", nargs="+", default=[], help="events of the val split; all others train")
    group.add_argument(
        "--val_share",
        type=float,
        help="share of events, drawn with --seed, for the val split; at least one of two or more",
    )
    for flag, default, text in (
        ("--seed", 0, "another number, other events for --val_share (default %(default)s)"),
        ("--max_frames", 0, "keep this many frames from where all views have begun; 0: all"),
        ("--segment_frames", 0, "cut into equal parts at least this long; 0: do not cut"),
        ("--min_frames", 0, "drop events whose views share fewer frames; 0: drop none"),
    ):
        parser.add_argument(flag, type=int, default=default, help=text)
    return parser


if __name__ == "__main__":
    sys.exit(main())
