"""How well are two recordings of one sound placed, and are unrelated ones refused? Next to other methods.

    python -m benchmarks.sound.compare --sources sounds --offset-finder finder/bin/python --jobs 2 --result sound
    python -m benchmarks.sound.compare --split development --related 60 --unrelated 40      # made sounds only

``python -c "import benchmarks.sound as b; print(b.__doc__)"`` says which sounds the documents are about. All methods
answer about the same files: ``videosync.sound``, BBC's audio-offset-finder (both orders of the files, the answer of the
higher score, accepted above 10 as it advises; kept beside the recordings), plain cross-correlation, and answering 0.

Recordings are 2 to 60 s long, of rooms, with noise of -10 to 30 dB, telephone bands, gain control, clipping, AAC and
Opus, clocks that are up to 100 ppm off, and share from 2 s to everything; ``--long`` more of 64 s share 60, for drift.
Unrelated pairs are of one voice, piece or loop at another time, of one class, of the same noise, or silent. Copies hold
stretches of one recording that no microphone heard; they count in a table of their own.

Truth is acoustic: of ``videosync.sound`` where both begin to record, which is what it answers, of other methods in the
middle of what both recorded. "CPU s a minute" is of each minute of sound in either file. Intervals are over what was
recorded. Development, calibration and test have other seeds and other files.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.pipeline import Answer, asked, benchmark, keep_result, run
from benchmarks.sound.methods import (
    FINDER,
    OURS,
    Asked,
    always_0,
    answered,
    offset_finder,
    ours,
    plain_correlation,
    why_no_finder,
)
from benchmarks.sound.pairs import Draw
from benchmarks.sound.recordings import add_arguments, of_all
from benchmarks.sound.scoring import ANY_ANSWER, COMPARISON, COPIES, NAMED, PARTS, copy_scores, sound_scores
from benchmarks.sound.sources import SPLITS
from benchmarks.tables import markdown


def arguments() -> argparse.ArgumentParser:
    parser = benchmark(__doc__, "benchmarks.sound.compare")
    add = parser.add_argument
    add_arguments(add, related=360, unrelated=300)
    add("--long", type=int, default=20, help="related pairs of 60 s more (default %(default)s)")
    add("--copies", type=int, default=60, help="pairs of files with one recording put under (default %(default)s)")
    add("--split", choices=SPLITS, default="test", help="(default %(default)s)")
    add("--offset-finder", type=Path, metavar="PYTHON", help="an interpreter that has audio-offset-finder")
    return parser


def measure(args: argparse.Namespace) -> list[Answer]:
    """What all methods say. Raises VideoSyncError."""
    methods: dict[str, Asked] = {OURS: ours}
    missing = why_no_finder(args.offset_finder)
    if missing is None:
        methods[FINDER] = partial(offset_finder, python=str(args.offset_finder))
    else:
        print(f"{FINDER} is left out: {missing}", file=sys.stderr)
    methods |= {"cross-correlation": plain_correlation, "always 0": always_0}
    draw = Draw(args.split, args.seed, args.related, args.unrelated, args.long, args.copies)
    return [answer for found in of_all(args, draw, partial(answered, methods=methods)) for answer in found]


def parts_of(answers: Sequence[Answer]) -> dict[str, list[Answer]]:
    """By class of sound, and by how hard unrelated ones are."""
    sounds = {name: [a for a in answers if a.group == name] for name in sorted({a.group for a in answers})}
    rows = {a.row for a in answers if a.true is None}
    return sounds | {f"unrelated: {row}": [a for a in answers if a.row == row] for row in sorted(rows)}


def told_apart(answers: Sequence[Answer]) -> dict[str, list[Answer]]:
    """What copies of one recording, and what only sounds alike."""
    own = [a for a in answers if a.method == answers[0].method]
    return {
        "copies": [a for a in own if a.row == COPIES],
        "copies, nothing added": [a for a in own if a.row == COPIES and not a.more["decibels"]],
        "two microphones": [a for a in own if a.row != COPIES and a.true is not None],
        "unrelated": [a for a in own if a.true is None],
    }


def compare(args: argparse.Namespace) -> None:
    """Measure (or read), print. Raises VideoSyncError."""
    every = asked(args, lambda: measure(args))
    answers = [a for a in every if a.row != COPIES]
    options: dict[str, Any] = {"bootstrap": args.bootstrap, "seed": args.seed}
    rows = []
    for name in dict.fromkeys(a.method for a in answers):
        rows.append({"name": name, **sound_scores([a for a in answers if a.method == name], **options)})
    own = [a for a in answers if a.method == answers[0].method]
    parts = [{"name": name, **sound_scores(some, **options)} for name, some in parts_of(own).items()]
    print(markdown(rows, COMPARISON))
    print("\nAny answer, given or not\n")
    print(markdown(rows, ANY_ANSWER))
    named = [{"name": name, **copy_scores(some, **options)} for name, some in told_apart(every).items()]
    print(f"\n{answers[0].method}, by sound and by kind of unrelated pairs\n")
    print(markdown(parts, PARTS))
    print("\nNamed as copies of one recording\n")
    print(markdown(named, NAMED))
    keep_result(args, rows, split=args.split, parts=parts, copies=named)


main = partial(run, compare, arguments)

if __name__ == "__main__":
    sys.exit(main())
