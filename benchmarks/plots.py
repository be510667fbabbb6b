"""Pictures of benchmarks: bars by set, what confidence is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

from benchmarks.pipeline import Answer
from benchmarks.scores import scores

matplotlib.use("Agg")
from matplotlib import pyplot as plt

GREYS = {"always-0": "0.5", "energy": "0.75"}  # what a method is compared with; the other floors are left out
FLOORS = ("noise", "keyframes")

COLORS = ("tab:cyan", "tab:orange", "tab:green", "tab:pink", "tab:olive", "tab:purple", "tab:brown", "tab:red")


def save_set_bars(path: Path, answers: Sequence[Answer], title: str) -> None:
    """Share within 1 frame of each set, a bar a method, the worst set first; intervals over pairs of views."""
    answers = [a for a in answers if a.true is not None and a.method not in FLOORS]
    methods = list(dict.fromkeys(a.method for a in answers))
    found = {
        (group, method): scores([a for a in answers if (a.group, a.method) == (group, method)])
        for group in dict.fromkeys(a.group for a in answers)
        for method in methods
    }
    groups = sorted({group for group, _ in found}, key=lambda group: found[group, methods[-1]]["within_1"])
    real = [method for method in methods if method not in GREYS]
    colors = GREYS | {name: COLORS[place % len(COLORS)] for place, name in enumerate(real)}
    figure, axes = plt.subplots(figsize=(2 + 1.4 * len(groups), 3.6), layout="constrained")
    width = 0.85 / len(methods)
    for place, method in enumerate(methods):
        heights = np.array([100 * found[group, method]["within_1"] for group in groups])
        edges = np.array([found[group, method]["within_1_95"] or [h / 100] * 2 for group, h in zip(groups, heights)])
        at = np.arange(len(groups)) + (place - (len(methods) - 1) / 2) * width
        axes.bar(at, heights, width, color=colors[method], label=method)
        axes.errorbar(at, heights, np.abs(100 * edges.T - heights), fmt="none", ecolor="black", elinewidth=0.7)
    axes.set(ylabel="% within 1 frame", ylim=(0, 101))
    axes.set_xticks(np.arange(len(groups)), groups, rotation=15, ha="right", fontsize=8)
    axes.legend(fontsize=8, ncols=min(len(methods), 5), loc="lower left", bbox_to_anchor=(0, 1.08))
    _save(figure, path, f"windows: {title}")


def save_reliability(path: Path, classes: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """How many were right of those that were as sure, by kind of sets, held out; the diagonal is what should be."""
    figure, axes = plt.subplots(figsize=(5, 5), layout="constrained")
    axes.plot([0, 1], [0, 1], color="0.7", lw=1)
    for color, (name, found) in zip(COLORS, classes.items()):
        said, right = [c["said"] for c in found], [c["right"] for c in found]
        axes.plot(said, right, marker="o", color=color, label=f"{name} ({sum(c['pairs'] for c in found)} pairs)")
    axes.set(xlabel="confidence said", ylabel="share right within 1 frame", xlim=(0, 1), ylim=(0, 1.02))
    axes.legend()
    _save(figure, path, "sets that were left out of the fit")


def _save(figure: Any, path: Path, title: str) -> None:
    figure.suptitle(title, fontsize=10)
    figure.savefig(path, dpi=110)
    plt.close(figure)
