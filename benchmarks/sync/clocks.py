"""What is found of clocks: drift, breaks, other speeds; and how often something is found where nothing is.

    python dataset_preparation/synthetic_process.py --output_dir runs/long --frames 2400 --distractors 0 1 2 …
    python -m benchmarks.sync.clocks --data runs/long recordings --seconds 10 16 60 --pairs 20 --result clocks

Of each two views of a dataset folder (with manifest.jsonl) stretches are drawn that share 70 % or more. The signals
of one of them are then changed as its file would be: played at another speed, frames or seconds taken out, some of it
played four times as slowly. Signals are measured once a file: what a codec does to a dropped frame is not in it.

Columns: ``answered``: an offset is sure enough; ``right``: the first frame's place is within 2 frames (of parts of
unlike offsets: that of one of them); ``told``: a drift, break (one that is only likely, too) or speed is claimed;
``too short``: it is said that too little is shared to tell; ``silent``: answered, off by more, and nothing is said;
``holds``: of those that are long enough the true drift is in the interval.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.pipeline import benchmark, keep_result, run
from benchmarks.tables import Column, joined, markdown, number, text
from videosync.cues import DEFAULT_CUE
from videosync.cues.cue import Cue, Signals
from videosync.cues.evidence import scores_with_evidence
from videosync.cues.named import find_cue
from videosync.data.manifest import read_manifest
from videosync.timeline.calibration import calibration_for
from videosync.timeline.clips import inspect, read_clip
from videosync.timeline.closer import Closer, look_again, look_closer
from videosync.timeline.confidence import probability_right
from videosync.timeline.evidence import ENERGY, default_encoder
from videosync.timeline.parts import cut, frames_of
from videosync.timeline.search import lag_range
from videosync.timeline.speeds import resampled

SHARE = 0.3  # of a stretch by which the other one begins earlier or later, at most
FEWEST = 28  # frames of a stretch
RIGHT = 2.0  # frames
Place = Callable[[np.ndarray], np.ndarray]  # frames of a clip → the same moments in what became of it


@dataclass(frozen=True, eq=False)
class Changed:
    """A clip after something was done to it."""

    clip: Signals
    place: Place
    drift: float = 0.0  # of its clock; nan: it has none that is one number


def changed(
    kind: str, clip: Signals, rate: float, reach: Mapping[str, np.ndarray], rng: np.random.Generator
) -> Changed:
    """``kind``: clean, unrelated; ``drift:PPM``, ``speed:RATIO``, ``lost:FRAMES``, ``every:N``, ``pause:SECONDS``,
    ``slow:SECONDS``."""
    what, _, amount = kind.partition(":")
    frames = frames_of(clip)
    if what in ("drift", "speed"):
        speed = 1 + float(amount) * 1e-6 if what == "drift" else float(amount)
        # what is played faster by a clock that runs slower: fewer frames
        return Changed(resampled(clip, speed, reach), lambda at: at / speed, 1 / speed - 1)
    if what in ("lost", "pause", "every"):
        gone = round(float(amount) * (rate if what == "pause" else 1))
        if what == "every":
            out = np.flatnonzero(rng.random(frames) < 1 / gone)
        else:
            first = round(rng.uniform(0.15, 0.85) * (frames - gone))
            out = np.arange(first, first + gone)
        kept = np.setdiff1d(np.arange(frames), out)
        before = np.concatenate([[0], np.cumsum(np.isin(np.arange(frames), out))]).astype(float)
        moved = {name: values[kept] for name, values in clip.items()}
        drift = -1 / gone if what == "every" else np.nan
        return Changed(moved, lambda at: at - np.interp(at, np.arange(frames + 1), before), drift)
    if what == "slow":
        length = round(float(amount) * rate)
        first = round(rng.uniform(0.35, 0.65) * (frames - length))
        slow = resampled(cut(clip, slice(first, first + length)), 0.25, reach)
        longer = frames_of(slow) - length
        ends = cut(clip, slice(0, first)), cut(clip, slice(first + length, None))
        joined = {name: np.concatenate([ends[0][name], slow[name], ends[1][name]]) for name in slow}
        at = [0, first, first + length, frames]
        return Changed(joined, lambda f: np.interp(f, at, [0, first, first + length + longer, frames + longer]), np.nan)
    return Changed(clip, lambda at: at)


@dataclass(frozen=True, eq=False)
class Drawn:
    """Two stretches, and where frames of the first are in the second (nan: nowhere)."""

    clip0: Signals
    clip1: Signals
    rate: float
    truth: np.ndarray  # float [T0]
    drift: float


def draw(
    both: tuple[Signals, Signals], lag: int, rate: float, seconds: float, kind: str, rng: np.random.Generator,
    reach: Mapping[str, np.ndarray], most: float = np.inf,
) -> Drawn | None:  # fmt: skip
    """Stretches of two clips of which frame ``i`` of the first is frame ``i + lag`` of the second; one of them begins
    by ``SHARE`` of them, but no more than ``most`` seconds, before the other."""
    first, stop = max(0, -lag), min(frames_of(both[0]), frames_of(both[1]) - lag)
    longer = kind.startswith("pause") and float(kind.partition(":")[2])
    frames, extra = round(seconds * rate), round(longer * rate)
    away = round(rng.uniform(-1, 1) * min(SHARE * frames, most * rate))
    room = stop - first - frames - extra - abs(away)
    if room < 0 or frames < FEWEST:
        return None
    start = first + int(rng.integers(room + 1))
    one, other = start + max(0, -away), start + max(0, away)
    clip1 = cut(both[1], slice(other + lag, other + lag + frames + extra))
    made = changed(kind, clip1, rate, reach, rng)
    truth = np.arange(frames + extra) + one - other
    placed = made.place(truth.astype(float))
    placed = np.where((truth >= 0) & (truth < frames_of(clip1)), placed, np.nan)
    return Drawn(cut(both[0], slice(one, one + frames + extra)), made.clip, rate, placed, made.drift)


def ask(cue: Cue, drawn: Drawn, max_offset: float | None = None) -> tuple[Closer, float]:
    """What is said of two stretches, and its confidence. ``max_offset``: seconds, as of ``compare``."""
    lags = lag_range(frames_of(drawn.clip0), frames_of(drawn.clip1), drawn.rate, max_offset=max_offset)
    assert lags is not None
    curve = scores_with_evidence(cue, drawn.clip0, drawn.clip1, lags, DEFAULT_CUE)
    accepted = calibration_for(DEFAULT_CUE).accepted
    if probability_right(curve, curve.best()) >= accepted:
        found = look_closer(cue, drawn.clip0, drawn.clip1, drawn.rate, curve)
    else:
        found = look_again(cue, drawn.clip0, drawn.clip1, drawn.rate, curve, max_offset=max_offset)
    return found, probability_right(found.curve, found.curve.best())


def judged(kind: str, drawn: Drawn, found: Closer, confidence: float) -> dict[str, Any]:
    """How right that is."""
    clocks = found.clocks
    answered = confidence >= calibration_for(DEFAULT_CUE).accepted
    best = found.curve.vertex(found.curve.best())
    rate = 1.0 if clocks is None or not clocks.sure else clocks.rate
    lag = best if clocks is None else best * clocks.seconds_of(1)
    frames = np.arange(len(drawn.truth))
    # where the first frame would be by the moments that are shown, at the speed that is said
    truth = drawn.truth - frames * (1 + drawn.drift if np.isfinite(drawn.drift) else 1.0)
    near = np.abs(truth - lag) <= RIGHT
    right = kind != "unrelated" and bool(np.nanmean(near) > 0.15)
    breaks = 0 if clocks is None else len(clocks.breaks)
    speed = clocks is not None and clocks.slow is not None
    drifts = rate != 1 and not speed
    told = bool(breaks or speed or drifts or (clocks is not None and clocks.suspected))
    untold = clocks is not None and clocks.untold is not None
    interval = None if clocks is None else clocks.interval_ppm
    holds, width = None, None
    if interval is not None and np.isfinite(drawn.drift):
        holds = interval[0] <= 1e6 * drawn.drift <= interval[1]
        width = (interval[1] - interval[0]) / 2
    # one offset for all of two seconds and more at another one, and not a word
    whole = np.nanmean(np.abs(drawn.truth - frames * rate - lag) > RIGHT) > 0.15
    return {
        "answered": answered, "right": answered and right, "told": answered and told, "drift": answered and drifts,
        "break": answered and breaks > 0, "speed": answered and speed,
        "untold": answered and untold,
        "silent": answered and not (told or untold) and (kind == "unrelated" or bool(whole) or not right),
        "wrong": answered and not right, "holds": holds, "width": width,
    }  # fmt: skip


def pairs_of(folder: Path, limit: int) -> Iterator[tuple[str, tuple[Path, Path], int, float]]:
    """Event, files, offset in frames and rate of each two views of one rate."""
    manifest = read_manifest(folder)
    for sample in manifest.samples[: limit or None]:
        for one, other in combinations(sample.views, 2):
            if one.fps == other.fps:
                files = manifest.path(one), manifest.path(other)
                yield sample.event, files, round(one.start_frame - other.start_frame), one.fps


def measure(args: argparse.Namespace) -> list[dict[str, Any]]:
    cue = find_cue(DEFAULT_CUE, default_encoder(DEFAULT_CUE))
    meters = cue.meters(ENERGY)
    reach = {name: columns for meter in meters for name, columns in meter.reach.items()}

    @cache
    def signals(file: Path) -> Signals:
        info = inspect(file)
        return read_clip(info, info.fps, meters).signals

    known = [pair for folder in args.data for pair in pairs_of(Path(folder).expanduser(), args.events)]
    rows = []
    for kind in args.kinds:
        for seconds in args.seconds:
            rng = np.random.default_rng([args.seed, args.kinds.index(kind), round(10 * seconds)])
            found: list[dict[str, Any]] = []
            for place in rng.permutation(len(known)).tolist() * args.turns:
                event, files, lag, rate = known[place]
                if len(found) == args.pairs:
                    break
                if kind == "unrelated":
                    others = [pair for pair in known if pair[0] != event and pair[3] == rate]
                    if not others:
                        continue
                    files = files[0], others[int(rng.integers(len(others)))][1][1]
                both = signals(files[0]), signals(files[1])
                drawn = draw(both, lag, rate, seconds, kind, rng, reach)
                if drawn is not None:
                    found.append(judged(kind, drawn, *ask(cue, drawn)))
            if found:
                rows.append(summary(kind, seconds, found))
                print(markdown(rows[-1:], CLOCKS), file=sys.stderr, flush=True)
    return rows


COUNTED = ("answered", "right", "wrong", "told", "drift", "break", "speed", "untold", "silent")


def summary(kind: str, seconds: float, found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    counts = {name: sum(bool(one[name]) for one in found) for name in COUNTED}
    held = [one["holds"] for one in found if one["holds"] is not None]
    widths = [one["width"] for one in found if one["width"] is not None]
    return {
        "kind": kind, "seconds": seconds, "n": len(found), **counts, "holds": sum(held), "of": len(held),
        "ppm": float(np.median(widths)) if widths else None,
    }  # fmt: skip


CLOCKS: tuple[Column, ...] = (
    ("what", text("kind")),
    ("lasts, s", number("seconds", "g")),
    ("answered", joined(text("answered"), text("n"), by=" of ")),
    *((name, text(name)) for name in ("right", "told", "drift", "break", "speed")),
    ("too short", text("untold")),
    ("silent", text("silent")),
    ("holds", joined(text("holds"), text("of"), by=" of ")),
    ("± ppm", number("ppm", ".0f")),
)


def arguments() -> argparse.ArgumentParser:
    parser = benchmark(__doc__, "benchmarks.sync.clocks")
    add = parser.add_argument
    add("--data", nargs="+", required=True, metavar="FOLDER", help="folders with manifest.jsonl")
    add("--seconds", type=float, nargs="+", default=[10, 16], help="of the stretches (default 10 16)")
    add("--pairs", type=int, default=20, help="of each kind and length (default 20)")
    add("--turns", type=int, default=4, help="stretches of each two views at most (default 4)")
    add("--events", type=int, default=0, help="events of each folder at most (default: all)")
    add("--kinds", nargs="+", default=["clean", "unrelated", "drift:200", "drift:1000", "drift:10000", "every:100",
        "lost:15", "pause:3", "slow:2", "speed:1.25", "speed:4"], help="see the top of the file")  # fmt: skip
    return parser


def benchmark_clocks(args: argparse.Namespace) -> None:
    """Measure and print. Raises VideoSyncError."""
    rows = measure(args)
    print(markdown(rows, CLOCKS))
    keep_result(args, rows)


main = partial(run, benchmark_clocks, arguments)

if __name__ == "__main__":
    sys.exit(main())
