"""A picture of the nearest-neighbour alignment of two videos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import matplotlib
import numpy as np

from videosync.phases.embed import PhaseVideo
from videosync.video.read import read_frames_at

matplotlib.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

COLUMNS = 8
HEIGHT = 120  # of a frame, pixels


@dataclass(frozen=True)
class Aligned:
    """Two videos, and the frame of ``key`` that belongs to each frame of ``query``."""

    query: PhaseVideo
    key: PhaseVideo
    nearest: np.ndarray  # int64 [T0], frame of key
    warped: np.ndarray  # int64 [T0], frame of key along the warping path
    tau: float | None  # Kendall's tau of ``nearest``


def save_alignment(path: Path, pair: Aligned, title: str) -> None:
    """Frames of the query, their nearest neighbours, and the neighbours' times over the whole video.

    Colours in the lower part are phases, where the videos have labels: of the query below, of the key at the left.
    """
    shown = np.linspace(0, pair.query.num_frames - 1, COLUMNS).round().astype(np.int64)
    figure = plt.figure(figsize=(1.5 * COLUMNS, 8.2), layout="constrained")
    grid = figure.add_gridspec(3, COLUMNS, height_ratios=[1, 1, 2.6])
    for row, (name, video, frames) in enumerate(
        (("query", pair.query, shown), ("nearest", pair.key, pair.nearest[shown]))
    ):
        pictures = read_frames_at(video.path, frames, size=(HEIGHT, HEIGHT))
        for column, (picture, frame) in enumerate(zip(pictures, frames)):
            axes = figure.add_subplot(grid[row, column])
            axes.imshow(picture)
            axes.set(xticks=[], yticks=[])
            axes.set_title(_caption(video, int(frame)), fontsize=7)
            if column == 0:
                axes.set_ylabel(name, fontsize=8)
    axes = figure.add_subplot(grid[2, :])
    time = np.arange(pair.query.num_frames) / pair.query.fps
    axes.plot(time, pair.warped / pair.key.fps, color="0.55", lw=1.2, label="warping path (DTW)")
    tau = "not defined" if pair.tau is None else f"{pair.tau:.2f}"
    label = f"nearest frame (Kendall's tau {tau})"
    axes.plot(time, pair.nearest / pair.key.fps, ".", color="black", ms=3, label=label)
    for frame in shown:
        axes.axvline(frame / pair.query.fps, color="0.8", lw=0.6, zorder=0)
    axes.set(xlabel=f"time in {pair.query.name}, s", ylabel=f"time in {pair.key.name}, s")
    axes.set_xlim(0, pair.query.num_frames / pair.query.fps)
    axes.set_ylim(0, pair.key.num_frames / pair.key.fps)
    labels = [video.labels for video in (pair.query, pair.key) if video.labels is not None]
    phases = np.unique(np.concatenate(labels)) if labels else np.empty(0, np.int64)
    _show_phases(axes, pair.query, phases, along="x")
    _show_phases(axes, pair.key, phases, along="y")
    axes.legend(loc="upper left", fontsize=8, framealpha=0.9, bbox_to_anchor=(0.03, 1.0))
    figure.suptitle(title, fontsize=9)
    figure.savefig(path, dpi=100)
    plt.close(figure)


def _caption(video: PhaseVideo, frame: int) -> str:
    phase = "" if video.labels is None else f", phase {video.labels[frame]}"
    return f"frame {frame}{phase}"


def _show_phases(axes: Axes, video: PhaseVideo, phases: np.ndarray, *, along: str) -> None:
    """A coloured strip at the axis for each run of one phase; frames that do not count are left white."""
    if video.labels is None:
        return
    colors = plt.get_cmap("tab10")
    strip = 0.025
    for start, stop, label in phase_runs(video.labels):
        if label < 0:
            continue
        color = colors(int(np.searchsorted(phases, label)) % 10)
        low, high = start / video.fps, stop / video.fps
        if along == "x":
            axes.axvspan(low, high, 0, strip, color=color, lw=0)
            axes.text((low + high) / 2, strip * 1.2, str(label), transform=axes.get_xaxis_transform(), ha="center")
        else:
            axes.axhspan(low, high, 0, strip / 2, color=color, lw=0)
            axes.text(strip * 0.7, (low + high) / 2, str(label), transform=axes.get_yaxis_transform(), va="center")


def phase_runs(labels: np.ndarray) -> Sequence[tuple[int, int, int]]:
    """``(start, stop, label)`` of each unbroken run of one label."""
    edges = [0, *(np.flatnonzero(np.diff(labels)) + 1).tolist(), len(labels)]
    return [(start, stop, int(labels[start])) for start, stop in pairwise(edges)]
