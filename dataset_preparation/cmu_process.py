"""Cut CMU Panoptic sequences into pairs of clips with a known offset, and write their manifest.

    python dataset_preparation/cmu_process.py                both sets, as far as they were downloaded
    python dataset_preparation/cmu_process.py ROOT OUT       the sequences in ROOT, into OUT

Expected tree, as the download scripts leave it (one file a camera; the cameras of a sequence share one frame index):

    <data_root>/171204_pose1/hdVideos/hd_00_00.mp4
    <data_root>/171204_pose1/hdVideos/hd_00_03.mp4 ...

For each pair of cameras i < j of a sequence, --clips windows of --num_frames frames are drawn: camera j's clip begins
at frame s, camera i's at s + k, k uniform in -K ... K (K = --max_offset), so that frame n of camera i's clip shows the
moment of frame n + k of camera j's. Windows avoid stretches that are black, green or without any movement: they are
looked for in keyframes first, then in every frame that is written; a window that fails is drawn again elsewhere.
Whole sequences go to one split, by a committed list (others by --val_share). See docs/datasets/cmu.md.

A run that was cut off goes on where it stopped. report.json says what was used, what was dropped, and why.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

if __package__ in (None, ""):  # run as a file: make the repository's packages importable
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dataset_preparation.arguments import NOT_NEGATIVE, POSITIVE, PreparationParser, preparation_parser, run_script
from dataset_preparation.clips.cut import Cut, cut_jobs
from dataset_preparation.clips.dataset import Dropped, finish, make_report, print_report
from dataset_preparation.cmu.archive import CAMERAS, VIDEO_FOLDER, Recording, choose_splits, find_recordings, video_name
from dataset_preparation.cmu.cameras import DOUBT, FPS, usable_cameras
from dataset_preparation.cmu.cutting import CutJob, cut
from dataset_preparation.cmu.pairs import Camera, Pair, Protocol, make_pairs
from dataset_preparation.cmu.sketch import SketchJob, sketch
from dataset_preparation.usual_places import KnownArchive
from videosync.data.samples import Sample
from videosync.errors import ManifestError, printable
from videosync.jobs.job import Clip, Outcome
from videosync.jobs.workers import run_jobs

ROUNDS = 4  # of drawing and cutting; what is missing then stays missing
ARCHIVE_MARKS = (f"*/{VIDEO_FOLDER}",)
SETTINGS = ("size", "crf", "seed", "clips", "num_frames", "max_offset", "cameras", "val_share", "limit")


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0, or 2 when the input is wrong or nothing of it could be used."""
    limits = {"clips": POSITIVE, "num_frames": POSITIVE, "max_offset": NOT_NEGATIVE}
    return run_script(_parser(), argv, run, limits=limits)


def run(args: argparse.Namespace) -> int:
    if args.max_offset >= args.num_frames:
        raise ManifestError(
            f"--max_offset {args.max_offset}: must be below --num_frames {args.num_frames}, or the clips of a pair "
            "may share no moment"
        )
    cameras = _chosen_cameras(args.cameras)
    recordings, dropped = find_recordings(args.data_root, cameras=cameras, limit=args.limit)
    splits = choose_splits(recordings, val_share=args.val_share, seed=args.seed)
    protocol = Protocol(args.clips, args.num_frames, args.max_offset, args.seed)
    settings = {**{key: getattr(args, key) for key in SETTINGS}, "cameras": list(cameras)}
    if args.dry_run:
        print_plan(recordings, splits, protocol, dropped, settings, args.data_root)
        return 0
    pairs: list[Pair] = []
    rates: dict[str, float] = {}
    notes: dict[str, list[str]] = {}
    for recording, sketches in zip(recordings, _sketches(recordings, args)):
        usable, rates[recording.name], lost, found = usable_cameras(recording, sketches)
        dropped += lost
        notes |= {f"{recording.name}/{video}": lines for video, lines in found.items()}
        pairs += make_pairs(recording.name, usable, protocol)
    clips = _cut_all(pairs, rates, args)
    for pair in pairs:
        missing = pair.missing()
        dropped += [*pair.rejected, *([missing] if missing else [])]
    try:
        finish(
            args.output_dir,
            data_root=args.data_root,
            samples=[s for pair in pairs for s in pair.samples(splits[pair.event], rates[pair.event])],
            clips=clips,
            dropped=dropped,
            settings=settings,
            found=notes,
        )
    finally:
        print_notes(notes, splits)
    return 0


