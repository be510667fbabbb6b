"""How well do methods find the offset between two videos? All answer for the same windows, beside floors and controls.

    python -m benchmarks.accuracy --data ~/datasets/mine                      # the floors, and plain motion energy
    python -m benchmarks.accuracy --data A B --methods encoder:runs/scl_transformer_cmu --length fit240 native
    python -m benchmarks.accuracy --data A B C --methods calibrated:energy --leave_one_out --windows 5

Data is any folder with manifest.jsonl. Windows of one pair have equal length, and true offsets that are uniform
around 0 and seeded. Always beside the methods asked for: always-0, a uniform guess, an encoder that returns noise,
"keyframes" (what the places of the keyframes in the files give away), plain motion energy (log mean absolute frame
difference, correlated over lags), and the same interpolated over keyframes. Controls have nothing to be found in
them: black frames, frames in another order, windows of unrelated events, and unrelated clips coded with one grid of
keyframes.
Prints tables; writes accuracy.json and pictures into --output.

An offset k means: frame i of window 0 shows the moment of frame i + k of window 1.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tqdm import tqdm

from benchmarks.accuracy_controls import make_controls
from benchmarks.accuracy_methods import ALWAYS, FLOORS, METHODS, NAMED, make_method
from benchmarks.accuracy_report import (
    answers_json,
    as_text,
    confidence_table,
    left_out_lines,
    make_report,
    methods_table,
    sets_table,
    warnings,
)
from benchmarks.accuracy_signals import Outcome, Signals, ask, measure_windows, windows_of
from benchmarks.accuracy_windows import Length, Trial, draw_trials, group_samples, read_data
from videosync.errors import ConfigError, VideoSyncError

PICTURED = (
    "fit240",
    "240",
    "native",
)  # lengths whose worst answers are shown: the first of these that was asked for
SOFTWARE = ("numpy", "scipy", "torch", "av", "opencv-python-headless")


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--data", type=Path, nargs="+", required=True, metavar="FOLDER", help="folders with manifest.jsonl")
    add("--split", help="split to measure (default: all)")
    add("--length", nargs="+", default=["60", "120", "fit240", "native"], metavar="N",
        help="frames of a window; 'fitN': N, or 60 %% of shorter clips; 'native': two thirds of the clip with offsets "
        "of up to half a window (default: %(default)s)")  # fmt: skip
    add("--max_offset", type=int, default=30, help="largest offset, frames (default %(default)s)")
    add("--windows", type=int, default=3, help="a pair of views (default %(default)s)")
    add("--pairs", type=int, default=0, help="of sets with more pairs of views, draw so many (default: all)")
    add("--longest", type=int, default=3000, help="frames of a native window (default %(default)s)")
    add("--methods", nargs="+", default=[], metavar="NAME",
        help=f"beside {', '.join(ALWAYS)}, which always run: "
        f"{', '.join([*(m for m in METHODS if m not in ALWAYS), *(f'{kind}:…' for kind in NAMED)])}")  # fmt: skip
    add(
        "--leave_one_out",
        action="store_true",
        help="fit methods that are fitted, each time on the other sets",
    )
    add(
        "--controls",
        type=int,
        default=24,
        help="windows of each control and length; 0: none (default %(default)s)",
    )
    add("--seed", type=int, default=0, help="of windows, controls and intervals (default %(default)s)")
    add("--bootstrap", type=int, default=2000, help="resamples of the intervals (default %(default)s)")
    add(
        "--pictures",
        type=int,
        default=2,
        help="film strips a method; 0: no pictures at all (default %(default)s)",
    )
    add("--output", type=Path, default=Path("runs/benchmarks/accuracy"), help="folder (default %(default)s)")
    return parser


def run(args: argparse.Namespace, typed: Sequence[str]) -> dict[str, Any]:
    """Measure, print, write. Returns what was written. Raises VideoSyncError."""
    names = list(dict.fromkeys([*ALWAYS, *args.methods]))
    methods = {name: make_method(name) for name in names}
    fitted = [name for name, method in methods.items() if method.fit]
    if fitted and not args.leave_one_out:
        raise ConfigError(
            f"--methods {fitted[0]}: it is fitted, so it needs --leave_one_out and data of three sets or more"
        )
    groups = group_samples(read_data(args.data), args.split)
    trials, left_out = draw_trials(
        groups, [Length(name) for name in dict.fromkeys(args.length)], max_offset=args.max_offset,
        windows=args.windows, seed=args.seed, longest=args.longest, pairs_per_set=args.pairs,
    )  # fmt: skip
    _check_output(args.output)
    signals, outcomes, notes = Signals(), dict[str, list[Outcome]](), list[str]()
    with tempfile.TemporaryDirectory(prefix="videosync-accuracy-") as folder:
        controls: list[Trial] = []
        if args.controls:
            with _bar("control clips", None) as bar:
                controls, notes = make_controls(
                    trials, count=args.controls, folder=Path(folder), seed=args.seed, on_clip=bar.update
                )
        windows = windows_of([*trials, *controls])
        with _bar("windows", len(windows)) as bar:
            measure_windows(windows, methods, signals, on_window=bar.update)
        with _bar("answers", len(methods) * (len(trials) + len(controls))) as bar:
            for name, method in methods.items():
                everything = [*trials, *controls]
                outcomes[name] = ask(
                    name, method, everything, signals, learn_from=trials, on_trial=bar.update
                )
    lengths = make_report(outcomes, methods, args.length, bootstrap=args.bootstrap, seed=args.seed)
    decoding = sum(signals.decoding.values())
    frames = sum(window.num_frames for window in signals.decoding)
    report = {
        "command": shlex.join(typed),
        "options": {key: _plain(value) for key, value in vars(args).items()},
        "versions": _versions(),
        "machine": _machine(),
        "decoding_seconds_per_1000_frames": round(1000 * decoding / max(frames, 1), 3),
        "left_out": [asdict(entry) for entry in left_out],
        "notes": [*notes, *(line for length, scores in lengths.items() for line in warnings(scores, length))],
        "lengths": lengths,
        "answers": answers_json(outcomes),
    }
    path = args.output / "accuracy.json"
    path.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    _show(report, left_out_lines(left_out), path)
    if args.pictures:
        _draw(args.output, lengths, outcomes, args.pictures)
    return report


def _show(report: dict[str, Any], left_out: Sequence[str], path: Path) -> None:
    for length, scores in report["lengths"].items():
        print(
            f"\n== windows: {length} ==  mean error, frames / % within 1 frame; of controls: % accepted where 80 % of"
            "\nthe real windows are, and % of answers that hit what nobody can know (! = no accident)\n"
        )
        print(as_text(sets_table(scores)), "\n")
        print(as_text(methods_table(scores)), "\n")
        print(as_text(confidence_table(scores)))
    print(
        "\nshares within frames: answers rounded to whole frames; sets weigh the same in means and confidences;"
    )
    print("s/pair: processor time without decoding, except of encoders")
    for line in [*left_out, *report["notes"]]:
        print(f"- {line}")
    print(f"written: {path}")


def _draw(output: Path, lengths: dict[str, Any], outcomes: dict[str, list[Outcome]], count: int) -> None:
    from benchmarks.accuracy_plots import save_risk_coverage, save_set_bars, save_worst

    for length, scores in lengths.items():
        windows = next(iter(scores.values()))["sets_equal"]["n_windows"]
        title = f"windows: {length} (n = {windows} windows, sets weigh the same)"
        save_risk_coverage(output / f"{length}_risk_coverage.png", scores, title=title)
        save_set_bars(output / f"{length}_sets.png", scores, title=title)
    shown = next((length for length in PICTURED if length in lengths), next(iter(lengths)))
    for name, answers in outcomes.items():
        if name in FLOORS:
            continue
        related = [o for o in answers if o.trial.related and o.trial.length == shown]
        save_worst(output, name, related, count)
    print(f"pictures: {output}")


def _bar(title: str, total: int | None) -> tqdm[Any]:
    return tqdm(desc=title, total=total, disable=not sys.stderr.isatty(), dynamic_ncols=True)


def _check_output(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"--output {folder}: {error.strerror}; choose a folder that can be written"
        ) from error


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def _versions() -> dict[str, str | None]:
    from videosync.checkpoints.checkpoint import git_commit
    from videosync.version import __version__

    libraries = {name: version(name) for name in SOFTWARE}
    return {
        "videosync": __version__,
        "commit": git_commit(),
        "python": platform.python_version(),
        **libraries,
    }


def _machine() -> dict[str, Any]:
    from benchmarks.data import processor_name

    return {"processor": processor_name(), "cores": os.cpu_count(), "load": round(os.getloadavg()[0], 1)}


def main(argv: Sequence[str] | None = None) -> int:
    args = arguments().parse_args(argv)
    typed = ["python", "-m", "benchmarks.accuracy", *(sys.argv[1:] if argv is None else argv)]
    try:
        run(args, typed)
    except VideoSyncError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
