"""``videosync check FOLDER``: is a dataset sound, and do its labels look right?"""

from __future__ import annotations

import random
import sys
from argparse import Namespace
from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from tqdm import tqdm

from videosync.arguments import BAD_INPUT, at_least
from videosync.cli.common import OFFSET, CommandParser, columns, command, expanded_path, spread
from videosync.data.check.label_check import LabelCheck, check_labels, choose_clips, recorded_data_root, start_problems
from videosync.data.clock import start_offset
from videosync.data.manifest import Manifest, Sample, View, clip_problems, read_manifest, validate_manifest
from videosync.data.sources import SOURCES_NAME, read_sources
from videosync.errors import ManifestError, VideoError, printable
from videosync.video.read import iter_frames, probe

PICTURES = (".png", ".jpg", ".jpeg", ".pdf", ".svg", ".webp")
MOST_READ = 2000  # clips whose packets are read without --all: about 10 ms each


def build_parser() -> CommandParser:
    parser = CommandParser(
        description="Summarise a dataset folder, look for mistakes in its manifest and files, decode a sample of "
        "clips, compare the labels of a few with the frames of the files they were cut from, and draw a contact sheet. "
        "Exit code 0: nothing found; 2: problems, one per line.",
        epilog=f"{OFFSET} k = start0 - start1.",
    )
    add = parser.add_argument
    add("folder", type=expanded_path, help="dataset folder that holds manifest.jsonl")
    add("--sheet", type=expanded_path, help="picture to write (default: contact_sheet.png in the folder)")
    add(
        "--samples",
        type=at_least(0),
        help="samples drawn on the sheet (default: up to 6, fewer if they have many views)",
    )
    add(
        "--decode", type=at_least(0), default=20, help="how many clips are decoded whole (default %(default)s); 0: none"
    )
    add(
        "--labels",
        type=at_least(0),
        default=8,
        help="samples of which two views are compared with their source frames (default %(default)s); 0: none",
    )
    add(
        "--data-root",
        type=expanded_path,
        help="folder of the recordings that the clips were cut from (default: the one in report.json)",
    )
    add(
        "--sound",
        type=float,
        metavar="SECONDS",
        help="also decode the sound of the files, and look whether pictures and sound last so long together",
    )
    add("--max-offset", type=at_least(0), help="also list views that start further apart, in frames")
    reading = parser.add_mutually_exclusive_group()
    reading.add_argument(
        "--quick",
        action="store_true",
        help="trust the lengths and rates in the manifest instead of reading them from the files",
    )
    reading.add_argument(
        "--all",
        action="store_true",
        help=f"read lengths, rates and sound of all files (default: of {MOST_READ} at most)",
    )
    add("--seed", type=int, default=0, help="chooses which clips and samples are looked at (default %(default)s)")
    return parser


def check(args: Namespace) -> int:
    """Print summary and problems, write the contact sheet. Exit code 0 when nothing is wrong, else 2."""
    if args.sheet and args.sheet.suffix.lower() not in PICTURES:
        raise ManifestError(f"--sheet {args.sheet}: expected a name that ends in {', '.join(PICTURES)}")
    if args.sound is not None and not args.sound >= 0:
        raise ManifestError(f"--sound {args.sound:g}: expected seconds, 0 or more")
    from videosync.data.check.contact_sheet import fitting, write_contact_sheet  # matplotlib would slow --help down

    manifest = read_manifest(args.folder)
    print_summary(manifest)
    rng = random.Random(args.seed)
    problems = validate_manifest(manifest, max_offset=args.max_offset)
    if not args.quick:
        problems += file_problems(manifest, None if args.all else MOST_READ, rng)
    if args.sound is not None:
        wrong = sound_of_files(manifest, args.sound, None if args.all else MOST_READ, rng)
        problems += [text for text in wrong if text not in problems]
    usable = [sample for sample in manifest.samples if all(manifest.path(v).is_file() for v in sample.views)]
    broken = decode_problems(manifest, usable, args.decode, rng)
    problems += [text for text in broken.values() if text not in problems]
    usable = [sample for sample in usable if not any(view.video in broken for view in sample.views)]
    problems += label_problems(manifest, usable, args.labels, args.data_root, rng)
    for problem in problems:
        print(printable(f"problem: {problem}"))
    print(f"{len(problems)} problem{'s' * (len(problems) > 1)}" if problems else "no problems found")
    sheet = args.sheet or args.folder / "contact_sheet.png"
    chosen = choose_samples(usable, 6 if args.samples is None else args.samples, rng)
    chosen = fitting(chosen) if args.samples is None else chosen
    if chosen:
        write_contact_sheet(manifest, sorted(chosen, key=lambda s: (s.split, s.event)), sheet)
        print(f"contact sheet: {sheet} (pictures above each other must show the same moment)")
    return BAD_INPUT if problems else 0


def file_problems(manifest: Manifest, limit: int | None, rng: random.Random) -> list[str]:
    """Compare files with what the manifest says of them: all, or ``limit`` of them drawn at random."""
    views = drawn_views(manifest, limit, rng, "the lengths and rates")
    with _bar("reading", len(views)) as bar:
        return clip_problems(manifest, views, on_clip=bar.update)


