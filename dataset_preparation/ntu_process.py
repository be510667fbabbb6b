"""Turn NTU RGB+D videos into clips of one size and a manifest: NTU-SYN's pairs with their offsets, or all videos.

    python dataset_preparation/ntu_process.py                pairs of cameras 001 and 002, splits train and val
    python dataset_preparation/ntu_process.py --pretrain     every video by itself, without labels, split train

Expected in --data_root (docs/datasets/ntu.md says where it comes from):

    NTU-SYN/pose/train/**/S001C002P001R002A007_rgb.avi.json   annotations; test likewise
    raw_videos/S001C002P001R002A007_rgb.avi                   videos, in sub-folders or not
    nturgb+d_rgb/S001C002P001R002A007_rgb.avi                 the same, as the official zip files unpack

Both clips of a pair begin where their annotations say and are equally long: k = start of view 0 − start of view 1,
and frame i of view 0 shows the moment of frame i + k of view 1. A run that was cut off goes on where it stopped.
report.json says what was used, what was dropped, and why.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

if __package__ in (None, ""):  # run as a file: make the repository's packages importable
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dataset_preparation.arguments import (
    NOT_NEGATIVE,
    POSITIVE,
    PreparationParser,
    preparation_parser,
    require_folder,
    run_script,
)
from dataset_preparation.clips.cut import cut_jobs
from dataset_preparation.clips.dataset import Dropped, finish, make_report, print_dropped
from dataset_preparation.ntu.archive import (
    POSE_FOLDER,
    UNPACKED,
    VIDEO_FOLDER,
    Files,
    find_annotations,
    find_videos,
    require_some,
)
from dataset_preparation.ntu.cut import cut_pair, cut_video
from dataset_preparation.ntu.names import VIDEO_ENDING
from dataset_preparation.ntu.pairs import disagreements, offsets_of, pair_samples, plan_pairs
from dataset_preparation.ntu.singles import plan_videos, test_events, video_samples
from dataset_preparation.usual_places import KnownArchive
from videosync.data.samples import Sample
from videosync.errors import VideoSyncError
from videosync.jobs.job import Outcome

ARCHIVE_MARKS = (f"{UNPACKED}*", VIDEO_FOLDER, str(POSE_FOLDER), f"*{VIDEO_ENDING}")
MAX_OFFSET = 30  # frames; pairs.max_offset of the configuration
MIN_WHOLE_FRAMES = 16  # of a video for pretraining


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0, or 2 when the input is wrong or nothing of it could be used."""
    pretrain = "--pretrain" in (sys.argv[1:] if argv is None else argv)  # another default of --output_dir
    return run_script(_parser(pretrain), argv, run, limits={"max_offset": NOT_NEGATIVE, "min_frames": POSITIVE})


def run(args: Namespace) -> int:
    require_folder(args.data_root, "NTU-SYN/pose and raw_videos")
    _check(args)
    videos, annotations = find_videos(args.data_root), find_annotations(args.data_root)
    found: dict[str, Any] = {
        "videos": dict(sorted(videos.folders.items())),
        "annotations": {split: len(files.paths) for split, files in annotations.items()},
    }
    require_some(args.data_root, videos, None if args.pretrain else annotations)
    print(_sentence(found))
    if args.pretrain:
        _pretrain(args, videos, annotations, found)
    else:
        _pairs(args, videos, annotations, found)
    return 0


def _check(args: Namespace) -> None:
    """Refuse flags that do not go together, and set the defaults of those that depend on others."""
    wrong = "max_offset" if args.pretrain and args.max_offset is not None else ""
    wrong = "keep_test" if args.keep_test and not args.pretrain else wrong
    if wrong:
        how = "with" if args.pretrain else "without"
        raise VideoSyncError(f"--{wrong} has no meaning {how} --pretrain; leave it out")
    if args.max_offset is None:
        args.max_offset = MAX_OFFSET
    if args.min_frames is None:
        args.min_frames = MIN_WHOLE_FRAMES if args.pretrain else args.max_offset + 1
    if args.min_frames <= args.max_offset and not args.pretrain:
        raise VideoSyncError(
            f"--min_frames {args.min_frames} must be above --max_offset {args.max_offset}: shorter clips that are "
            "so far apart share no moment"
        )


