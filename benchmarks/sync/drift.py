"""Drift of clocks: whether its interval holds the truth, and how often one is said where there is none.

    python dataset_preparation/synthetic_process.py --output_dir runs/drift --train_events 18 --val_events 0 \\
        --frames 1800 --size 64 --offset_range 90 --distractors 0 1 2 --static_share 0 0.2 0.5 --seed 9001
    python -m benchmarks.sync.drift --data runs/drift --cache runs/signals --result drift

A recording is a stretch of one event, or, if that is too short, several events, one after the other, in an order that
is drawn anew. One of two views begins up to 10 s earlier, and its signals are then changed as a clock at another
speed, or frames that are lost, change them. Long recordings have fewer frames a second (their signals are averaged), so
that all can be measured in minutes. Signs of drift alternate.

Columns: ``placed``; ``right``: the first frame's place is within two frames; ``claimed``: another drift than 0;
``holds``: of placed pairs whose drift is told, the 95 % interval holds the true one; ``± ppm``: half its width;
``too short``: it is said that too little is shared to tell.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.pipeline import bar, benchmark, keep_result, run
from benchmarks.sync.clocks import ask, draw, judged, pairs_of
from benchmarks.tables import Column, Row, joined, markdown, number, percent, text
from videosync.cues import DEFAULT_CUE
from videosync.cues.cue import Signals
from videosync.cues.named import find_cue
from videosync.evaluation.intervals import interval_text, share_interval
from videosync.timeline.cache import SignalCache
from videosync.timeline.clips import inspect
from videosync.timeline.evidence import ENERGY, default_encoder
from videosync.timeline.parts import cut, frames_of
from videosync.timeline.speeds import resampled

AWAY = 10.0  # seconds by which one file begins before the other, at most
SEARCHED = 60.0  # seconds of offset that are searched of long recordings
STEPS, FRAMES = (1, 2, 6, 12), 1500  # of so many frames one is kept: the first that leaves so many frames, or the last
Both = tuple[Signals, Signals]


def recording(events: Mapping[str, Both], seconds: float, rate: float, rng: np.random.Generator) -> tuple[Both, str]:
    """Two views of ``seconds`` and ``AWAY`` more, in step, from as many events as it takes, and the first one's name.

    Args:
        events: of each, signals of its views from the same moment on, at ``rate`` frames/s.
    """
    wanted = round((seconds + AWAY) * rate)
    parts: list[Both] = []
    first = ""
    while (left := wanted - sum(frames_of(one) for one, _ in parts)) > 0:
        for name in rng.permutation(sorted(events)).tolist():
            first = first or name
            frames = min(left, frames_of(events[name][0]))
            start = int(rng.integers(frames_of(events[name][0]) - frames + 1))
            one, other = (cut(clip, slice(start, start + frames)) for clip in events[name])
            parts.append((one, other))
            left -= frames
            if left <= 0:
                break
    views = ({name: np.concatenate([part[n][name] for part in parts]) for name in parts[0][n]} for n in (0, 1))
    one, other = views
    return (one, other), first


def measure(args: argparse.Namespace) -> list[dict[str, Any]]:
    cue = find_cue(DEFAULT_CUE, default_encoder(DEFAULT_CUE))
    meters = cue.meters(ENERGY)
    reach = {name: columns for meter in meters for name, columns in meter.reach.items()}
    kept = SignalCache(args.cache)

    @cache
    def views(step: int) -> tuple[dict[str, Both], float]:
        """Events in step, at one frame of so many."""
        found, rate = {}, 0.0
        for event, files, lag, rate in bar(pairs_of(args.data, args.events), "measuring"):
            one, other = (kept.clips(inspect(file), {rate}, meters)[rate].signals for file in files)
            first, stop = max(0, -lag), min(frames_of(one), frames_of(other) - lag)
            both = cut(one, slice(first, stop)), cut(other, slice(first + lag, stop + lag))
            thin = [resampled(clip, step, reach) if step > 1 else {name: clip[name] for name in reach} for clip in both]
            found[event] = thin[0], thin[1]
        return found, rate / step

    rows = []
    for seconds, count in zip(args.seconds, args.pairs):
        fps = views(1)[1]
        events, rate = views(next((step for step in STEPS if seconds * fps / step <= FRAMES), STEPS[-1]))
        for kind in args.kinds:
            rng = np.random.default_rng([args.seed, round(10 * seconds)])  # the same recordings for each kind
            found, names = [], []
            for number_ in bar(range(count), f"{seconds:g} s, {kind}", count):
                both, name = recording(events, seconds, rate, rng)
                signed = kind.replace(":", ":-") if number_ % 2 and kind.startswith("drift") else kind
                drawn = draw(both, 0, rate, seconds, signed, rng, reach, AWAY)
                assert drawn is not None
                said, confidence = ask(cue, drawn, max_offset=SEARCHED)
                found.append(judged(signed, drawn, said, confidence))
                names.append(name)
            rows.append({"kind": kind, "seconds": seconds, "fps": rate, "events": len(set(names)), **summary(found)})
            print(markdown(rows[-1:], DRIFT), file=sys.stderr, flush=True)
    return rows


def summary(found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    placed = [one for one in found if one["answered"]]
    held = [one["holds"] for one in placed if one["holds"] is not None]
    widths = [one["width"] for one in placed if one["width"] is not None]
    share = float(np.mean(held)) if held else 0.0
    return {
        "n": len(found), "placed": len(placed), "right": sum(one["right"] for one in placed),
        "claimed": sum(one["drift"] for one in placed), "broken": sum(one["break"] for one in placed),
        "untold": sum(one["untold"] for one in placed), "holds": sum(held), "told": len(held),
        "holds_95": share_interval(np.array([share]), share, len(held)),  # exact bounds
        "ppm": float(np.median(widths)) if widths else None,
    }  # fmt: skip


def _held(row: Row) -> str:
    if not row["told"]:
        return "–"
    return f"{row['holds']} of {row['told']} ({interval_text(row['holds_95'], '.0f', 100)} %)"


def _kind(row: Row) -> str:
    what, _, amount = row["kind"].partition(":")
    return {"clean": "none", "drift": f"± {amount} ppm", "every": f"one frame of {amount} lost"}[what]


DRIFT: tuple[Column, ...] = (
    ("lasts, s", number("seconds", "g")),
    ("frames/s", number("fps", "g")),
    ("drift", _kind),
    ("placed", joined(text("placed"), text("n"), by=" of ")),
    ("first frame right", text("right")),
    ("drift said", text("claimed")),
    ("breaks said", text("broken")),
    ("too short, said", text("untold")),
    ("interval holds (95 %)", _held),
    ("± ppm", number("ppm", ".0f")),
)


def totals(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Of each length, what its rows say together of drifts that there are, and of none."""
    found = []
    for seconds in dict.fromkeys(row["seconds"] for row in rows):
        some = [row for row in rows if row["seconds"] == seconds and not row["kind"].startswith("every")]
        none = [row for row in some if row["kind"] == "clean"]
        found.append(
            {
                "seconds": seconds,
                "holds": sum(row["holds"] for row in some), "told": sum(row["told"] for row in some),
                "none": sum(row["placed"] - row["claimed"] for row in none), "of": sum(row["placed"] for row in none),
            }
        )  # fmt: skip
    return found


