"""Make clips with known offsets, and a manifest, of the Pouring videos.

    python dataset_preparation/pouring_process.py

expects, in --data_root, what tfrecords_to_videos.py wrote there:

    manifest.jsonl, <split>/<name>_view_0.mp4, <split>/<name>_view_1.mp4, <split>/<name>_view_0.json …

For each event the offset k of its views is drawn from -max_offset … max_offset; view 0 begins k frames after view
1. Both clips have min(frames) - max_offset frames, so that lengths say nothing about k. The phases of the frames are
cut along. A view without a partner is kept whole, as a sample of one view. The split is that of the archive.

A run that was cut off goes on where it stopped. report.json says what was used, what was dropped, and why;
docs/datasets/pouring.md says more.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

if __package__ in (None, ""):  # run as a file: make the repository's packages importable
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dataset_preparation.arguments import NOT_NEGATIVE, PreparationParser, preparation_parser, run_script
from dataset_preparation.clips.cut import Cut, Encoding, cut_clips, cut_jobs
from dataset_preparation.clips.dataset import Dropped, dropped_of, finish, make_report, print_report
from dataset_preparation.pouring.extract import labels_path
from dataset_preparation.pouring.plan import ClipJob, assemble, plan_clips
from dataset_preparation.usual_places import KnownArchive
from videosync.data.frame_labels import read_frame_labels, save_labels
from videosync.data.manifest import MANIFEST_NAME, read_manifest
from videosync.data.samples import Manifest
from videosync.errors import ManifestError
from videosync.jobs.job import Outcome


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0, or 2 when the input is wrong or nothing of it could be used."""
    return run_script(_parser(), argv, run, limits={"max_offset": NOT_NEGATIVE})


def run(args: argparse.Namespace) -> int:
    try:
        manifest = read_manifest(args.data_root)
    except ManifestError as error:
        raise ManifestError(f"{error}; python dataset_preparation/tfrecords_to_videos.py writes it") from error
    events = sorted({sample.event for sample in manifest.samples})[: args.limit or None]
    chosen = Manifest(manifest.root, tuple(s for s in manifest.samples if s.event in set(events)))
    jobs, dropped = plan_clips(chosen, seed=args.seed, max_offset=args.max_offset)
    settings = {"size": args.size, "crf": args.crf, "seed": args.seed, "max_offset": args.max_offset}
    if args.dry_run:
        samples = assemble(jobs, dict.fromkeys((job.clip for job in jobs), None))
        print_report(make_report(samples, dropped, settings, data_root=args.data_root))
        return 0
    outcomes = cut_jobs(cut_view, jobs, args, label="clips")
    labelled: dict[str, str | None] = {}
    for job in jobs:
        dropped += dropped_of(outcomes[job.name], job.event, job.source.name)
        if outcomes[job.name].clips:
            labelled[job.clip], lost = cut_labels(job, manifest, args.output_dir)
            dropped += lost
    finish(
        args.output_dir,
        data_root=args.data_root,
        samples=assemble(jobs, labelled),
        clips=[clip for outcome in outcomes.values() for clip in outcome.clips],
        dropped=dropped,
        settings=settings,
    )
    return 0


def cut_view(job: ClipJob, folder: Path, *, encoding: Encoding) -> Outcome:
    """The clip of one view."""
    cut = Cut(job.clip, job.first, job.num_frames)
    return cut_clips(job.sources[0], [cut], folder, fps=job.source.fps, encoding=encoding)


def cut_labels(job: ClipJob, manifest: Manifest, output_dir: Path) -> tuple[str | None, list[Dropped]]:
    """Write the labels of a clip's frames; returns their file, or None and what is lost."""
    if job.source.frame_labels is None:
        return None, []
    try:
        labels = read_frame_labels(manifest, job.source)
    except ManifestError as error:
        return None, [Dropped(job.event, job.source.name, "no frame labels", str(error))]
    path = labels_path(job.clip)
    save_labels(output_dir / path, labels[job.first : job.first + job.num_frames])
    return path, []


def _parser() -> PreparationParser:
    parser = preparation_parser(
        "pouring_process.py", __doc__, archives=[KnownArchive("raw/pouring/videos", "pouring", (MANIFEST_NAME,))]
    )
    parser.add_argument("--seed", type=int, default=0, help="another number, other offsets (default %(default)s)")
    parser.add_argument(
        "--max_offset",
        type=int,
        default=30,
        help="largest offset of the two clips of a pair, in frames (default %(default)s)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
