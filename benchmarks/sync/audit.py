"""Which cameras of a set that is said to be synchronised are off: shifts are planted, and looked for.

    python dataset_preparation/synthetic_process.py --output_dir runs/audit --train_events 40 --views 4 --seed 202 …
    python -m benchmarks.sync.audit --data runs/audit --shifts 3 --turns 100

Each dataset folder (with manifest.jsonl, whose starts are right) is asked once. Then the claim on one camera of so many
events is moved by 2 to ``--most`` frames, early or late, in each of many turns, and ``videosync audit`` gives its
verdicts. ``--rig``: the same camera of all events is moved by as much, as in a rig that is out of step, and what the
events say together (pooled) is counted.

Columns: ``found``: planted shifts that are called off by, within a frame of what was planted; ``called in sync``: those
that are not seen; ``false alarms``: cameras that are called off and are not, in a set of that many events; ``in sync``,
``cannot tell``: of all others.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.pipeline import bar, benchmark, keep_result, run
from benchmarks.tables import Column, markdown, number, share, text
from videosync.errors import ConfigError
from videosync.lags.scores import added
from videosync.timeline.audit import CANNOT_TELL, IN_SYNC, OFF_BY, POOLED, Asked, Verdict, ask, judge_event, pool
from videosync.timeline.audit_events import find_events

LEAST = 2  # frames
AUDIT: tuple[Column, ...] = (
    ("set", text("name")),
    ("events, cameras", lambda row: f"{row['events']}, {row['cameras']}"),
    ("planted", text("planted")),
    ("found", share("found", 1)),
    ("called in sync", share("missed", 1)),
    ("false alarms a set", number("false_alarms")),
    ("others: in sync", share("in_sync", 1)),
    ("cannot tell", share("cannot_tell", 1)),
)


def arguments() -> argparse.ArgumentParser:
    parser = benchmark(__doc__, "benchmarks.sync.audit")
    add = parser.add_argument
    add("--data", nargs="+", default=[], metavar="[NAME=]FOLDER", help="folders with manifest.jsonl")
    add("--shifts", type=int, default=3, help="planted in each turn (default %(default)s)")
    add("--turns", type=int, default=100, help="times that shifts are drawn (default %(default)s)")
    add("--most", type=int, default=15, help="frames of a shift (default %(default)s)")
    add("--rig", action="store_true", help="also plant one shift in the same camera of all events")
    add("--tolerance", type=float, default=1.0, help="as of videosync audit (default %(default)s)")
    return parser


def planted(asked: Asked, camera: int, seconds: float) -> Asked:
    """The same evidence, where ``camera`` is claimed to start so much earlier: it is late by as much."""
    claimed = tuple(start - seconds * (n == camera) for n, start in enumerate(asked.event.claimed))
    curves = {}
    for pair, (rate, curve) in asked.curves.items():
        sign = (pair[0] == camera) - (pair[1] == camera)
        curves[pair] = rate, added([(-round(sign * seconds * rate), curve)]) if sign else curve
    return replace(asked, event=replace(asked.event, claimed=claimed), curves=curves)


def turn(asked: Sequence[Asked], args: argparse.Namespace, rng: np.random.Generator) -> Counter[str]:
    """Plant shifts in some events, and count the verdicts."""
    where = set(rng.choice(len(asked), min(args.shifts, len(asked)), replace=False).tolist())
    counts: Counter[str] = Counter()
    for number_, one in enumerate(asked):
        camera, frames = None, 0
        if number_ in where:
            camera = int(rng.integers(len(one.event.cameras)))
            frames = int(rng.integers(LEAST, args.most + 1) * rng.choice([-1, 1]))
            one = planted(one, camera, frames / rate_of(one))
        for n, verdict in enumerate(judge_event(one, args.tolerance)):
            counts.update(counted(verdict, frames if n == camera else None))
    return counts


def rate_of(asked: Asked) -> float:
    return min((file.fps for file in asked.files.values() if file.fps), default=25.0)


def rig_turn(asked: Sequence[Asked], args: argparse.Namespace, rng: np.random.Generator) -> Counter[str]:
    """Move the same camera in all events; what they say together."""
    camera = int(rng.integers(len(asked[0].event.cameras)))
    frames = int(rng.integers(LEAST, args.most + 1) * rng.choice([-1, 1]))
    moved = [planted(one, camera, frames / rate_of(one)) for one in asked]
    name = asked[0].event.cameras[camera]
    counts: Counter[str] = Counter()
    for verdict in pool(moved, args.tolerance):
        counts.update(counted(verdict, frames if verdict.camera == name else None))
    for one in moved:  # by themselves
        alone = judge_event(one, args.tolerance)[camera]
        counts.update({f"alone {key}": count for key, count in counted(alone, frames).items()})
    return counts


def counted(verdict: Verdict, frames: int | None) -> dict[str, int]:
    """``frames``: what was planted; None: nothing."""
    if frames is None:
        return {"others": 1, verdict.verdict: 1}
    off = verdict.off_by_frames
    right = verdict.verdict == OFF_BY and off is not None and abs(off - frames) <= 1
    return {"planted": 1, "found": int(right), "missed": int(verdict.verdict == IN_SYNC)}


def row(name: str, asked: Sequence[Asked], counts: Counter[str], turns: int) -> dict[str, Any]:
    shared = {
        "found": counts["found"] / max(1, counts["planted"]),
        "missed": counts["missed"] / max(1, counts["planted"]),
        "in_sync": counts[IN_SYNC] / counts["others"] if counts["others"] else None,
        "cannot_tell": counts[CANNOT_TELL] / counts["others"] if counts["others"] else None,
    }
    return {
        "name": name, "events": len(asked), "cameras": sum(len(one.event.cameras) for one in asked),
        "turns": turns, "planted": counts["planted"],
        "false_alarms": counts[OFF_BY] / turns if counts["others"] else None, **shared,
    }  # fmt: skip


def benchmark_audit(args: argparse.Namespace) -> None:
    """Ask, plant, count. Raises VideoSyncError."""
    if not args.data:
        raise ConfigError("--data: no dataset was given; name folders with manifest.jsonl")
    rows = []
    for entry in args.data:
        name, _, place = entry.rpartition("=")
        folder = Path(place).expanduser()
        asked = [ask(event, cache=args.output / "signals") for event in bar(find_events(folder), name or folder.name)]
        rng = np.random.default_rng(args.seed)
        first = turn(asked, args, rng)
        rows.append(row(f"{name or folder.name}: one set", asked, first, 1))
        all_ = sum((turn(asked, args, rng) for _ in range(args.turns)), Counter[str]())
        rows.append(row(f"{name or folder.name}: {args.turns} draws", asked, all_, args.turns))
        if args.rig:
            turns = math.ceil(args.turns / 10)  # each takes as long as ten
            found = sum((rig_turn(asked, args, rng) for _ in range(turns)), Counter[str]())
            alone = Counter({key.removeprefix("alone "): n for key, n in found.items() if key.startswith("alone ")})
            rows.append(row(f"{name or folder.name}: one camera of all, each event alone", asked, alone, turns))
            rows.append(row(f"{name or folder.name}: one camera of all, {POOLED}", asked, found, turns))
    print(markdown(rows, AUDIT))
    keep_result(args, rows)


main = partial(run, benchmark_audit, arguments)

if __name__ == "__main__":
    sys.exit(main())
