"""How well do methods find the offset between two videos? All answer for the same windows, beside floors and controls.

    python -m benchmarks.accuracy --data ~/datasets/mine                    # the default cue, motion, energy, floors
    python -m benchmarks.accuracy --data A B --methods encoder:runs/mine --length fit240 native
    python -m benchmarks.accuracy --answers OLD/answers.jsonl --compare cue:motion cue:motion-learned

Data is any folder with manifest.jsonl. Windows of one pair have equal length, and true offsets that are uniform
around 0 and seeded. Always beside the methods asked for: always-0, an encoder that returns noise, "keyframes" (what the
places of the keyframes in the files give away) and plain motion energy (log mean absolute frame difference, correlated
over lags). Controls have nothing to be found in them: windows of unrelated events, plain and coded with one grid of
keyframes.

An offset k means: frame i of window 0 shows the moment of frame i + k of window 1. Cues refuse what ``videosync sync``
would refuse. Prints tables; writes answers.jsonl and a picture for each length into --output.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from functools import partial
from pathlib import Path

from benchmarks.accuracy.ask import ask
from benchmarks.accuracy.controls import make_controls
from benchmarks.accuracy.methods import ALWAYS, CURVES, DEFAULT, FLOORS, KINDS, make_method
from benchmarks.accuracy.report import control_lines, report, set_table
from benchmarks.accuracy.windows import Length, draw_trials, group_samples, read_data
from benchmarks.pipeline import Answer, asked, benchmark, keep_result, run
from benchmarks.plots import save_set_bars
from benchmarks.scores import compare
from benchmarks.tables import ACCURACY, CONFIDENCE, PAIRED, markdown


def arguments() -> argparse.ArgumentParser:
    parser = benchmark(__doc__, "benchmarks.accuracy")
    add = parser.add_argument
    add("--data", type=Path, nargs="+", default=[], metavar="FOLDER", help="folders with manifest.jsonl")
    add("--split", help="split to measure (default: all)")
    add("--length", nargs="+", default=["60", "120", "fit240", "native"], metavar="N",
        help="frames of a window; 'fitN': N, or 60 %% of shorter clips; 'native': two thirds of the clip with offsets "
        "of up to half a window (default: %(default)s)")  # fmt: skip
    add("--max_offset", type=int, default=30, help="largest offset, frames (default %(default)s)")
    add("--windows", type=int, default=3, help="a pair of views (default %(default)s)")
    add("--longest", type=int, default=3000, help="frames of a native window (default %(default)s)")
    add("--methods", nargs="+", default=list(DEFAULT), metavar="NAME",
        help=f"beside {', '.join(ALWAYS)}: {', '.join([*CURVES, *(f'{kind}:…' for kind in KINDS)])} "
        "(default: %(default)s)")  # fmt: skip
    add("--controls", type=int, default=24, help="of each kind and length; 0: none (default %(default)s)")
    add("--compare", nargs=2, metavar="METHOD", help="also: is the second one better, on the very same windows?")
    return parser


def measure(args: argparse.Namespace) -> list[Answer]:
    """Every method's answer for every window and control. Raises VideoSyncError."""
    methods = {name: make_method(name) for name in dict.fromkeys([*ALWAYS, *args.methods])}
    lengths = [Length(name) for name in dict.fromkeys(args.length)]
    trials, left_out = draw_trials(
        group_samples(read_data(args.data), args.split), lengths, longest=args.longest,
        max_offset=args.max_offset, windows=args.windows, seed=args.seed,
    )  # fmt: skip
    for length, group in dict.fromkeys((entry.length, entry.group) for entry in left_out):
        those = [entry for entry in left_out if (entry.length, entry.group) == (length, group)]
        print(f"- {length}: left out {len(those)} of {group} ({those[0].pair}: {those[0].reason})")
    with tempfile.TemporaryDirectory(prefix="videosync-accuracy-") as folder:
        controls = make_controls(trials, count=args.controls, folder=Path(folder), seed=args.seed)
        return ask([*trials, *controls], methods)


def benchmark_accuracy(args: argparse.Namespace) -> None:
    """Measure (or read), print, draw. Raises VideoSyncError."""
    answers = asked(args, lambda: measure(args))
    rows = report(answers, bootstrap=args.bootstrap, seed=args.seed)
    for length in dict.fromkeys(row["window"] for row in rows):
        here = [row for row in rows if row["window"] == length]
        print(f"\nWindows: {length}. Sets weigh the same; 95 % over sets (pairs of views, where there is one set).\n")
        print(markdown(here, ACCURACY), "\n")
        print("By set: mean error in frames, share within 1 frame\n")
        print(set_table(here), "\n")
        print(markdown([row for row in here if "at_80%" in row], CONFIDENCE), "\n")
        print("\n".join(control_lines(here)))
    if args.compare:
        print(f"\n{args.compare[1]} against {args.compare[0]}, paired\n")
        print(markdown(compare(answers, *args.compare, bootstrap=args.bootstrap, seed=args.seed), PAIRED))
    keep_result(args, [row for row in rows if row["name"] in (*FLOORS, "energy", *args.methods)])
    args.output.mkdir(parents=True, exist_ok=True)
    for length in dict.fromkeys(a.row for a in answers):
        save_set_bars(args.output / f"{length}_sets.png", [a for a in answers if a.row == length], length)


main = partial(run, benchmark_accuracy, arguments)

if __name__ == "__main__":
    sys.exit(main())