def _sketches(recordings: Sequence[Recording], args: argparse.Namespace) -> list[dict[str, Outcome]]:
    """For each sequence, camera → the sketch of its video."""
    names = [
        {camera: f"sketch/{recording.name}/{video_name(camera)}" for camera, _ in recording.videos}
        for recording in recordings
    ]
    jobs = [
        SketchJob(name[camera], (path,))
        for recording, name in zip(recordings, names)
        for camera, path in recording.videos
    ]
    outcomes = run_jobs(
        sketch,
        jobs,
        output_dir=args.output_dir,
        settings={},
        workers=args.workers,
        cluster=args.cluster,
        label="keyframes",
    )
    return [{camera: outcomes[job] for camera, job in name.items()} for name in names]


def _cut_all(pairs: Sequence[Pair], rates: Mapping[str, float], args: argparse.Namespace) -> list[Clip]:
    """Draw windows and cut them, round by round; returns the clips that were made."""
    clips: list[Clip] = []
    for number in range(ROUNDS):
        wanted: dict[tuple[str, Camera], list[Cut]] = defaultdict(list)
        for pair in pairs:
            pair.draw()
            for camera, piece in pair.cuts():
                wanted[pair.event, camera].append(piece)
        if not wanted:
            break
        jobs = {
            (event, camera.name): CutJob(
                f"cut/{event}/{video_name(camera.name)}/{number}", (camera.path,), tuple(pieces), rates[event]
            )
            for (event, camera), pieces in wanted.items()
        }
        label = f"clips, again ({number} of {ROUNDS - 1})" if number else "clips"
        outcomes = cut_jobs(cut, list(jobs.values()), args, label=label)
        for pair in pairs:
            pair.settle({c.name: outcomes[jobs[pair.event, c.name].name] for c, _ in pair.cuts()})
        clips += [clip for outcome in outcomes.values() for clip in outcome.clips]
    return clips


def print_plan(
    recordings: Sequence[Recording],
    splits: Mapping[str, str],
    protocol: Protocol,
    dropped: Sequence[Dropped],
    settings: Mapping[str, object],
    data_root: Path,
) -> None:
    """What --dry_run says: the clips that come out if no video is too short or unusable."""
    samples: list[Sample] = []
    for recording in recordings:
        room = protocol.clips * (protocol.num_frames + 2 * protocol.max_offset) * 2
        cameras = [Camera(name, path, room, ()) for name, path in recording.videos]
        size = sum(Path(path).stat().st_size for _, path in recording.videos) / 1e9
        print(f"{recording.name}: {splits[recording.name]}, {len(cameras)} videos, {size:.1f} GB")
        for pair in make_pairs(recording.name, cameras, protocol):
            pair.draw()
            pair.accepted = pair.pending
            samples += pair.samples(splits[recording.name], FPS)
    print("at most, if all of it can be used:")
    print_report(make_report(samples, dropped, settings, data_root=data_root))
    print_notes({}, splits)


def print_notes(notes: Mapping[str, Sequence[str]], splits: Mapping[str, str]) -> None:
    """What a person should look into; report.json has all notes."""
    for video, lines in notes.items():
        for line in lines:
            if line.startswith(DOUBT):
                print(printable(f"note: {video} {line.removeprefix(DOUBT)}"))
    for split in sorted({"train", "val"} - set(splits.values())):
        print(f"note: no sequence here is in '{split}'; docs/datasets/cmu.md lists the splits")


def _chosen_cameras(chosen: Sequence[str]) -> tuple[str, ...]:
    for camera in chosen:
        if not (len(camera) == 2 and camera.isdigit()):
            raise ManifestError(f"--cameras {camera}: give the two digits of hd_00_XX.mp4, such as 03")
    if len(set(chosen)) < 2:
        raise ManifestError(f"--cameras {' '.join(chosen)}: a pair needs two; give two or more")
    return tuple(sorted(set(chosen)))


def _parser() -> PreparationParser:
    parser = preparation_parser(
        "cmu_process.py",
        __doc__,
        archives=[KnownArchive(f"raw/{name}", name, ARCHIVE_MARKS) for name in ("cmu_pose", "cmu_multi_human")],
        unit="sequences",
    )
    for flag, default, text in (
        ("--seed", 0, "another number, other windows (and other sequences for --val_share)"),
        ("--clips", 5, "windows a pair of cameras"),
        ("--num_frames", 240, "frames a clip"),
        ("--max_offset", 30, "K: offsets are uniform in -K ... K frames"),
    ):
        parser.add_argument(flag, type=int, default=default, help=f"{text} (default %(default)s)")
    parser.add_argument(
        "--cameras",
        nargs="+",
        default=list(CAMERAS),
        metavar="XX",
        help=f"cameras to use, of the files hd_00_XX.mp4 (default: {' '.join(CAMERAS)})",
    )
    parser.add_argument(
        "--val_share",
        type=float,
        default=0.2,
        help="share of the sequences without a committed split that go to val (default %(default)s)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
