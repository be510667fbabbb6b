"""Do tracks of corners, matched between two views, put more answers right than the default cue does without them?

    python -m benchmarks.accuracy.tracks --data runs/syn_mid runs/syn_fast recordings --chosen syn_mid caliscope_A

Corners of what moves are followed from frame to frame (``follow.py``). The signal of a track is its speed along its
main direction, with a sign. At each lag, tracks of one view are assigned to those of the other so that the
correlations of how their speeds change, of either sign, are largest in all; the best pairs count.

Windows are those of the lab note on units of evidence (docs/experiments): of synthetic sets the first two views of six
events, of recordings up to six pairs of views, in the order of --data. Sets named by --chosen are those that details
were chosen on; only the others say what tracks are worth. Prints both, and what is made of unrelated clips that share
nothing but a grid of keyframes.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import combinations
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.accuracy.controls import make_controls
from benchmarks.accuracy.follow import against_shifts, follow, profiles, track_scores
from benchmarks.accuracy.report import control_scores
from benchmarks.accuracy.windows import Length, draw_trials, group_samples, read_data
from benchmarks.pipeline import Answer, asked, bar, benchmark, keep_result, run
from benchmarks.signals import cue_of, length, of_file
from benchmarks.signals import part as cut_signals
from benchmarks.tables import Column, Row, around, cross, markdown, number, percent, share, text
from videosync.cues import DEFAULT_CUE
from videosync.cues.cue import camera_moves
from videosync.evaluation.intervals import percentiles
from videosync.lags.fusion import fuse, standardise
from videosync.video.read import probe

SHORTEST, REACH, FIT = 30, 30, 0.6  # frames of a window; largest offset; share of what the views share
PAIRS, NOTE = 6, 3  # of a set; windows a pair in the note on units of evidence
DEFAULT, ALONE, MORE = "default", "tracks alone", "a part more"
METHODS = (DEFAULT, "default without lines", ALONE, MORE, "a part more, against circular shifts", "one part with lines",
           "in place of lines")  # fmt: skip
CONTROLS: tuple[Column, ...] = (
    ("evidence", text("name")),
    ("n", text("n")),
    ("grids meet", share("hits")),
    ("by chance", share("chance")),
    ("p", number("p_value", ".2g")),
)


def arguments() -> argparse.ArgumentParser:
    parser = benchmark(__doc__, "benchmarks.accuracy.tracks")
    add = parser.add_argument
    add("--data", type=Path, nargs="+", default=[], metavar="FOLDER", help="folders with manifest.jsonl")
    add("--chosen", nargs="+", default=[], metavar="SET", help="sets that details were chosen on")
    add("--windows", type=int, default=10, help=f"a pair of views; the first {NOTE} are those of the note "
        "(default %(default)s)")  # fmt: skip
    add("--controls", type=int, default=24, help="pairs of clips with one grid of keyframes (default %(default)s)")
    return parser


@dataclass(frozen=True)
class Question:
    """Windows of two files: frame i of the first shows the moment of frame i + ``true`` of the second."""

    group: str
    unit: str
    turn: int
    files: tuple[Path, Path]
    starts: tuple[int, int]
    frames: int
    reach: int
    true: int


def questions(folders: Sequence[Path], windows: int) -> Iterator[Question]:
    """Seeded by the number of the pair. Raises ManifestError."""
    pairs = []
    for group, members in group_samples(read_data(folders), None).items():
        first = {sample.event: (m, sample) for m, sample in reversed(members)}  # of each event the first sample
        views = [(m, *two) for m, sample in members for two in combinations(sample.views, 2)]
        if len(first) > 1:
            views = [(m, s.views[0], s.views[1]) for m, s in members if first[s.event] == (m, s)]
        for manifest, view0, view1 in views[:PAIRS]:
            files = manifest.path(view0), manifest.path(view1)
            frames = probe(files[0]).num_frames, probe(files[1]).num_frames
            lag = round(view0.start_frame - view1.start_frame)
            shared = min(frames[0], frames[1] - lag) - max(0, -lag)
            if FIT * shared >= SHORTEST:
                pairs.append((group, f"{group}/{view0.video}-{view1.video}", files, frames, lag, shared))
    for turn in range(windows):
        for number_, (group, unit, files, frames, lag, shared) in enumerate(pairs):
            rng = np.random.default_rng([99, turn, number_])
            if rng.random() >= 0.65:
                continue  # a pair of unrelated windows of the note
            width = int(min(rng.choice([60, 120, 240]), FIT * shared))
            reach = int(min(REACH, width // 2, shared - width))
            if reach < 4:
                continue
            true = int(rng.integers(-reach, reach + 1))
            least, most = max(0, true - lag), min(frames[0] - width, frames[1] - width - (lag - true))
            if most >= least:
                start = int(rng.integers(least, most + 1))
                yield Question(group, unit, turn, files, (start, start + lag - true), width, reach, true)


def measure(args: argparse.Namespace) -> list[Answer]:
    """All methods' answers for all windows and controls. Raises VideoSyncError."""
    cv2.setNumThreads(1)
    cue = cue_of(DEFAULT_CUE)
    followed, signals = cache(follow), cache(partial(of_file, cue=cue))
    lines = [part.channels for part in cue.parts].index(("lines",))

    def answers(question: Question, true: int | None, **more: Any) -> Iterator[Answer]:
        lags = np.arange(-question.reach, question.reach + 1)
        at = list(zip(question.files, question.starts))
        clips = [cut_signals(signals(file), start, question.frames) for file, start in at]
        for clip in clips:
            assert length(clip) == question.frames, question
        default, parts = cue.for_clips(clips[0], clips[1]).evidence(clips[0], clips[1], lags)
        ways = [followed(file) for file in question.files]
        started = time.process_time()
        one, other = (profiles(tracks, start, question.frames) for (tracks, _), start in zip(ways, question.starts))
        still = not any(camera_moves(clip) for clip in clips)
        scores = track_scores(one, other, lags) if still else np.zeros(len(lags))
        seconds = time.process_time() - started
        shifted = against_shifts(scores, one, other, lags, question.turn) if still else scores
        without = np.delete(parts, lines, axis=0)
        curves = dict(zip(METHODS, (
            default, fuse(without), scores, fuse([*parts, scores]), fuse([*parts, shifted]),
            fuse([*without, standardise(parts[lines]) + standardise(scores)]), fuse([*without, scores]),
        )))  # fmt: skip
        more |= {"turn": question.turn, "frames": question.frames, "ms": float(np.mean([ms for _, ms in ways]))}
        row = "chosen" if question.group in args.chosen else "held back"
        for name, curve in curves.items():
            said = float(lags[int(np.argmax(curve))])
            case = f"{question.unit} {question.turn}"
            fps = probe(question.files[0]).fps
            yield Answer(row, question.group, question.unit, case, name, fps, true, said, seconds=seconds, more=more)

    found = []
    for question in bar(list(questions(args.data, args.windows)), "windows"):
        found += list(answers(question, question.true))
    if not args.controls:
        return found
    groups = group_samples(read_data(args.data), None)
    trials, _ = draw_trials(groups, [Length("120")], max_offset=REACH, windows=1, seed=args.seed, longest=3000)
    with tempfile.TemporaryDirectory(prefix="videosync-tracks-") as folder:
        for trial in bar(make_controls(trials, count=args.controls, folder=Path(folder), seed=args.seed), "controls"):
            if trial.target is not None:
                one, other = trial.pair.window0, trial.pair.window1
                files, starts = (Path(one.video), Path(other.video)), (one.start, other.start)
                question = Question(trial.group, trial.unit, 0, files, starts, one.num_frames, trial.search, 0)
                more = {"control": trial.control, "target": trial.target, "period": trial.period}
                found += list(answers(question, None, search=trial.search, **more))
    return found


