"""``videosync import-annotations FOLDER``: train.pkl and val.pkl of CARL and VideoSync's research code → manifest."""

from __future__ import annotations

from argparse import ArgumentTypeError, Namespace
from collections import Counter

from videosync.carl.annotations import read_annotations, shared_events, to_samples
from videosync.cli.common import CommandParser, command, expanded_path
from videosync.data.manifest import read_manifest, validate_manifest, write_manifest
from videosync.data.splits import split_by_hash
from videosync.errors import ManifestError, printable

SHOWN = 10  # problems that are printed


def build_parser() -> CommandParser:
    parser = CommandParser(
        description="Write a manifest.jsonl for clips that were prepared with CARL or the VideoSync research code: the "
        "pairs and offsets, or the videos and frame labels, of its train.pkl and val.pkl, with the lengths and frame "
        "rates of the video files. The files stay where they are. No code in the pickles is run.",
        epilog="The label of a pair's clip is the frame of the event's timeline at which it begins: k = label_0 - "
        "label_1. Labels of frames are written beside the manifest, in frame_labels/.",
    )
    add = parser.add_argument
    add("folder", type=expanded_path, help="folder that holds train.pkl, val.pkl or both")
    add("--output-dir", type=expanded_path, help="dataset folder that gets the manifest (default: the folder itself)")
    add(
        "--video-root",
        type=expanded_path,
        help="where to look for the videos, if they have moved since the pickles were written",
    )
    add(
        "--resplit",
        type=_share,
        metavar="SHARE",
        help="draw new splits, event by event, with this share of the events in val: for sets that were split by pair",
    )
    add("--seed", type=int, default=0, help="seed of --resplit (default %(default)s)")
    return parser


def _share(text: str) -> float:
    if not 0 < (value := float(text)) < 1:
        raise ArgumentTypeError(f"{text}: must be a share between 0 and 1")
    return value


def import_annotations(args: Namespace) -> None:
    output = args.output_dir or args.folder
    entries, problems = read_annotations(args.folder, video_root=args.video_root)
    splits = None
    if args.resplit is not None:
        splits = split_by_hash({entry.event for entry in entries}, val_share=args.resplit, seed=args.seed)
    elif shared := shared_events(entries):
        raise ManifestError(
            f"{args.folder}: {len(shared)} events are in both train.pkl and val.pkl (first: '{shared[0]}'); a model "
            "would be tested on what it was trained on. --resplit 0.3 draws new splits by event"
        )
    samples, unreadable = to_samples(entries, output, splits=splits)
    problems += unreadable
    for problem in problems[:SHOWN]:
        print(printable(f"left out: {problem}"))
    if len(problems) > SHOWN:
        print(f"left out: {len(problems) - SHOWN} more")
    if not samples:
        raise ManifestError(
            f"{args.folder}: none of {len(entries) + len(problems)} entries can be used; "
            "give --video-root if the videos were moved"
        )
    write_manifest(output, samples)
    found = validate_manifest(read_manifest(output))
    for split in sorted({sample.split for sample in samples}):
        chosen = [sample for sample in samples if sample.split == split]
        kinds = Counter("pairs" if len(sample.views) == 2 else "videos" for sample in chosen)
        labelled = sum(sample.views[0].frame_labels is not None for sample in chosen)
        print(
            f"{split}: {' and '.join(f'{count} {kind}' for kind, count in kinds.items())} of "
            f"{len({sample.event for sample in chosen})} events"
            + (f", {labelled} with frame labels" if labelled else "")
        )
    print(f"wrote {output / 'manifest.jsonl'}; look at it with: videosync check {output}")
    if found:
        raise ManifestError(f"{output}: {len(found)} problems, the first: {found[0]}; 'videosync check' lists all")


main = command(build_parser, import_annotations)
