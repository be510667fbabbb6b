"""Turn Kinetics-400, as the CVD Foundation's archive unpacks, into clips of one size and a manifest.

    python dataset_preparation/kinetics400_process.py

Expected in --data_root (as the scripts of github.com/cvdfoundation/kinetics-dataset leave it):

    train/<youtube_id>_<start>_<end>.mp4    or in a folder for each class: train/<class>/<youtube_id>_...
    val/...                                 either may be missing; test/ is not used
    annotations/train.csv, val.csv          or beside train/; without them class folders say the class
    replacement/replacement_for_corrupted_k400/...    used where the file of that name is broken or missing

Every file is decoded whole, once, and cut in the same pass; its sound is kept, in step, as one channel of 16 kHz (a
file without sound gives a clip without, which report.json names). What cannot be decoded is listed in
unreadable.txt with the reason, and not decoded again unless the file changes or its line is deleted; a line added
by hand (the path, and a reason behind a tab) leaves a file out. labels.csv has the class of each clip. A YouTube
video that is in both splits stays in val.

A run that was cut off goes on where it stopped. report.json says what was used, what was dropped, and why.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

if __package__ in (None, ""):  # run as a file: make the repository's packages importable
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dataset_preparation.arguments import PreparationParser, run_script
from dataset_preparation.clips.dataset import finish
from dataset_preparation.kinetics400.archive import SPLITS, Video, read_archive
from dataset_preparation.kinetics400.classes import of_classes, read_classes
from dataset_preparation.usual_places import KnownArchive
from dataset_preparation.whole.options import LIMITS, open_reader, print_found, print_plan, settings_of, whole_parser
from dataset_preparation.whole.read import Needs
from dataset_preparation.whole.unreadable import UNREADABLE_NAME
from dataset_preparation.whole.video import write_labels
from videosync.data.samples import Sample, View
from videosync.jobs.job import Clip

ARCHIVE = KnownArchive("raw/kinetics400", "kinetics400", SPLITS)


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0, or 2 when the input is wrong or nothing of it could be used."""
    return run_script(_parser(), argv, run, limits=LIMITS)


def run(args: argparse.Namespace, classes: Sequence[str] | None = None) -> int:
    """``classes``: what --classes says where it is not given; None: all of them."""
    archive = read_archive(args.data_root)
    chosen, found = archive.videos, archive.counts
    if args.classes or classes:
        classes = read_classes(args.classes) if args.classes else classes
        chosen, counts = of_classes(chosen, classes or ())
        found = {**found, **counts}
    videos = [video for split in SPLITS for video in [v for v in chosen if v.split == split][: args.limit or None]]
    reader = open_reader(args, Needs(sound=args.need_sound, seconds=args.min_seconds))
    settings = settings_of(args, reader, need_sound=args.need_sound, classes=sorted(classes or ()))
    paths = {*(video.path for video in archive.videos), *archive.replacements.values()}
    if args.dry_run:
        for split in SPLITS:
            events = [video.event for video in videos if video.split == split]
            print(f"{split:>5}: {len(events)} files of {len(set(events))} YouTube videos")
        print_found(found, reader, paths)
        print_plan(reader, videos, archive.dropped)
        return 0
    args.output_dir.mkdir(parents=True, exist_ok=True)
    clips = reader.read(videos, label="videos")
    broken = [video for video in videos if reader.is_broken(video)]
    others = [
        replace(video, path=archive.replacements[video.name])
        for video in broken
        if archive.replacements.get(video.name, video.path) != video.path
    ]
    instead = reader.read(others, label="replacements") if others else {}
    clips.update(instead)
    used = [video for video in videos if video.clip in clips]
    replacements = {str(args.data_root / path) for path in archive.replacements.values()}
    write_labels(args.output_dir, {clips[video.clip].clip: video.label for video in used if video.label})
    print_found(found, reader, paths)
    print(f"{args.output_dir / UNREADABLE_NAME} lists {len(reader.listed.entries)} files")
    finish(
        args.output_dir,
        data_root=args.data_root,
        samples=[_sample(video, clips[video.clip]) for video in used],
        clips=clips.values(),
        dropped=[*archive.dropped, *reader.dropped([v for v in videos if v.clip not in clips])],
        settings=settings,
        found={
            **found,
            "clips from replacements": sum(clip.source in replacements for clip in clips.values()),
            "clips without a class": sum(not video.label for video in used),
        },
    )
    return 0


def _sample(video: Video, clip: Clip) -> Sample:
    view = View(clip.clip, 0, clip.num_frames, clip.fps)
    return Sample(video.event, video.split, (view,), video.label or None)


def kinetics_parser(
    prog: str, description: str, archive: KnownArchive, *, size: int, classes: str, **needs: Any
) -> PreparationParser:
    """The flags of this script and of those that prepare a part of the archive.

    Args:
        classes: what is taken without --classes, in words.
        needs: defaults of ``min_seconds`` and ``need_sound``.
    """
    parser = whole_parser(prog, description, archive, unit="videos of each split", size=size)
    parser.add_argument(
        "--classes",
        type=Path,
        metavar="FILE",
        help=f"a text file with the name of a class on each line: take these only (default: {classes})",
    )
    parser.add_argument("--need_sound", action="store_true", help="leave out files without sound")
    parser.set_defaults(**needs)
    return parser


def _parser() -> PreparationParser:
    return kinetics_parser("kinetics400_process.py", __doc__, ARCHIVE, size=224, classes="all")


if __name__ == "__main__":
    sys.exit(main())
