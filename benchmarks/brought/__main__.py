"""What does ``videosync.sync`` say of files as people bring them? Refusals and warnings included.

    python -m benchmarks.brought --data ~/datasets/real --synthetic runs/brought/* --strangers OTHERS
    python -m benchmarks.brought --data … --held-out runs/benchmarks/confidence/held_out.json
    python -m benchmarks.brought --answers runs/benchmarks/brought/answers.jsonl --before OLD/answers.jsonl

Stretches of clips are coded anew as people's files are: crf 23 to 35, 160 to 1280 pixels, other frame rates and
keyframes, 28 frames and more. They share 40 to 100 % of the shorter file, or 20 to 40 %; begin black, end black, have
a title, a flash, a lower third; lose frames, have a fast clock, a pause; come in pairs, in groups of up to eight, and
as a long file with short ones beside it.
Files that share nothing: of another event, of the same place at another time, by the same camera, of a stranger; with
the same title or graphics, coded alike on the same grid of keyframes. All is drawn from ``--seed``.

Each set is judged by the calibration of ``--held-out`` that was fitted without it, if there is one (see
``benchmarks.confidence``). "Right" is within 2 frames of the slower file, or further off with a warning that says so
(drift, break, speed). The second table has the largest share of answers that can be given where 99 % of them, and of
unrelated pairs no more than 0.5 %, are accepted: cut at the confidence that gives this.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.brought.ask import judged_by, read_tables, said, seen
from benchmarks.brought.draw import questions_of
from benchmarks.brought.score import AT_PRECISION, BROUGHT, EARNED, at_precision, earned, rows_of
from benchmarks.pipeline import Answer, asked, bar, benchmark, keep_result, read_answers, run
from benchmarks.tables import markdown
from videosync.cues import DEFAULT_CUE
from videosync.files import read_object


def arguments() -> argparse.ArgumentParser:
    parser = benchmark(__doc__, "benchmarks.brought")
    add = parser.add_argument
    add("--data", type=Path, nargs="+", default=[], metavar="FOLDER", help="real sets, with manifest.jsonl")
    add("--synthetic", type=Path, nargs="+", default=[], metavar="FOLDER", help="made sets")
    add("--strangers", type=Path, nargs="+", default=[], metavar="FOLDER", help="videos unlike any set")
    add("--related", type=int, nargs=2, default=[21, 14], metavar=("REAL", "MADE"), help="questions of each set that "
        "have an answer (default 21 14); twice as many have none")  # fmt: skip
    add("--cue", default=DEFAULT_CUE, help="(default %(default)s)")
    add("--files", type=Path, default=Path("runs/brought/files"), help="where files are made (default %(default)s)")
    add("--cache", type=Path, default=Path("runs/brought/signals"), help="of signals (default %(default)s)")
    add("--held-out", type=Path, metavar="FILE", help="calibrations by the set that they were fitted without")
    add("--before", type=Path, metavar="FILE", help="answers.jsonl of other code on the same files, to compare with")
    return parser


def measure(args: argparse.Namespace) -> list[Answer]:
    """What is concluded of all questions. Raises VideoSyncError."""
    questions = questions_of(args.data, args.synthetic, args.strangers, args.related, args.seed)
    tables = {} if args.held_out is None else read_tables(read_object(args.held_out))
    answers = []
    for number, question in enumerate(bar(questions, "questions")):
        with judged_by(args.cue, tables.get(question.group)):
            answers += said(question, number, seen(question, args.files, args.cache, args.cue))
    return answers


def benchmark_brought(args: argparse.Namespace) -> None:
    """Measure (or read), print. Raises VideoSyncError."""
    answers = asked(args, lambda: measure(args))
    rows = rows_of(answers)
    print(markdown(rows, BROUGHT))
    sides = [("now", answers)]
    if args.before is not None:
        earlier = read_answers(args.before)
        kinds = {a.row for a in earlier}  # other code may have drawn fewer kinds of questions
        sides = [("before", earlier), ("now", [a for a in answers if a.row in kinds])]
    limits: list[dict[str, Any]] = [row for rows in zip(*(at_precision(*side) for side in sides)) for row in rows]
    print("\n" + markdown(limits, AT_PRECISION))
    classes = earned(answers)
    print("\n" + markdown(classes, EARNED))
    keep_result(args, rows, limits=limits, earned=classes)


main = partial(run, benchmark_brought, arguments)

if __name__ == "__main__":
    sys.exit(main())