def sound_of_files(manifest: Manifest, seconds: float, limit: int | None, rng: random.Random) -> list[str]:
    """What is wrong with the sound of all files, or ``limit`` of them; says how many are as they should be."""
    from videosync.data.check.sound_check import sound_problems

    views = drawn_views(manifest, limit, rng, "the sound")
    with _bar("sound", len(views)) as bar:
        problems = sound_problems(manifest, views, seconds, on_clip=bar.update)
    print(
        f"sound: {len(views) - len(problems)} of {len(views)} files have pictures with sound for {seconds:g} s or more"
    )
    return problems


def drawn_views(manifest: Manifest, limit: int | None, rng: random.Random, what: str) -> list[View]:
    """One view of each file: all, or ``limit`` of them drawn at random, which is said."""
    views = list({view.video: view for sample in manifest.samples for view in sample.views}.values())
    if limit is None or len(views) <= limit:
        return views
    print(f"note: read {what} of {limit} of {len(views)} clips; --all reads all")
    return rng.sample(views, limit)


def label_problems(
    manifest: Manifest, samples: Sequence[Sample], count: int, data_root: Path | None, rng: random.Random
) -> list[str]:
    """Compare the labels of ``count`` samples with their source frames, and say how far that went."""
    if count == 0:
        return []
    sources = read_sources(manifest.root)
    if not sources:
        if data_root is not None:
            raise ManifestError(
                f"--data-root {data_root}: {manifest.root} has no {SOURCES_NAME} that says which of its files the "
                "clips were cut from; prepare the folder again, or leave the flag out"
            )
        print(f"note: labels were not compared: there is no {SOURCES_NAME} to say where the clips come from")
        return []
    problems = start_problems(manifest, sources)
    root = data_root or recorded_data_root(manifest.root) or Path()
    chosen = choose_clips(samples, count, rng)
    with _bar("labels", len(chosen)) as bar:
        result = check_labels(manifest, chosen, sources, root, on_clip=bar.update)
    print_labels(result)
    if result.absent:
        text = f"{len(result.absent)} of {len(chosen)} source files are not there, the first: {result.absent[0]}"
        if data_root is not None:
            problems.append(f"--data-root {data_root}: {text}")
        else:
            which = "labels were not compared" if not result.clips else "not all labels were compared"
            print(f"note: {which}: {text}; name their folder with --data-root")
    return problems + result.problems


def print_labels(result: LabelCheck) -> None:
    if result.clips:
        verdict = "are not all where they belong" if result.problems else "are where they belong"
        still = result.frames - result.told
        unclear = f" ({still} more look like the frames around them)" if still else ""
        print(f"labels: {result.told} frames of {result.clips} clips, looked for in their sources, {verdict}{unclear}")
    if result.still:
        names = ", ".join(result.still[:3]) + (", …" if len(result.still) > 3 else "")
        print(f"note: no frame of {len(result.still)} clips can be told, since too little moves: {names}")


def print_summary(manifest: Manifest) -> None:
    """A table with a row for each split."""
    rows = [("split", "events", "samples", "views", "clips", "hours", "frames/s", "size", "frames", "offset k")]
    for split in manifest.splits:
        samples = manifest.of_split(split)
        views = {view.video: view for sample in samples for view in sample.views}
        offsets = [
            sign * start_offset(a, b)
            for sample in samples
            for a, b in combinations(sample.views, 2)
            for sign in (1, -1)
        ]
        rows.append(
            (
                split,
                str(len({sample.event for sample in samples})),
                str(len(samples)),
                spread([len(sample.views) for sample in samples]),
                str(len(views)),
                f"{sum(view.num_frames / view.fps for view in views.values()) / 3600:.3f}",
                _most_common([f"{view.fps:.6g}" for view in views.values()]),
                _most_common(_sizes(manifest, samples)),
                spread([view.num_frames for view in views.values()]),
                spread(offsets) if offsets else "-",
            )
        )
    print("\n".join(columns(rows)))


def decode_problems(manifest: Manifest, samples: Sequence[Sample], count: int, rng: random.Random) -> dict[str, str]:
    """Decode ``count`` clips from first to last frame; returns the videos that failed, and why."""
    views = sorted({view.video for sample in samples for view in sample.views})
    problems = {}
    chosen = rng.sample(views, min(count, len(views)))
    with _bar("decoding", len(chosen)) as bar:
        for video in chosen:
            path = manifest.root / video
            try:
                for _ in iter_frames(path, 0, probe(path).num_frames, size=(32, 32)):
                    pass
            except VideoError as error:
                problems[video] = str(error)
            bar.update()
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
    return chosen


def _bar(title: str, total: int) -> Any:
    return tqdm(desc=title, unit="clip", total=total, disable=not sys.stderr.isatty())


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


def _most_common(values: Sequence[str]) -> str:
    ordered = [value for value, _ in Counter(values).most_common()]
    return ", ".join(ordered[:3]) + (f", {len(ordered) - 3} more" if len(ordered) > 3 else "")


main = command(build_parser, check)
