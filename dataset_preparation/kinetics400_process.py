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

from dataset_preparation.arguments import PreparationParser, preparation_parser, run_script
from dataset_preparation.clips.cut import Encoding
from dataset_preparation.clips.dataset import finish, make_report, print_dropped
from dataset_preparation.clips.job import Clip
from dataset_preparation.kinetics400.archive import SPLITS, Archive, Video, read_archive, write_labels
from dataset_preparation.kinetics400.reading import Reader
from dataset_preparation.kinetics400.unreadable import UNREADABLE_NAME, UnreadableList, read_unreadable
from dataset_preparation.usual_places import KnownArchive
from videosync.data.samples import Sample, View
from videosync.errors import ManifestError


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0, or 2 when the input is wrong or nothing of it could be used."""
    return run_script(_parser(), argv, run)


def run(args: argparse.Namespace) -> int:
    archive = read_archive(args.data_root)
    videos = [
        video
        for split in SPLITS
        for video in [video for video in archive.videos if video.split == split][: args.limit or None]
    ]
    encoding = Encoding(args.size, args.crf, sound=True)
    reader = Reader(
        data_root=args.data_root,
        output_dir=args.output_dir,
        encoding=encoding,
        workers=args.workers,
        cluster=args.cluster,
        listed=read_unreadable(args.output_dir / UNREADABLE_NAME),
        excluded=_read_excluded(args.exclude),
    )
    settings = {**encoding.settings, "limit": args.limit}
    if args.dry_run:
        _print_plan(reader, videos, archive, settings)
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
    used = [video for video in videos if video.name in clips]
    replacements = {str(args.data_root / path) for path in archive.replacements.values()}
    write_labels(args.output_dir, {clips[video.name].clip: video.label for video in used if video.label})
    _print_found(archive, reader)
    print(f"{args.output_dir / UNREADABLE_NAME} lists {len(reader.listed.entries)} files")
    finish(
        args.output_dir,
        data_root=args.data_root,
        samples=[_sample(video, clips[video.name]) for video in used],
        clips=clips.values(),
        dropped=[*archive.dropped, *reader.dropped([v for v in videos if v.name not in clips])],
        settings=settings,
        found={
            **archive.counts,
            "clips from replacements": sum(clip.source in replacements for clip in clips.values()),
            "clips without a class": sum(not video.label for video in used),
        },
    )
    return 0


def _sample(video: Video, clip: Clip) -> Sample:
    return Sample(video.youtube_id, video.split, (View(clip.clip, 0, clip.num_frames, clip.fps),))


def _read_excluded(file: Path | None) -> UnreadableList:
    if file is None:
        return UnreadableList()
    if not file.is_file():
        raise ManifestError(f"--exclude {file}: is not a file; give a text file with a path on each line")
    return read_unreadable(file).for_any_copy()


def _print_plan(reader: Reader, videos: Sequence[Video], archive: Archive, settings: dict[str, Any]) -> None:
    """What would be read, and what not; no video is opened."""
    skipped = [video for video in videos if reader.skip(video)]
    for split in SPLITS:
        chosen = [video for video in videos if video.split == split]
        events = len({video.youtube_id for video in chosen})
        print(f"{split:>5}: {len(chosen)} files of {events} YouTube videos")
    _print_found(archive, reader)
    dropped = [*archive.dropped, *reader.dropped(skipped)]
    print_dropped(make_report([], dropped, settings, data_root=reader.data_root))


def _print_found(archive: Archive, reader: Reader) -> None:
    for name, count in archive.counts.items():
        print(f"found  {count} {name}")
    paths = {*(video.path for video in archive.videos), *archive.replacements.values()}
    unknown = reader.unknown_lines(paths)
    if unknown:
        print(f"note: {len(unknown)} lines that leave a file out name none that is there, the first: {unknown[0]}")


def _parser() -> PreparationParser:
    parser = preparation_parser(
        "kinetics400_process.py",
        __doc__,
        archives=[KnownArchive("raw/kinetics400", "kinetics400", SPLITS)],
        unit="videos of each split",
    )
    parser.add_argument(
        "--exclude",
        type=Path,
        metavar="FILE",
        help="a text file of the form of unreadable.txt, with further videos to leave out",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