def rows_of(answers: Sequence[Answer], *, bootstrap: int, seed: int) -> list[dict[str, Any]]:
    """A row for each method, of the windows of the note and of all; gains are paired with the default.

    Intervals are 95 % of a bootstrap over sets, and over windows within each.
    """
    rows = []
    related = [a for a in answers if a.true is not None]
    for part in sorted({a.row for a in related}, reverse=True):
        for most in sorted({NOTE, 1 + max(a.more["turn"] for a in related)}):
            here = [a for a in related if a.row == part and a.more["turn"] < most]
            usual = {a.case: a.within(1) for a in here if a.method == DEFAULT}
            for name in dict.fromkeys(a.method for a in here):
                mine = [a for a in here if a.method == name]
                right: dict[str, list[tuple[bool, bool]]] = {}
                for a in mine:
                    right.setdefault(a.group, []).append((a.within(1), usual[a.case]))
                sets = [np.array(of, float) for of in right.values()]  # [windows, 2] each
                rng, drawn = np.random.default_rng(seed), []
                for _ in range(bootstrap if len(sets) > 1 else 0):
                    some = [sets[i] for i in rng.integers(len(sets), size=len(sets))]
                    drawn.append(np.mean([of[rng.integers(len(of), size=len(of))].mean(axis=0) for of in some], axis=0))
                within, before = np.mean([of.mean(axis=0) for of in sets], axis=0)
                gains = np.array([a - b for a, b in drawn])
                rows.append(
                    {
                        "name": name, "part": part, "n": len(mine), "sets": len(sets), "windows": most,
                        "within_1": float(within), "gain": float(within - before),
                        "gain_95": percentiles(gains) if len(gains) and name != DEFAULT else None,
                        "put_right": sum(a.within(1) and not usual[a.case] for a in mine),
                        "put_wrong": sum(usual[a.case] and not a.within(1) for a in mine),
                        "by_set": {group: float(np.mean(of, axis=0)[0]) for group, of in right.items()},
                    }
                )  # fmt: skip
    return rows