def _pairs(args: Namespace, videos: Files, annotations: dict[str, Files], found: dict[str, Any]) -> None:
    plan = plan_pairs(annotations, videos, max_offset=args.max_offset, limit=args.limit)
    lost = [*videos.dropped, *(d for files in annotations.values() for d in files.dropped), *plan.dropped]
    found["annotations of other cameras"] = plan.other_cameras
    found["videos not in a pair"] = len(videos.paths) - 2 * len(plan.jobs)
    if args.dry_run:
        for split in sorted(set(plan.splits.values())):
            planned = [job.offset for job in plan.jobs if plan.splits[job.name] == split]
            print(f"{split}: {len(planned)} pairs, offsets {min(planned)} … {max(planned)} frames")
        print_dropped(make_report((), lost, {}, data_root=args.data_root))
        return
    outcomes = cut_jobs(cut_pair, plan.jobs, args, label="pairs")
    samples, dropped = pair_samples(plan, outcomes, min_frames=args.min_frames)
    found["frame counts that disagree"] = disagreements(plan, outcomes)
    offsets = offsets_of(samples)
    found["pairs with each offset"] = {str(k): offsets[k] for k in sorted(offsets)}
    _finish(args, samples, outcomes, [*lost, *dropped], found)
    if wrong := len(found["frame counts that disagree"]):
        print(
            f"{wrong} annotations name another number of frames than their video has (the video's counts): report.json"
        )


def _pretrain(args: Namespace, videos: Files, annotations: dict[str, Files], found: dict[str, Any]) -> None:
    left_out = set() if args.keep_test else test_events(annotations)
    jobs, lost = plan_videos(videos, left_out=left_out, limit=args.limit)
    lost = [*videos.dropped, *lost]
    if args.dry_run:
        print(f"train: {len(jobs)} videos of {len({job.event for job in jobs})} events")
        print_dropped(make_report((), lost, {}, data_root=args.data_root))
        return
    if not left_out and not args.keep_test:
        print("note: there are no annotations of NTU-SYN's test split, so its videos are not left out")
    outcomes = cut_jobs(cut_video, jobs, args, label="videos")
    samples, dropped = video_samples(jobs, outcomes, min_frames=args.min_frames)
    _finish(args, samples, outcomes, [*lost, *dropped], found)


def _finish(
    args: Namespace,
    samples: Sequence[Sample],
    outcomes: Mapping[str, Outcome],
    dropped: Sequence[Dropped],
    found: Mapping[str, Any],
) -> None:
    keys = ("pretrain", "size", "crf", *([] if args.pretrain else ["max_offset"]), "min_frames", "limit")
    finish(
        args.output_dir,
        data_root=args.data_root,
        samples=samples,
        clips=(clip for outcome in outcomes.values() for clip in outcome.clips),
        dropped=dropped,
        settings={key: getattr(args, key) for key in keys},
        found=found,
    )


def _sentence(found: Mapping[str, Any]) -> str:
    folders = found["videos"]
    named = [f"{count} in {folder}" for folder, count in list(folders.items())[:6]]
    more = f" and {len(folders) - 6} more folders" if len(folders) > 6 else ""
    labels = ", ".join(f"{count} {split}" for split, count in found["annotations"].items())
    return f"found {sum(folders.values())} videos ({', '.join(named)}{more}), annotations: {labels}"


def _parser(pretrain: bool) -> PreparationParser:
    parser = preparation_parser(
        "ntu_process.py",
        __doc__,
        archives=[KnownArchive("raw/ntu", "ntu_pretrain" if pretrain else "ntu", ARCHIVE_MARKS)],
        unit="events (of both splits in turn)",
    )
    parser.add_argument(
        "--pretrain",
        action="store_true",
        help="single videos of all cameras without labels (default --output_dir then: datasets/ntu_pretrain)",
    )
    parser.add_argument(
        "--max_offset",
        type=int,
        help=f"drop pairs further apart, in frames (default {MAX_OFFSET}, as the configuration's pairs.max_offset)",
    )
    parser.add_argument(
        "--min_frames",
        type=int,
        help=f"drop shorter clips (default: --max_offset + 1; with --pretrain {MIN_WHOLE_FRAMES})",
    )
    parser.add_argument(
        "--keep_test",
        action="store_true",
        help="with --pretrain: keep the events of NTU-SYN's test split, which are left out otherwise",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
