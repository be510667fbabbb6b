"""What the demo of sound and pictures says at its end: a table, differences with their intervals, one JSON file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from videosync.cli.demo_audio import BEST, INTRA, UNTRAINED
from videosync.errors import VideoSyncError
from videosync.evaluation.intervals import event_interval, interval_text
from videosync.evaluation.metrics import columns
from videosync.files import read_object, write_json

MEASURES = {  # of a report of evaluate → what the table calls it
    "probe_video": "probe video",
    "probe_audio": "probe sound",
    "video_to_video_1": "R@1 video",
    "audio_to_audio_1": "R@1 sound",
    "joint_to_joint_1": "R@1 both",
    "video_to_audio_1": "video → sound",
    "audio_to_video_1": "sound → video",
}
COMPARED = tuple(MEASURES)[:5]  # what all lines of the table have
# measure, what it is compared with (None: the better of the untrained), by how much more it should be
WANTED: tuple[tuple[str, str | None, float], ...] = (
    ("probe_audio", None, 0.10),
    ("probe_video", None, 0.08),
    ("joint_to_joint_1", None, 0.10),
    ("video_to_video_1", None, 0.0),
    ("probe_audio", INTRA, 0.0),
)
RATIO = ("video_to_video_1", 1.3)
RESAMPLES = 2000


@dataclass(frozen=True)
class Results:
    """What is right, bool ``[seeds, events]``, by line of the table and by measure; what chance gives; how long."""

    hits: Mapping[str, Mapping[str, np.ndarray]]
    chance: Mapping[str, float]
    events: Sequence[str]
    train_events: int

    def means(self, name: str, measure: str) -> np.ndarray:
        """Of each seed: ``[seeds]``."""
        return self.hits[name][measure].mean(axis=1)

    def difference(self, name: str, other: str, measure: str) -> tuple[float, tuple[float, float] | None]:
        """How much more is right with ``name``, and its 95 % interval.

        Test events are drawn anew, the same for both; each counts with its mean over seeds. How other seeds would come
        out is not in it.
        """
        more = self.hits[name][measure].mean(axis=0) - self.hits[other][measure].mean(axis=0)
        return float(more.mean()), event_interval(more, self.events, bootstrap=RESAMPLES, seed=0)

    def untrained(self, measure: str) -> str:
        """The better of the two that were not trained."""
        return max(UNTRAINED, key=lambda name: self.means(name, measure).mean())


def read_results(folders: Mapping[str, Sequence[Path]]) -> Results:
    """Reports of evaluate, one folder a seed. Raises VideoSyncError: they are not of the same events."""
    hits: dict[str, dict[str, np.ndarray]] = {}
    chance: dict[str, float] = {}
    events: list[str] = []
    train = 0
    for name, places in folders.items():
        measures: dict[str, list[list[bool]]] = {}
        for place in places:
            tasks = read_object(place / "metrics.json")["recognition"]["folds"]
            for (fold,) in tasks.values():
                events, train = events or fold["groups"], fold["train"]
                if fold["groups"] != events:
                    raise VideoSyncError(f"{place}: its test events are not those of the others; make all anew")
                for measure in fold["measures"].keys() & MEASURES:
                    measures.setdefault(measure, []).append(fold["measures"][measure]["hits"])
                    chance.setdefault(measure, fold["measures"][measure]["floor"])
        hits[name] = {measure: np.array(rows, dtype=float) for measure, rows in measures.items()}
    return Results(hits, chance, events, train)


def summary_of(results: Results) -> dict[str, Any]:
    """The content of ``summary.json``: shares from 0 to 1."""
    rows = []
    for name, measures in results.hits.items():
        row: dict[str, Any] = {"name": name, "seeds": len(next(iter(measures.values())))}
        for measure in [key for key in MEASURES if key in measures]:
            means = results.means(name, measure)
            row[measure] = float(means.mean())
            if len(means) > 1:
                row[f"{measure}_std"] = float(means.std(ddof=1))
            if name != BEST and measure in results.hits[BEST]:
                row[f"{measure}_gain"], interval = results.difference(BEST, name, measure)
                row[f"{measure}_gain_95"] = None if interval is None else list(interval)
        rows.append(row)
    rows.append({"name": "chance", "seeds": None, **results.chance})
    facts: dict[str, Any] = {"train_events": results.train_events, "events": len(results.events)}
    facts |= {"measures": {measure: MEASURES[measure] for measure in COMPARED}}
    return {**facts, "rows": rows, "wanted": wanted(results)}


def wanted(results: Results) -> list[dict[str, Any]]:
    """What training should give, and whether it does here."""
    found = []
    for measure, named, least in WANTED:
        other = named or results.untrained(measure)
        if other not in results.hits:
            continue
        gain, interval = results.difference(BEST, other, measure)
        met = gain >= least and interval is not None and interval[0] > 0
        said = f"{MEASURES[measure]} above '{other}'" + (f" by {100 * least:.0f} points" if least else "")
        value = f"{100 * gain:+.1f} ({interval_text(interval, '+.1f', 100)})"
        if measure == RATIO[0]:
            ratio = results.means(BEST, measure).mean() / max(results.means(other, measure).mean(), 1e-9)
            said, value, met = (
                f"{said}, {RATIO[1]:g} times as much",
                f"{ratio:.2f} times, {value}",
                met and ratio >= RATIO[1],
            )
        found.append({"wanted": said, "found": value, "met": bool(met)})
    return found


def write_summary(output: Path, results: Results) -> None:
    write_json(output / "summary.json", summary_of(results))


def summary_text(results: Results) -> str:
    """The table, the differences, and what was wanted of them."""
    rows = [["", *MEASURES.values()]]
    for name, measures in results.hits.items():
        rows.append([name, *(_share(results, name, key) if key in measures else "–" for key in MEASURES)])
    rows.append(["chance", *(f"{100 * results.chance[key]:.1f}" for key in MEASURES)])
    others = [name for name in results.hits if name != BEST]
    more = [[f"{BEST} less …", *(MEASURES[key] for key in COMPARED)]]
    more += [[name, *(_gain(results, name, key) for key in COMPARED)] for name in others]
    seeds = max(len(next(iter(measures.values()))) for measures in results.hits.values())
    lines = [
        f"What frozen features know: % right of {len(results.events)} held-out events of 10 classes, mean"
        f"{f' ± standard deviation over {seeds} seeds' if seeds > 1 else ' of one seed'}; {results.train_events} "
        "train events.",
        "Probes are ridge regression; R@1 is whether the nearest train event is of the class, by features; from one "
        "modality to the other, by predictions and projections.",
        "",
        *_ruled(rows),
        "",
        "How much more, in points, with 95 % intervals: a paired bootstrap over test events, seeds averaged. It does "
        "not say how other seeds would come out.",
        "",
        *_ruled(more),
        *([""] if seeds > 1 else []),
        *(
            f"wanted: {one['wanted']}: {'yes' if one['met'] else 'NO'}, {one['found']}"
            for one in wanted(results)
            if seeds > 1
        ),
    ]
    return "\n".join(lines)


def _share(results: Results, name: str, measure: str) -> str:
    means = 100 * results.means(name, measure)
    return f"{means.mean():.1f}" + (f" ± {means.std(ddof=1):.1f}" if len(means) > 1 else "")


def _gain(results: Results, name: str, measure: str) -> str:
    gain, interval = results.difference(BEST, name, measure)
    return f"{100 * gain:+.1f} ({interval_text(interval, '+.0f', 100)})"


def _ruled(rows: list[list[str]]) -> list[str]:
    text = columns(rows)
    return [text[0], "─" * max(map(len, text)), *text[1:]]
