"""A picture of an audit: events by cameras, coloured by how far each is off."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np

from videosync.timeline.audit import CANNOT_TELL, OFF_BY, POOLED, Verdict
from videosync.timeline.plots import drawable

matplotlib.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.patches import Rectangle

plt.rcParams["text.parse_math"] = False  # names may hold $

LEAST_SCALE = 3.0  # frames: what is off by less is pale
TALLEST = 60.0  # inches
MOST_WORDS = 400  # cells that have their number in them


def save_audit_plot(path: Path, verdicts: Sequence[Verdict], tolerance: float) -> None:
    """A cell for each camera of each event: blue starts early, red late, in frames; hatched cannot be told.

    ``path``: .png, .jpg, .pdf or .svg.
    """
    events = sorted(dict.fromkeys(one.event for one in verdicts), key=lambda name: name == POOLED)
    cameras = list(dict.fromkeys(one.camera for one in verdicts))
    known = [abs(one.off_by_frames) for one in verdicts if one.off_by_frames is not None and one.verdict == OFF_BY]
    most = max([LEAST_SCALE, *known])
    size = max(6.0, 2.5 + 0.9 * len(cameras)), min(TALLEST, 1.8 + 0.32 * len(events))
    figure, axes = plt.subplots(figsize=size, layout="constrained")
    values = np.full((len(events), len(cameras)), np.nan)
    for one in verdicts:
        row, column = events.index(one.event), cameras.index(one.camera)
        frames = one.off_by_frames
        if one.verdict != CANNOT_TELL and frames is not None:
            values[row, column] = frames
        else:
            corner = column - 0.5, row - 0.5
            axes.add_patch(Rectangle(corner, 1, 1, hatch="////", facecolor="0.92", edgecolor="0.6", lw=0))
        if len(verdicts) <= MOST_WORDS:
            text = "?" if one.verdict == CANNOT_TELL or frames is None else f"{round(frames, 1) + 0.0:+.1f}"
            weight = "bold" if one.verdict == OFF_BY else "normal"
            pale = frames is None or abs(frames) < 0.6 * most or one.verdict == CANNOT_TELL
            axes.text(column, row, text, ha="center", va="center", fontsize=8, weight=weight,
                      color="black" if pale else "white")  # fmt: skip
    shown = axes.imshow(values, cmap="RdBu_r", vmin=-most, vmax=most, aspect="auto")
    axes.set_xticks(range(len(cameras)), [drawable(name) for name in cameras], rotation=30, ha="right")
    axes.set_yticks(range(len(events)), [drawable(name) for name in events])
    axes.set_xticks(np.arange(len(cameras) + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(events) + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", lw=1)
    axes.tick_params(which="both", length=0, labelsize=8)
    bar = figure.colorbar(shown, ax=axes, aspect=30)
    bar.set_label("off by, frames (red: late)", fontsize=8)
    axes.set_title(f"frames off; in sync: within {tolerance:g}; bold: off; hatched: cannot be told", fontsize=9)
    figure.savefig(path, dpi=100)
    plt.close(figure)
