"""How well are files put on one timeline? From the files to the answer of ``videosync.sync``, refusals included.

    python dataset_preparation/synthetic_process.py --output_dir runs/hard/rates --rates 24 25 29.97 30 50 60 …
    python -m benchmarks.sync --data plain=runs/hard/plain rates=runs/hard/rates
    python -m benchmarks.sync --data ~/datasets/mine --cuts 3
    python -m benchmarks.sync --data ~/datasets/mine --cuts 20 --groups      # three cameras and more: alone, together

Each dataset folder (with manifest.jsonl) is a condition, a row of the table. Every pair of views is given to
``videosync.sync`` as files (``--groups``: all views of an event at once, and a table of what each pair says alone and
what all say together), at their own lengths and frame rates, or (``--cuts``) as random stretches coded anew, each with
keyframes of its own. The truth is that of the manifest, in seconds: frame i of a view is taken at (start_frame + i) /
fps. Of each event one file is also paired with one of another event: such pairs ought to be refused.

Only pictures are looked at (``--audio off``). "Within 1 frame" is one frame of the slower file. Of a refused pair its
best guess counts under "any answer". Prints tables; writes answers.jsonl into --output.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

from benchmarks.pipeline import Answer, asked, bar, benchmark, keep_result, run
from benchmarks.scores import scores
from benchmarks.sync.cases import Case, Cutting, cases_of, strangers
from benchmarks.tables import CONFIDENCE, JOINT, SYNC_MORE, markdown
from videosync.cues import DEFAULT_CUE
from videosync.cues.named import ClipEmbedder
from videosync.engine.encoders import load_encoder
from videosync.models import SHIPPED
from videosync.timeline.sync import sync


def arguments() -> argparse.ArgumentParser:
    parser = benchmark(__doc__, "benchmarks.sync")
    add = parser.add_argument
    add("--data", nargs="+", default=[], metavar="[NAME=]FOLDER", help="folders with manifest.jsonl")
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
    add("--cue", default=DEFAULT_CUE, help="(default %(default)s)")
    add("--encoder", default=SHIPPED, metavar="RUN", help="as of videosync sync (default %(default)s)")
    return parser


def measure(args: argparse.Namespace) -> list[Answer]:
    """What ``videosync.sync`` says about all cases. Raises VideoSyncError."""
    answers: list[Answer] = []
    encoder = None if args.encoder == SHIPPED else load_encoder(args.encoder)
    with tempfile.TemporaryDirectory(prefix="videosync-cuts-") as folder:
        for number, entry in enumerate(args.data):
            written = Path(folder) / str(number)
            cutting = Cutting(args.cuts, tuple(args.frames), args.share, written, args.seed)
            name, _, place = entry.rpartition("=")
            root = Path(place).expanduser()
            cases = list(
                cases_of(
                    name or root.name, root, split=args.split, groups=args.groups,
                    cutting=cutting if args.cuts else None, limit=args.limit,
                )
            )  # fmt: skip
            cases += strangers(cases) if args.unrelated else []
            for case in bar(cases, name or root.name):
                answers += ask(case, args, encoder)
    return answers


def ask(case: Case, args: argparse.Namespace, encoder: ClipEmbedder | None = None) -> list[Answer]:
    """What ``videosync.sync`` says about each two files of a case. Raises VideoError."""
    paths = [str(file) for file in case.files]
    began = time.process_time()
    timeline = sync(
        paths, max_offset=args.max_offset, min_overlap=args.min_overlap, cue=args.cue, encoder=encoder, audio="off"
    )
    pairs = list(combinations(range(len(paths)), 2))
    spent = (time.process_time() - began) / len(pairs)
    moving = {file.path for file in timeline.files if file.camera == "moving"}
    answers = []
    for i, j in pairs:
        said = timeline.offset(paths[i], paths[j])
        fps = min(case.rates[i], case.rates[j])
        seconds, interval = said.seconds if said.placed else said.alone_seconds, said.interval_seconds
        more = {
            "alone": None if said.alone_seconds is None else said.alone_seconds * fps,
            "moving": (paths[i] in moving) + (paths[j] in moving),
            "reason": said.reason,
        }
        answers.append(
            Answer(
                case.condition, case.condition, case.event, f"{case.name} {i} {j}", args.cue, fps,
                (case.starts[i] - case.starts[j]) * fps if case.related else None,
                None if seconds is None else seconds * fps, said.confidence, said.placed,
                None if interval is None else (interval[1] - interval[0]) / 2 * fps, seconds=spent, more=more,
            )
        )  # fmt: skip
    return answers


def joint_rows(answers: Sequence[Answer], *, bootstrap: int, seed: int) -> list[dict[str, Any]]:
    """For each event: what pairs say alone, and what the common timeline says. Intervals are over its cases, which
    depend on each other: they say nothing about other footage."""
    rows = []
    related = [a for a in answers if a.true is not None]
    for event in dict.fromkeys(a.unit for a in related):
        together = [replace(a, unit=a.case.rsplit(" ", 2)[0]) for a in related if a.unit == event]
        if len({a.unit for a in together}) == len(together):
            continue  # two cameras: there is nothing to solve together
        alone = [replace(a, said=a.more["alone"], placed=None) for a in together]
        found = {
            name: scores(some, bootstrap=bootstrap, seed=seed)
            for name, some in (("alone", alone), ("together", together))
        }
        right = [(a.within(1), b.within(1)) for a, b in zip(alone, together)]
        gained = {"put_right": right.count((False, True)), "put_wrong": right.count((True, False))}
        rows.append({"name": event, **found["together"], **found, **gained})
    return rows


def benchmark_sync(args: argparse.Namespace) -> None:
    """Measure (or read), print. Raises VideoSyncError."""
    answers = asked(args, lambda: measure(args))
    rows = []
    for name in dict.fromkeys(a.row for a in answers):
        mine = [a for a in answers if a.row == name]
        moving = sum(a.more["moving"] for a in mine) / 2 / len(mine)
        rows.append({"name": name, "moving": moving, **scores(mine, bootstrap=args.bootstrap, seed=args.seed)})
    print(markdown(rows, SYNC_MORE))
    print("\n" + markdown([row for row in rows if "at_80%" in row], CONFIDENCE))
    if args.groups:
        rows = joint_rows(answers, bootstrap=args.bootstrap, seed=args.seed)
        print("\n" + markdown(rows, JOINT))
    keep_result(args, rows)


main = partial(run, benchmark_sync, arguments)

if __name__ == "__main__":
    sys.exit(main())
