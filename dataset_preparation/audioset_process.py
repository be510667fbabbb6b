"""Turn AudioSet's videos, or any folder of videos with sound, into clips with sound and a manifest.

    python dataset_preparation/audioset_process.py

Expected in --data_root:

    <folder>/…/<youtube_id>_<start>_<end>.mp4      folders of any depth; times may be missing, and other names will do
    balanced_train_segments.csv, unbalanced_train_segments.csv, eval_segments.csv, class_labels_indices.csv
                                                   as released; each may be missing

eval_segments.csv says what is in the split val, and the other tables what is in train. A file without a row is in val
where one of its folders begins with eval, val or test, else in train. One YouTube video is one event, in one split.
labels.csv has the classes of each clip that a table names.

Files without sound, and those with less than --min_seconds of pictures or of sound, are left out; report.json names
each of them. A run that was cut off goes on where it stopped.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

if __package__ in (None, ""):  # run as a file: make the repository's packages importable
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dataset_preparation.arguments import run_script
from dataset_preparation.audioset.archive import TABLES, TRAIN, VAL, read_archive
from dataset_preparation.clips.dataset import finish
from dataset_preparation.usual_places import KnownArchive
from dataset_preparation.whole.options import LIMITS, open_reader, print_found, print_plan, settings_of, whole_parser
from dataset_preparation.whole.read import Needs
from dataset_preparation.whole.unreadable import UNREADABLE_NAME
from dataset_preparation.whole.video import VIDEO_SUFFIXES, write_labels
from videosync.data.samples import Sample, View

ARCHIVE = KnownArchive("raw/audioset", "audioset", (*TABLES, *(f"**/*{suffix}" for suffix in VIDEO_SUFFIXES)))


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0, or 2 when the input is wrong or nothing of it could be used."""
    parser = whole_parser(
        "audioset_process.py", __doc__, ARCHIVE, unit="videos of each split", size=256, min_seconds=2.0
    )
    return run_script(parser, argv, run, limits=LIMITS)


def run(args: argparse.Namespace) -> int:
    archive = read_archive(args.data_root)
    videos = [
        video
        for split in (TRAIN, VAL)
        for video in [video for video in archive.videos if video.split == split][: args.limit or None]
    ]
    reader = open_reader(args, Needs(sound=True, seconds=args.min_seconds))
    print_found(archive.counts, reader, {video.path for video in archive.videos})
    if args.dry_run:
        print_plan(reader, videos, archive.dropped)
        return 0
    args.output_dir.mkdir(parents=True, exist_ok=True)
    clips = reader.read(videos, label="videos")
    print(f"{args.output_dir / UNREADABLE_NAME} lists {len(reader.listed.entries)} files")
    used = [(video, clips[video.clip]) for video in videos if video.clip in clips]
    write_labels(args.output_dir, {clip.clip: video.labels for video, clip in used if video.labels})
    finish(
        args.output_dir,
        data_root=args.data_root,
        samples=[
            Sample(video.event, video.split, (View(clip.clip, 0, clip.num_frames, clip.fps),)) for video, clip in used
        ],
        clips=clips.values(),
        dropped=[*archive.dropped, *reader.dropped([video for video in videos if video.clip not in clips])],
        settings=settings_of(args, reader),
        found=archive.counts,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
