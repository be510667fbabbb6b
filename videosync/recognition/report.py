"""What was found on the folds of a data set: means ± standard deviations, intervals, floors, and their table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from videosync.evaluation.intervals import event_interval, interval_text
from videosync.evaluation.metrics import columns


@dataclass(frozen=True)
class Measure:
    """One way to count on the test files of a fold."""

    hits: list[bool]  # one a test file that could be read
    floor: float  # the share that is right without a look: the largest class, or drawing at random
    chosen: str = ""  # what was chosen for it, as "C 10"


@dataclass(frozen=True)
class FoldResult:
    """Everything that one task found on one fold; as JSON it is kept until the report is whole."""

    fold: str
    train: int  # files that could be read
    groups: list[str]  # of the test files that could be read
    files: list[str]  # their names
    measures: dict[str, Measure]
    unread: dict[str, str] = field(default_factory=dict)  # file → why it is left out
    short: int = 0  # files that are shorter than a clip
    notes: list[str] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> FoldResult:
        measures = {name: Measure(**measure) for name, measure in values["measures"].items()}
        return cls(**{**values, "measures": measures})


def summarise(folds: Sequence[FoldResult], *, bootstrap: int, seed: int) -> dict[str, Any]:
    """Each measure's mean over folds, their standard deviation, and a 95 % interval over groups.

    A fold counts as much as another one, whatever its size. The interval is that of this mean when groups are drawn
    anew; it does not say how another training would come out.
    """
    groups = np.concatenate([np.asarray(fold.groups, dtype=str) for fold in folds])
    weights = np.concatenate([np.full(len(fold.groups), 1 / len(fold.groups)) for fold in folds])
    scores = {}
    for name in folds[0].measures:
        found = [fold.measures[name] for fold in folds]
        values = np.array([np.mean(measure.hits) for measure in found])
        hits = np.concatenate([np.asarray(measure.hits, dtype=float) for measure in found])
        interval = event_interval(hits, groups, bootstrap=bootstrap, seed=seed, share=True, weights=weights)
        scores[name] = {
            "mean": float(values.mean()),
            "std": float(values.std(ddof=1)) if len(values) > 1 else None,
            "interval": None if interval is None else list(interval),
            "floor": float(np.mean([measure.floor for measure in found])),
            "folds": values.tolist(),
            "chosen": [measure.chosen for measure in found],
        }
    return {"n": len(groups), "n_groups": len(np.unique(groups)), "scores": scores}


def recognition_table(found: Mapping[str, Mapping[str, Any]], folds: Mapping[str, Sequence[FoldResult]]) -> str:
    """A text table for the tasks that ran: a line a measure, and what was left out."""
    rows = [["", "right (± std)", "95 % (groups)", "by chance", "folds", "chosen"]]
    lines = []
    for task, summary in found.items():
        for name, score in summary["scores"].items():
            spread = "" if score["std"] is None else f" ± {100 * score['std']:.1f}"
            each = " ".join(f"{100 * value:.1f}" for value in score["folds"]) if len(score["folds"]) > 1 else ""
            rows.append(
                [
                    f"{task}: {measure_name(name)}",
                    f"{100 * score['mean']:.1f}{spread} %",
                    interval_text(score["interval"], ".1f", 100),
                    f"{100 * score['floor']:.1f} %",
                    each,
                    _chosen(score["chosen"]),
                ]
            )
        lines += _about(task, summary, folds[task])
    if not any(row[4] for row in rows[1:]):
        rows = [row[:4] + row[5:] for row in rows]
    if not any(row[-1] for row in rows[1:]):
        rows = [row[:-1] for row in rows]
    text = columns(rows)
    text.insert(1, "─" * max(map(len, text)))
    return "\n".join([*text, *lines])


def _chosen(words: Sequence[str]) -> str:
    """``["C 1", "C 0.1"]`` → ``C 1, 0.1``; what all folds chose is said once."""
    name, numbers = words[0].partition(" ")[0], [word.partition(" ")[2] for word in words]
    return f"{name} {', '.join(numbers if len(set(numbers)) > 1 else numbers[:1])}".strip()


def measure_name(name: str) -> str:
    """``audio_to_video_5`` → ``sound → video R@5``, …"""
    kind, _, number = name.rpartition("_")
    if number.isdigit():
        return f"{' → '.join(stream.replace('audio', 'sound') for stream in kind.split('_to_'))} R@{number}"
    return _NAMES.get(name, name)


_NAMES = {
    "epoch": "epoch chosen on a part of train",
    "best_epoch_on_test": "as published, best epoch on test",
    "last_epoch": "after the last epoch",
    "cost": "C chosen on a part of train",
    "published_costs": "the same, C of the published grid",
    "best_cost_on_test": "as published, best C of it on test",
    "probe_video": "ridge on video features",
    "probe_audio": "ridge on sound features",
    "probe_joint": "ridge on both",
}


def _about(task: str, summary: Mapping[str, Any], folds: Sequence[FoldResult]) -> list[str]:
    names = ", ".join(fold.fold for fold in folds)
    where = f", fold{'s' * (len(folds) > 1)} {names}" if names else ""
    said = [f"{task}: {summary['n']} test files of {summary['n_groups']} groups{where}"]
    unread = {name: reason for fold in folds for name, reason in fold.unread.items()}
    if unread:
        first = "; ".join(list(unread.values())[:3])
        count = f"{len(unread)} file{'s' * (len(unread) > 1)}{', such as' if len(unread) > 3 else ':'}"
        said.append(f"left out, as they cannot be read: {count} {first}")
    if short := max(fold.short for fold in folds):
        said.append(f"shorter than a clip: {short} files, which go on with their last frame, or in silence")
    return said + list(dict.fromkeys(note for fold in folds for note in fold.notes))