def shares(holds: str, of: str) -> Callable[[Row], str]:
    return lambda row: f"{row[holds]} of {row[of]}" + (f", {percent(row[holds] / row[of])}" if row[of] else "")


TOTALS: tuple[Column, ...] = (
    ("lasts, s", number("seconds", "g")),
    ("interval holds the truth", shares("holds", "told")),
    ("none said where there is none", shares("none", "of")),
)


def arguments() -> argparse.ArgumentParser:
    parser = benchmark(__doc__, "benchmarks.sync.drift")
    add = parser.add_argument
    add("--data", type=Path, required=True, metavar="FOLDER", help="events of a minute or more (with manifest.jsonl)")
    add("--cache", type=Path, default=Path("runs/signals"), metavar="FOLDER", help="signals (default %(default)s)")
    add("--events", type=int, default=0, help="at most (default: all)")
    add("--seconds", type=float, nargs="+", default=[60, 300, 3600], help="lengths (default 60 300 3600)")
    add("--pairs", type=int, nargs="+", default=[18, 12, 6], help="of each length and drift (default 18 12 6)")
    add("--kinds", nargs="+", default=["clean", "drift:50", "drift:200", "drift:1000"], help="as of clocks.py")
    return parser


def benchmark_drift(args: argparse.Namespace) -> None:
    """Measure and print. Raises VideoSyncError."""
    rows = measure(args)
    print(markdown(rows, DRIFT))
    print("\n" + markdown(totals(rows), TOTALS))
    keep_result(args, rows, totals=totals(rows))


main = partial(run, benchmark_drift, arguments)

if __name__ == "__main__":
    sys.exit(main())
