"""How well are files put on one timeline? From the files to the answer of ``videosync.sync``, refusals included.

    python dataset_preparation/synthetic_process.py --output_dir runs/hard/rates --rates 24 25 29.97 30 50 60 …
    python -m benchmarks.sync_files --data plain=runs/hard/plain rates=runs/hard/rates --output runs/sync_files
    python -m benchmarks.sync_files --data ~/datasets/mine --cuts 3 --groups

Each dataset folder (with manifest.jsonl) is a condition, a row of the table. Every pair of views is given to
``videosync.sync`` as files (``--groups``: all views of an event at once), at their own lengths and frame rates, or
(``--cuts``) as random stretches coded anew, each with keyframes of its own. The truth is that of the manifest, in
seconds: frame i of a view is taken at (start_frame + i) / fps. Of each event one file is also paired with one of
another event: such pairs ought to be refused.

"Within 1 frame" is one frame of the slower file. Of a refused pair its best guess counts under "any answer". Prints
tables; writes sync_files.json into --output.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from itertools import combinations
from pathlib import Path
from typing import Any

from tqdm import tqdm

from benchmarks.sync_cases import Case, Cutting, cases_of, strangers
from benchmarks.sync_scores import PairAnswer, as_markdown, condition_scores, confidence_table, table
from videosync.errors import VideoSyncError
from videosync.timeline.sync import sync
from videosync.version import __version__


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--data", nargs="+", required=True, metavar="[NAME=]FOLDER", help="folders with manifest.jsonl")
    add("--split", help="split to measure (default: all)")
    add("--groups", action="store_true", help="all views of an event at once, not pair by pair")
    add("--limit", type=int, default=0, help="cases of each folder at most (default: all)")
    add("--cuts", type=int, default=0, help="stretches of each case, coded anew (default: the whole files)")
    add("--frames", type=int, nargs=2, default=[120, 300], metavar=("LEAST", "MOST"),
        help="of a cut file, at its own rate (default 120 300); at most 80 %% of a clip")  # fmt: skip
    add("--share", type=float, default=0.4, help="of the shorter cut that both show, at least (default 0.4)")
    add("--unrelated", type=int, default=1, help="0: no pairs of different events (default %(default)s)")
    add("--max_offset", type=float, help="seconds, as of videosync.sync")
    add("--min_overlap", type=float, help="seconds, as of videosync.sync")
    add("--seed", type=int, default=0, help="of cuts and intervals (default %(default)s)")
    add("--bootstrap", type=int, default=2000, help="resamples of the intervals (default %(default)s)")
    add(
        "--output", type=Path, default=Path("runs/benchmarks/sync_files"), help="folder (default %(default)s)"
    )
    return parser


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Measure, print, write. Returns what was written. Raises VideoSyncError."""
    answers: list[PairAnswer] = []
    with tempfile.TemporaryDirectory(prefix="videosync-cuts-") as folder:
        cutting = Cutting(args.cuts, tuple(args.frames), args.share, Path(folder), args.seed)
        for entry in args.data:
            name, _, place = entry.rpartition("=")
            place = Path(place).expanduser()
            cases = list(
                cases_of(
                    name or place.name, place, split=args.split, groups=args.groups,
                    cutting=cutting if args.cuts else None, limit=args.limit,
                )
            )  # fmt: skip
            cases += strangers(cases) if args.unrelated else []
            for case in tqdm(cases, desc=name or place.name, disable=not sys.stderr.isatty()):
                answers += ask(case, max_offset=args.max_offset, min_overlap=args.min_overlap)
    names = list(dict.fromkeys(answer.condition for answer in answers))
    scores = {
        name: condition_scores(
            [a for a in answers if a.condition == name], bootstrap=args.bootstrap, seed=args.seed
        )
        for name in names
    }
    print(as_markdown(table(scores)))
    print("\nanswers at least so sure: % of pairs / % of these within 1 frame / % of unrelated pairs\n")
    print(as_markdown(confidence_table(scores)))
    report = {
        "arguments": {key: str(value) for key, value in vars(args).items()},
        "version": __version__,
        "conditions": scores,
        "answers": [asdict(answer) for answer in answers],
    }
    args.output.mkdir(parents=True, exist_ok=True)
    path = args.output / "sync_files.json"
    path.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(f"\nwritten: {path}")
    return report


def ask(case: Case, *, max_offset: float | None = None, min_overlap: float | None = None) -> list[PairAnswer]:
    """What ``videosync.sync`` says about each two files of a case."""
    paths = [str(file) for file in case.files]
    began = time.process_time()
    timeline = sync(paths, max_offset=max_offset, min_overlap=min_overlap)
    pairs = list(combinations(range(len(paths)), 2))
    spent = (time.process_time() - began) / len(pairs)
    answers = []
    for i, j in pairs:
        said = timeline.offset(paths[i], paths[j])
        answers.append(
            PairAnswer(
                condition=case.condition,
                event=case.event,
                files=(paths[i], paths[j]),
                fps=min(case.rates[i], case.rates[j]),
                true=case.starts[i] - case.starts[j] if case.related else None,
                placed=said.placed,
                said=said.seconds if said.placed else said.alone_seconds,
                interval=said.interval_seconds,
                confidence=said.confidence,
                reason=said.reason,
                seconds=spent,
            )
        )
    return answers


def main(argv: Sequence[str] | None = None) -> int:
    args = arguments().parse_args(argv)
    try:
        run(args)
    except VideoSyncError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
