"""``videosync check FOLDER``: is a dataset sound, and do its labels look right?"""

from __future__ import annotations

import argparse
import random
import sys
from collections import Counter
from collections.abc import Sequence
from itertools import combinations

from tqdm import tqdm

from videosync.cli.common import CommandParser, expanded_path, run_command
from videosync.data.manifest import Manifest, Sample, read_manifest, validate_manifest
from videosync.errors import VideoError
from videosync.video.read import iter_frames, probe

PICTURES = (".png", ".jpg", ".jpeg", ".pdf", ".svg", ".webp")


def build_parser() -> CommandParser:
    parser = CommandParser(
        description="Summarise a dataset folder, look for mistakes in its manifest and files, decode a "
        "sample of clips and draw a contact sheet. Exit code 0: nothing found; 2: problems, one a line.",
        epilog="Offsets: frame i of view 0 shows the moment of frame i + k of view 1, k = start0 - start1; "
        "a positive k means that view 1 started first.",
    )
    parser.add_argument("folder", type=expanded_path, help="dataset folder that holds manifest.jsonl")
    parser.add_argument(
        "--sheet", type=expanded_path, help="picture to write (default: contact_sheet.png in the folder)"
    )
    parser.add_argument(
        "--samples", type=int, default=6, help="samples drawn on the sheet (default %(default)s)"
    )
    parser.add_argument(
        "--decode", type=int, default=20, help="clips decoded whole (default %(default)s); 0: none"
    )
    parser.add_argument("--max_offset", type=int, help="also list views that start further apart, in frames")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="trust the lengths and rates in the manifest instead of reading them from each file",
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="another number, other clips and samples (default %(default)s)"
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0 when nothing is wrong, else 2."""
    parser = build_parser()
    args = parser.parse_args(argv)
    for flag in ("samples", "decode", "max_offset"):
        if (getattr(args, flag) or 0) < 0:
            parser.error(f"--{flag} {getattr(args, flag)}: must be 0 or more")
    if args.sheet and args.sheet.suffix.lower() not in PICTURES:
        parser.error(f"--sheet {args.sheet}: expected a name that ends in {', '.join(PICTURES)}")
    return run_command(lambda: 2 if check(args) else 0)


def check(args: argparse.Namespace) -> list[str]:
    """Print summary and problems, write the contact sheet; returns the problems."""
    from videosync.data.contact_sheet import write_contact_sheet  # matplotlib would slow --help down

    manifest = read_manifest(args.folder)
    print_summary(manifest)
    problems = validate_manifest(manifest, deep=not args.quick, max_offset=args.max_offset)
    usable = [sample for sample in manifest.samples if all(manifest.path(v).is_file() for v in sample.views)]
    rng = random.Random(args.seed)
    broken = decode_problems(manifest, usable, args.decode, rng)
    problems += [text for text in broken.values() if text not in problems]
    usable = [sample for sample in usable if not any(view.video in broken for view in sample.views)]
    for problem in problems:
        print(f"problem: {problem}")
    count = {0: "no problems found", 1: "1 problem"}
    print(count.get(len(problems), f"{len(problems)} problems"))
    sheet = args.sheet or args.folder / "contact_sheet.png"
    chosen = choose_samples(usable, args.samples, rng)
    if chosen:
        write_contact_sheet(manifest, chosen, sheet)
        print(f"contact sheet: {sheet} (pictures above each other must show the same moment)")
    return problems


def print_summary(manifest: Manifest) -> None:
    """A table with a row for each split."""
    rows = [
        ("split", "events", "samples", "views", "clips", "hours", "frames/s", "size", "frames", "offset k")
    ]
    for split in manifest.splits:
        samples = manifest.of_split(split)
        views = {view.video: view for sample in samples for view in sample.views}
        offsets = [
            sign * (a.start_frame - b.start_frame)
            for sample in samples
            for a, b in combinations(sample.views, 2)
            for sign in (1, -1)
        ]
        rows.append(
            (
                split,
                str(len({sample.event for sample in samples})),
                str(len(samples)),
                _range([len(sample.views) for sample in samples]),
                str(len(views)),
                f"{sum(view.num_frames / view.fps for view in views.values()) / 3600:.3f}",
                _most_common([f"{view.fps:.6g}" for view in views.values()]),
                _most_common(_sizes(manifest, samples)),
                _range([view.num_frames for view in views.values()]),
                _range(offsets) if offsets else "-",
            )
        )
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.rjust(width) for cell, width in zip(row, widths)))


def decode_problems(
    manifest: Manifest, samples: Sequence[Sample], count: int, rng: random.Random
) -> dict[str, str]:
    """Decode ``count`` clips from first to last frame; returns the videos that failed, and why."""
    views = sorted({view.video for sample in samples for view in sample.views})
    problems = {}
    chosen = rng.sample(views, min(count, len(views)))
    for video in tqdm(chosen, desc="decoding", unit="clip", disable=not sys.stderr.isatty()):
        path = manifest.root / video
        try:
            for _ in iter_frames(path, 0, probe(path).num_frames, size=(32, 32)):
                pass
        except VideoError as error:
            problems[video] = str(error)
    return problems


def choose_samples(samples: Sequence[Sample], count: int, rng: random.Random) -> list[Sample]:
    """Samples for the sheet: different events first, all splits in turn, those with two views or more."""
    pool = [sample for sample in samples if len(sample.views) > 1] or list(samples)
    rng.shuffle(pool)
    seen_events: Counter[str] = Counter()
    seen_splits: Counter[str] = Counter()
    chosen: list[Sample] = []
    while pool and len(chosen) < count:
        best = min(pool, key=lambda sample: (seen_events[sample.event], seen_splits[sample.split]))
        pool.remove(best)
        chosen.append(best)
        seen_events[best.event] += 1
        seen_splits[best.split] += 1
    return sorted(chosen, key=lambda sample: (sample.split, sample.event))


def _sizes(manifest: Manifest, samples: Sequence[Sample]) -> list[str]:
    """Picture sizes of about a hundred files (a look into every file of a large dataset would take long)."""
    sizes = []
    paths = sorted({manifest.path(view) for sample in samples for view in sample.views})
    for path in paths[:: max(1, len(paths) // 100)]:
        try:
            info = probe(path)
        except VideoError:
            sizes.append("unreadable")  # validate_manifest says why
            continue
        sizes.append(f"{info.width}x{info.height}")
    return sizes


def _range(values: Sequence[int]) -> str:
    low, high = min(values), max(values)
    return str(low) if low == high else f"{low} … {high}"


def _most_common(values: Sequence[str]) -> str:
    ordered = [value for value, _ in Counter(values).most_common()]
    return ", ".join(ordered[:3]) + (f", {len(ordered) - 3} more" if len(ordered) > 3 else "")


if __name__ == "__main__":
    sys.exit(main())
