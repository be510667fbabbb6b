"""How sure an answer is, measured: the numbers of ``videosync/timeline/calibration.py``.

    python dataset_preparation/synthetic_process.py --output_dir runs/confidence/mid --train_events 40 --val_events 0 \\
        --frames 480 --offset_range 120 --seed 171
    python -m benchmarks.sync_confidence --data ~/datasets/real --synthetic runs/confidence/* \\
        --strangers ~/datasets/other_videos --output runs/sync_confidence --write

Windows of prepared datasets are drawn, related and not (another event, another set, strangers, the same event at
times that never meet), short and long, searched in narrow and wide ranges. A logistic model maps features of a lag
curve to the probability that its best offset is right within a frame. What is reported is held out: each set is judged
by a model that was fitted on the other sets. What is shipped (``--write``) is fitted on all of them, real and synthetic
sets weighing the same. Signals of files are kept in ``--cache``.
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from tqdm import tqdm

from benchmarks.confidence_fit import (
    Model,
    Row,
    as_calibration,
    fit,
    half_widths,
    held_out,
    intervals,
    reliability,
    risk_coverage,
    scores,
    threshold,
)
from benchmarks.confidence_windows import Measured, draw, read_events, read_strangers
from videosync.cues import DEFAULT_CUE
from videosync.cues.evidence import scores_with_evidence
from videosync.cues.named import CUES
from videosync.errors import VideoSyncError
from videosync.timeline import calibration

Item = TypeVar("Item")
EDGES = (0.0, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95, 0.98, 1.01)
AREAS = ("auc_right_of_related", "auc_right", "auc_related", "auc_right_or_unrelated")
SHAPES = ("all", "equal", "wide", "fit240")


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--data", type=Path, nargs="+", default=[], metavar="FOLDER", help="real sets, with manifest.jsonl")
    add("--synthetic", type=Path, nargs="+", default=[], metavar="FOLDER", help="made sets")
    add("--strangers", type=Path, nargs="+", default=[], metavar="FOLDER", help="videos unlike any set")
    add("--cue", default=DEFAULT_CUE, choices=sorted(CUES), help="(default %(default)s)")
    add("--windows", type=int, default=240, help="pairs of windows of each set (default %(default)s)")
    add("--seed", type=int, default=0)
    add("--bootstrap", type=int, default=200, help="resamples of the intervals (default %(default)s)")
    add(
        "--cache",
        type=Path,
        default=Path("runs/sync_confidence/cache"),
        help="of signals (default %(default)s)",
    )
    add("--output", type=Path, default=Path("runs/sync_confidence"), help="folder (default %(default)s)")
    add("--write", action="store_true", help="write videosync/timeline/calibration.py")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    args = arguments().parse_args(argv)
    typed = ["python", "-m", "benchmarks.sync_confidence", *(sys.argv[1:] if argv is None else argv)]
    try:
        report, model = run(args, shlex.join(typed))
    except VideoSyncError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    args.output.mkdir(parents=True, exist_ok=True)
    (args.output / "sync_confidence.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    from benchmarks.confidence_plots import save_reliability, save_risk_coverage

    save_reliability(args.output / "reliability.png", report["kinds"])
    save_risk_coverage(args.output / "risk_coverage.png", report["kinds"])
    print(as_text(report))
    print(f"written: {args.output}")
    if args.write:
        write_calibration(args.cue, model, report)
        print(f"written: {calibration.__file__}")
    return 0


def run(args: argparse.Namespace, command: str) -> tuple[dict[str, Any], Model]:
    """Measure, fit, judge. Raises VideoSyncError."""
    started = time.monotonic()
    measured = Measured(args.cue, args.cache)
    folders = ((False, args.data), (True, args.synthetic))
    found = (event for made, some in folders for event in read_events(some, made, measured))
    events = list(progress(found, "events", None))
    if len({event.group for event in events}) < 3:
        raise VideoSyncError(
            "--data, --synthetic: sets are judged by the others, so three or more are needed"
        )
    strangers = read_strangers(args.strangers, measured)
    rng = np.random.default_rng(args.seed)
    sets = {event.group for event in events}
    rows = []
    drawn_pairs = draw(events, strangers, args.windows, rng)
    for drawn in progress(drawn_pairs, "windows", args.windows * len(sets)):
        curve = scores_with_evidence(measured.cue, drawn.signals0, drawn.signals1, drawn.lags, args.cue)
        rows.append(Row(drawn.group, drawn.name, drawn.made, drawn.shape, drawn.true, curve))
    model = fit(rows)
    said = held_out(rows)
    limit = threshold(rows, said)
    widths = half_widths(rows, said)
    kinds = {}
    for name, made in (("real", False), ("synthetic", True)):
        places = np.array([row.made == made for row in rows])
        if places.any():
            kinds[name] = judged([row for row in rows if row.made == made], said[places], limit, widths, args)
    report = {
        "command": command,
        "cue": args.cue,
        "seconds": round(time.monotonic() - started),
        "sets": {
            group: sum(row.group == group for row in rows)
            for group in dict.fromkeys(row.group for row in rows)
        },
        "strangers": len(strangers),
        "calibration": as_calibration(model, limit, widths),
        "kinds": kinds,
    }
    return report, model


def progress(items: Iterable[Item], title: str, total: int | None) -> Iterator[Item]:
    """On stderr; seldom where nobody looks on."""
    often = 0.2 if sys.stderr.isatty() else 15.0
    return iter(tqdm(items, desc=title, total=total, mininterval=often, dynamic_ncols=True))


def judged(
    rows: list[Row], said: np.ndarray, limit: float, widths: Sequence[float], args: argparse.Namespace
) -> dict[str, Any]:
    """All numbers of one kind of sets, held out."""
    found: dict[str, Any] = {"risk_coverage": {}, "sets": {}}
    for shape in SHAPES:
        places = np.array([shape in ("all", row.shape) for row in rows])
        if places.any():
            some = [row for row, there in zip(rows, places) if there]
            found[shape] = scores(some, said[places], limit, widths)
            found[shape]["intervals"] = intervals(some, said[places], AREAS, args.bootstrap, args.seed)
            found["risk_coverage"][shape] = risk_coverage(some, said[places])
    for group in dict.fromkeys(row.group for row in rows):
        places = np.array([row.group == group for row in rows])
        found["sets"][group] = scores([r for r in rows if r.group == group], said[places], limit, widths)
    found["reliability"] = reliability(rows, said, EDGES)
    return found


def as_text(report: dict[str, Any]) -> str:
    """Markdown tables."""
    lines = [f"calibration of {report['cue']}: {json.dumps(report['calibration'])}", ""]
    titles = (
        "windows", "pairs", "right of related", "AUC right/wrong, of related", "AUC right/rest", "AUC related/not",
        "AUC right/unrelated", "log loss", "accepted: of related", "of unrelated", "right of accepted",
        "… of accepted and related", "in interval", "at 80 %: right", "unrelated accepted",
    )  # fmt: skip
    lines += [f"| {' | '.join(titles)} |", "|" + "---|" * len(titles)]
    for kind, found in report["kinds"].items():
        for name, row in [(f"{kind}, {s}", found[s]) for s in SHAPES if s in found] + list(
            found["sets"].items()
        ):
            lines.append(f"| {' | '.join([name, *_cells(row)])} |")
    lines += ["", "| confidence | " + " | ".join(f"{k}: pairs, said, right" for k in report["kinds"]) + " |"]
    lines += ["|---|" + "---|" * len(report["kinds"])]
    for low, high in pairwise(EDGES):
        cells = []
        for found in report["kinds"].values():
            c = next((c for c in found["reliability"] if c["from"] == low), None)
            cells.append("" if c is None else f"{c['pairs']}, {_percent(c['said'])}, {_percent(c['right'])}")
        lines.append(f"| {low:g} … {min(high, 1):g} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cells(row: dict[str, Any]) -> list[str]:
    areas = []
    for key in AREAS:
        interval = row.get("intervals", {}).get(key)
        around = f" ({interval[0]:.3f} … {interval[1]:.3f})" if interval else ""
        areas.append("" if row[key] is None else f"{row[key]:.3f}{around}")
    point = row["at_80%"]
    return [
        str(row["rows"]),
        _percent(row["right_of_related"]),
        *areas,
        f"{row['log_loss']:.3f}",
        *(_percent(row[k]) for k in ("accepted_related", "accepted_unrelated", "right_of_accepted")),
        *(_percent(row[k]) for k in ("right_of_accepted_related", "inside_interval_of_accepted")),
        _percent(point["right"]),
        _percent(point["accepted_unrelated"]),
    ]


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f} %"


def write_calibration(cue: str, model: Model, report: dict[str, Any]) -> None:
    """Put the numbers of one cue into the module that holds them; those of other cues stay."""
    found = report["calibration"]
    sets = ", ".join(f"{name} ({count})" for name, count in report["sets"].items())
    entry = calibration.Calibration(
        sharpness=model.sharpness,
        bias=model.bias,
        weights=model.weights,
        most=model.most,
        accepted=found["accepted"],
        confidences=tuple(found["confidences"]),
        half_widths=tuple(found["half_widths"]),
        made_from=f"{sum(report['sets'].values())} pairs of windows: {sets}",
    )
    tables = {**calibration.CALIBRATIONS, cue: entry}
    path = Path(calibration.__file__)
    source = path.read_text(encoding="utf-8")
    head = source[: source.index("CALIBRATIONS:")]
    path.write_text(head + _as_source(tables), encoding="utf-8")


def _as_source(tables: dict[str, calibration.Calibration]) -> str:
    lines = ["CALIBRATIONS: dict[str, Calibration] = {"]
    for cue, table in tables.items():
        lines.append(f'    "{cue}": Calibration(')
        for name, value in vars(table).items():
            if name == "made_from":
                pieces = re.findall(r".{1,90}(?:\s|$)", value) or [""]
                lines += ["        made_from=(", *(f"            {_quoted(p)}" for p in pieces), "        ),"]
            else:
                lines.append(f"        {name}={value!r},")
        lines.append("    ),")
    return "\n".join([*lines, "}"]) + "\n"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


if __name__ == "__main__":
    sys.exit(main())