def table(rows: Sequence[Row]) -> str:
    """A line for each method: within 1 frame, points more than the default (95 %), put right / made wrong."""

    def cell(row: Row) -> str:
        gain = around(lambda row: f"{100 * row['gain']:+.1f}", "gain_95", ".1f", 100)(row)
        changed = "" if row["name"] == DEFAULT else f", {gain}, {row['put_right']}/{row['put_wrong']}"
        return percent(row["within_1"], 1) + changed

    named = [{**row, "window": f"{row['part']}: {row['sets']} sets, {row['n']} windows"} for row in rows]
    return cross(named, cell, "evidence")


def benchmark_tracks(args: argparse.Namespace) -> None:
    """Measure (or read), print. Raises VideoSyncError."""
    answers = asked(args, lambda: measure(args))
    rows = rows_of(answers, bootstrap=args.bootstrap, seed=args.seed)
    print(table(rows), "\n")
    strange = [a for a in answers if a.true is None]
    controls = [{"name": m, **control_scores([a for a in strange if a.method == m], {})} for m in METHODS if strange]
    print(markdown(controls, CONTROLS), "\n")
    alone = [a for a in answers if a.method == ALONE]
    cost = {
        "ms_a_frame": np.mean([a.more["ms"] for a in alone]),
        "ms_a_pair": 1e3 * np.mean([a.seconds for a in alone]),
    }
    cost = {name: round(float(of), 2) for name, of in cost.items()}
    print(f"Processor time: {cost['ms_a_frame']} ms a frame, {cost['ms_a_pair']} ms a pair of windows.")
    keep_result(args, rows, cost=cost, controls=controls)


main = partial(run, benchmark_tracks, arguments)

if __name__ == "__main__":
    sys.exit(main())
