"""Pictures of what confidence is worth."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt

COLOURS = {"real": "tab:orange", "synthetic": "tab:blue"}


def save_reliability(path: Path, kinds: Mapping[str, Any]) -> None:
    """How many were right of those that were as sure, of either kind, held out; the diagonal is what should be."""
    figure, axes = plt.subplots(figsize=(5, 5), layout="constrained")
    axes.plot([0, 1], [0, 1], color="0.7", lw=1)
    for name, found in kinds.items():
        classes = found["reliability"]
        said, right = [c["said"] for c in classes], [c["right"] for c in classes]
        axes.plot(
            said, right, marker="o", color=COLOURS[name], label=f"{name} ({found['all']['rows']} pairs)"
        )
        for c in classes:
            axes.annotate(
                str(c["pairs"]), (c["said"], c["right"]), (4, -10), textcoords="offset points", fontsize=7
            )
    axes.set(xlabel="confidence said", ylabel="share right within 1 frame", xlim=(0, 1), ylim=(0, 1.02))
    axes.set_title("reliability on sets that were left out of the fit", fontsize=10)
    axes.legend()
    figure.savefig(path, dpi=110)
    plt.close(figure)


def save_risk_coverage(path: Path, kinds: Mapping[str, Any]) -> None:
    """Share of wrong answers among the surest, at each share of related pairs that is accepted."""
    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    for name, found in kinds.items():
        for label, style in (("all", "-"), ("fit240", "--")):
            curve = found["risk_coverage"].get(label)
            if curve is not None:
                axes.plot(
                    curve["coverage"],
                    curve["risk"],
                    style,
                    color=COLOURS[name],
                    label=f"{name}, {label} windows",
                )
    axes.axhline(0.02, color="0.7", lw=1)
    axes.set(
        xlabel="share of related pairs accepted", ylabel="share of those wrong", xlim=(0, 1), ylim=(0, None)
    )
    axes.legend(fontsize=8)
    figure.savefig(path, dpi=110)
    plt.close(figure)
