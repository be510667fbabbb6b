"""Pictures of a comparison: error against coverage, bars for each set, and the worst answers as film strips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

from benchmarks.accuracy_scores import errors_of
from benchmarks.accuracy_signals import Outcome
from videosync.evaluation.plots import COLORS, save_film_strip

matplotlib.use("Agg")
from matplotlib import pyplot as plt

FLOOR = {"always-0": "0.25", "guess": "0.5", "noise": "0.7", "keyframes": "0.85"}  # floors are grey


def color_of(methods: Sequence[str]) -> dict[str, str]:
    real = [name for name in methods if name not in FLOOR]
    return FLOOR | {name: COLORS[place % len(COLORS)] for place, name in enumerate(real)}


def save_risk_coverage(path: Path, scores: Mapping[str, Any], *, title: str) -> None:
    """Mean error, and share within 1 frame, of the surest answers, at each share of the windows that is accepted."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    colors = color_of(list(scores))
    for name, entry in scores.items():
        if entry["confidence"] is None:  # not a choice of the surest: a line at the height of all answers
            mean = entry["sets_equal"]
            left.axhline(mean["mae_frames"], color=colors[name], lw=1, ls=":", label=name)
            right.axhline(mean["within_1"] * 100, color=colors[name], lw=1, ls=":", label=name)
            continue
        curve = entry["confidence"]["curve"]
        coverage = 100 * np.array(curve["coverage"])
        left.plot(coverage, curve["mean_error"], color=colors[name], lw=1.6, label=name)
        right.plot(coverage, 100 * np.array(curve["within_1"]), color=colors[name], lw=1.6, label=name)
    left.set(ylabel="mean error of those accepted, frames", ylim=(0, None))
    right.set(ylabel="of those accepted, % within 1 frame", ylim=(0, 101))
    for axes in (left, right):
        axes.set(xlabel="accepted, % of the windows, surest first", xlim=(0, 100))
        axes.grid(alpha=0.3)
    right.legend(fontsize=8)
    figure.suptitle(title, fontsize=10)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def save_set_bars(path: Path, scores: Mapping[str, Any], *, title: str) -> None:
    """Share within 1 frame and mean error of each set, a bar a method (floors grey), intervals over pairs."""
    methods, groups = list(scores), list(scores[next(iter(scores))]["sets"])
    colors, width = color_of(methods), 0.85 / len(scores)
    figure, (top, bottom) = plt.subplots(
        2, 1, figsize=(2 + 0.28 * len(groups) * len(methods), 6.4), sharex=True, layout="constrained"
    )
    for axes, key, spread, factor in (
        (top, "within_1", "within_1_interval", 100),
        (bottom, "mae_frames", "mae_interval", 1),
    ):
        for place, name in enumerate(methods):
            entries = [scores[name]["sets"][group] for group in groups]
            heights = np.array([entry[key] for entry in entries]) * factor
            edges = np.array([entry[spread] or [entry[key]] * 2 for entry in entries]) * factor  # [sets, 2]
            bars = np.abs(edges.T - heights)
            at = np.arange(len(groups)) + (place - (len(methods) - 1) / 2) * width
            axes.bar(at, heights, width, color=colors[name], label=name)
            axes.errorbar(at, heights, bars, fmt="none", ecolor="black", elinewidth=0.7)
        axes.grid(axis="y", alpha=0.3)
    top.set(ylabel="% within 1 frame", ylim=(0, 101))
    bottom.set(ylabel="mean error, frames")
    bottom.set_xticks(np.arange(len(groups)), groups, rotation=20, ha="right", fontsize=8)
    top.legend(fontsize=8, ncols=min(len(methods), 8), loc="lower left", bbox_to_anchor=(0, 1))
    figure.suptitle(title, fontsize=10)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def save_worst(folder: Path, name: str, outcomes: Sequence[Outcome], count: int) -> list[Path]:
    """Film strips of the answers of a method that are furthest off, one a pair of views; the surest of equals first."""
    errors = errors_of(outcomes)
    sure = np.array([outcome.confidence or 0.0 for outcome in outcomes])
    seen: set[str] = set()
    made: list[Path] = []
    for place in np.lexsort((-sure, -errors)):
        outcome = outcomes[place]
        if len(made) == count or errors[place] <= 1:
            break
        if outcome.trial.unit in seen:
            continue
        seen.add(outcome.trial.unit)
        trial = outcome.trial
        path = folder / f"{trial.length}_{name.replace('/', '-').replace(':', '-')}_worst_{len(made) + 1}.png"
        said = "none" if outcome.confidence is None else f"{outcome.confidence:.3g}"
        title = (
            f"{name}, {trial.group}, {trial.pair.pair_id}: {errors[place]:.1f} frames off, confidence {said}"
        )
        save_film_strip(path, trial.pair, round(outcome.offset, 1), title)
        made.append(path)
    return made
