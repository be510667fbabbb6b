"""Picture, sound, and both: how often are two cameras with microphones placed, and how well?

    python dataset_preparation/synthetic_process.py --sound --views 2 --output_dir runs/events --train_events 0 \\
        --val_events 60
    python -m benchmarks.sound.events --data runs/events --result sound_events

Each pair of views is given to ``videosync.sync`` as files, three times: with ``audio`` "off", "only" and "auto". Truth
is that of the pictures, from the manifest; sound comes later by its way to the microphone, so that what sound says is
off by the difference of the two ways. Of each event one file is also paired with one of another event, which ought to
be refused.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from benchmarks.pipeline import Answer, asked, bar, benchmark, keep_result, run
from benchmarks.sound.scoring import EVENTS, sound_scores
from benchmarks.sync.cases import Case, cases_of, strangers
from benchmarks.tables import markdown
from videosync.timeline.sync import sync

MODES = {"off": "picture", "only": "sound", "auto": "both"}


def arguments() -> argparse.ArgumentParser:
    parser = benchmark(__doc__, "benchmarks.sound.events")
    add = parser.add_argument
    add("--data", type=Path, nargs="+", default=[], metavar="FOLDER", help="folders with manifest.jsonl")
    add("--limit", type=int, default=0, help="pairs of each folder at most (default: all)")
    return parser


def measure(args: argparse.Namespace) -> list[Answer]:
    """What ``videosync.sync`` says about all pairs. Raises VideoSyncError."""
    answers = []
    for folder in args.data:
        cases = list(cases_of(folder.name, folder, split=None, groups=False, cutting=None, limit=args.limit))
        for case in bar([*cases, *strangers(cases)], folder.name):
            answers += [ask(case, mode) for mode in MODES]
    return answers


def ask(case: Case, mode: str) -> Answer:
    """What is said about the two files of a case with this ``audio``, in milliseconds. Raises VideoError."""
    paths = [str(file) for file in case.files]
    began = time.process_time()
    timeline = sync(paths, audio=mode)
    said = timeline.offset(*paths)
    seconds = said.seconds if said.placed else said.alone_seconds
    return Answer(
        case.condition, case.condition, case.event, case.name, MODES[mode], 1000.0,
        (case.starts[0] - case.starts[1]) * 1000 if case.related else None,
        None if seconds is None else seconds * 1000, said.confidence, said.placed,
        seconds=time.process_time() - began, more={"minutes": 1.0, "reason": said.reason},
    )  # fmt: skip


def rows_of(answers: Sequence[Answer], *, bootstrap: int, seed: int) -> list[dict[str, object]]:
    """A line for each of picture, sound and both."""
    return [
        {"name": mode, **sound_scores([a for a in answers if a.method == mode], bootstrap=bootstrap, seed=seed)}
        for mode in MODES.values()
    ]


def events(args: argparse.Namespace) -> None:
    """Measure (or read), print. Raises VideoSyncError."""
    rows = rows_of(asked(args, lambda: measure(args)), bootstrap=args.bootstrap, seed=args.seed)
    print(markdown(rows, EVENTS))
    keep_result(args, rows)


main = partial(run, events, arguments)

if __name__ == "__main__":
    sys.exit(main())
