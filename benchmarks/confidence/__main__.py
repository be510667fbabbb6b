"""How sure an answer is, measured: the numbers of ``videosync/timeline/calibration.json``.

    python dataset_preparation/synthetic_process.py --output_dir runs/confidence/mid --train_events 40 --val_events 0 \\
        --frames 480 --offset_range 120 --seed 171
    python -m benchmarks.confidence --data ~/datasets/real --synthetic runs/confidence/* --strangers OTHERS --write

Windows of prepared datasets are drawn, related and not (another event, another set, strangers, the same event at
times that never meet), short and long, short beside long, searched in narrow and wide ranges; and pairs of files as
people bring them (``--brought``; see ``benchmarks.brought``; those whose clocks are off are left out). A logistic model
maps features of the lag scores to the probability that their best offset is right within a frame. What is reported is
held out: each set is judged by a model that was fitted on the other sets. What is shipped (``--write``) is fitted on
all of them, real and synthetic sets weighing the same. Signals of files are kept in ``--cache``; the calibrations that
were fitted without each set are written into --output, ``held_out.json``, for ``benchmarks.brought --held-out``.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from datetime import date
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.brought.draw import questions_of
from benchmarks.brought.rows import brought_rows
from benchmarks.confidence.fit import BROUGHT, Row, answers, calibration, fit, held_out_models, said_of, tables_of
from benchmarks.confidence.windows import SHAPES, Measured, draw, read_events, read_strangers
from benchmarks.pipeline import Answer, asked, bar, benchmark, keep_result, run
from benchmarks.plots import save_reliability
from benchmarks.scores import reliability, scores
from benchmarks.signals import cue_of
from benchmarks.tables import CONFIDENCE, RELIABILITY, markdown
from videosync.cues import DEFAULT_CUE
from videosync.cues.evidence import scores_with_evidence
from videosync.cues.named import CUES
from videosync.errors import ConfigError
from videosync.files import read_object, write_text
from videosync.timeline.calibration import FEATURES, PATH, Calibration
from videosync.timeline.evidence import default_encoder

EDGES = (0.0, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95, 0.98, 1.01)


def arguments() -> argparse.ArgumentParser:
    parser = benchmark(__doc__, "benchmarks.confidence")
    add = parser.add_argument
    add("--data", type=Path, nargs="+", default=[], metavar="FOLDER", help="real sets, with manifest.jsonl")
    add("--synthetic", type=Path, nargs="+", default=[], metavar="FOLDER", help="made sets")
    add("--strangers", type=Path, nargs="+", default=[], metavar="FOLDER", help="videos unlike any set")
    add("--cue", default=DEFAULT_CUE, choices=sorted(CUES), help="(default %(default)s)")
    add("--windows", type=int, default=240, help="pairs of windows of each set; 0: none (default %(default)s)")
    add("--brought", type=int, nargs=2, default=[21, 7], metavar=("REAL", "MADE"), help="questions of each set as of "
        "benchmarks.brought, and twice as many pairs that share nothing; 0 0: none (default 21 7)")  # fmt: skip
    add("--files", type=Path, default=Path("runs/brought/files"), help="where these are made (default %(default)s)")
    add("--cache", type=Path, default=Path("runs/benchmarks/signals"), help="of signals (default %(default)s)")
    add("--write", action="store_true", help=f"write the cue's entry of {PATH.name}")
    return parser


def window_rows(args: argparse.Namespace) -> list[Row]:
    """What is found in windows of all sets. Raises VideoSyncError."""
    cue = cue_of(args.cue)
    measured = Measured(cue, args.cache)
    events = [
        event
        for made, folders in ((False, args.data), (True, args.synthetic))
        for event in bar(read_events(folders, made, measured), "events")
    ]
    drawn = draw(events, read_strangers(args.strangers, measured), args.windows, np.random.default_rng(args.seed))
    rows = []
    for pair in bar(drawn, "windows", args.windows * len({event.group for event in events})):
        curve = scores_with_evidence(cue, pair.signals0, pair.signals1, pair.lags, args.cue)
        rows.append(Row(pair.group, pair.name, pair.made, pair.shape, pair.true, curve))
    return rows


def measure(args: argparse.Namespace) -> list[Answer]:
    """Draw, fit, judge held out; with ``--write`` keep the fit. Raises VideoSyncError."""
    rows = window_rows(args) if args.windows else []
    if any(args.brought):
        questions = questions_of(args.data, args.synthetic, args.strangers, args.brought, args.seed)
        rows += brought_rows(bar(questions, "files"), args.files, args.cache, args.cue)
    sets = dict.fromkeys(row.group for row in rows)
    if len(sets) < 3:
        raise ConfigError("--data, --synthetic: sets are judged by the others, so three or more are needed")
    models = held_out_models(rows)
    said = said_of(models, rows)
    encoder = default_encoder(args.cue)
    look = args.cue, None if encoder is None else encoder.name
    tables = tables_of(models, rows, said, *look)
    counts = {group: sum(row.group == group for row in rows) for group in sets}
    measured = {"command": args.command, "pairs": len(rows), "sets": counts}
    held_out = {group: entry_of(table, measured) for group, table in tables.items()}
    write_text(args.output / "held_out.json", json.dumps(held_out, indent=1))
    if args.write:
        write_calibration(args.cue, entry_of(calibration(fit(rows), rows, said, *look), measured))
    return answers(rows, said, tables)


def entry_of(found: Calibration, measured: dict[str, Any]) -> dict[str, Any]:
    """A calibration as it stands in ``calibration.json``."""
    entry = asdict(found)
    del entry["cue"]
    entry["weights"] = dict(zip(FEATURES, found.weights))
    return entry | {"measured": {**measured, "date": date.today().isoformat(), "encoder": entry.pop("encoder")}}


def write_calibration(cue: str, entry: dict[str, Any]) -> None:
    """Put one cue's entry into ``calibration.json``; those of other cues stay. Raises VideoWriteError."""
    content = read_object(PATH)
    content["cues"][cue] = entry
    write_text(PATH, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    print(f"written: {PATH}", file=sys.stderr)


def benchmark_confidence(args: argparse.Namespace) -> None:
    """Measure (or read), print, draw. Raises VideoSyncError."""
    if args.write and args.answers is not None:
        raise ConfigError("--write fits anew, which needs --data and --synthetic; leave out --answers")
    found = asked(args, lambda: measure(args))
    rows, classes = [], {}
    for kind in ("real", "synthetic"):
        mine = [a for a in found if a.row.startswith(kind)]
        if not mine:
            continue
        parts = {kind: mine}
        parts |= {f"{kind}, {shape}": [a for a in mine if a.row.endswith(shape)] for shape in (*SHAPES, BROUGHT)}
        parts |= {group: [a for a in mine if a.group == group] for group in dict.fromkeys(a.group for a in mine)}
        for name, some in ((name, some) for name, some in parts.items() if some):
            rows.append({"name": name, **scores(some, bootstrap=args.bootstrap, seed=args.seed)})
        classes[kind] = reliability(mine, EDGES)
    listed = [{"name": kind, **one} for low, _ in pairwise(EDGES) for kind, of in classes.items() for one in of
              if one["from"] == low]  # fmt: skip
    print(f"Cue {found[0].method}; each set judged by a model that was fitted on the others\n")
    print(markdown(rows, CONFIDENCE), "\n")
    print(markdown(listed, RELIABILITY))
    args.output.mkdir(parents=True, exist_ok=True)
    save_reliability(args.output / "reliability.png", classes)
    keep_result(args, rows, cue=found[0].method, reliability=listed)


main = partial(run, benchmark_confidence, arguments)

if __name__ == "__main__":
    sys.exit(main())
