"""Pictures of the demo of sound and pictures: its table as bars, and its training as curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
import numpy as np

from videosync.cli.demo_audio_report import COMPARED, MEASURES, RESAMPLES, Results
from videosync.evaluation.intervals import event_interval

matplotlib.use("Agg")
from matplotlib import pyplot as plt


def save_table(path: Path, results: Results) -> None:
    """A group of bars a measure, with 95 % intervals over test events, a dot for each seed, and chance as a line."""
    figure, axes = plt.subplots(figsize=(11, 5), layout="constrained")
    width = 0.8 / len(results.hits)
    colors = plt.get_cmap("tab10")
    for line, (name, measures) in enumerate(results.hits.items()):
        places = np.arange(len(COMPARED)) + (line - (len(results.hits) - 1) / 2) * width
        means = np.array([measures[key].mean() for key in COMPARED])
        ends = [
            event_interval(measures[key].mean(axis=0), results.events, bootstrap=RESAMPLES, seed=0) or (mean, mean)
            for key, mean in zip(COMPARED, means)
        ]
        errors = np.abs(np.array(ends).T - means)
        axes.bar(places, 100 * means, width, yerr=100 * errors, color=colors(line), label=name, capsize=2, alpha=0.85)
        for place, key in zip(places, COMPARED):
            seeds = 100 * measures[key].mean(axis=1)
            if len(seeds) > 1:
                axes.plot(np.full(len(seeds), place), seeds, ".", color="black", ms=4)
    for place, key in enumerate(COMPARED):
        label = "chance" if place == 0 else ""
        axes.hlines(100 * results.chance[key], place - 0.45, place + 0.45, colors="black", ls="--", lw=1, label=label)
    axes.set_xticks(range(len(COMPARED)), [MEASURES[key] for key in COMPARED])
    axes.set_ylabel("% right")
    axes.set_title(
        f"{len(results.events)} held-out events; bars: mean over seeds and 95 % over events, dots: seeds", fontsize=9
    )
    axes.legend(fontsize=8, ncols=2)
    axes.grid(axis="y", alpha=0.3)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def save_training(path: Path, title: str, records: Sequence[Mapping[str, float]], terms: Sequence[str]) -> None:
    """The terms of the loss, and how the projections of both modalities are spread, by step."""
    figure, panels = plt.subplots(1, 3, figsize=(12, 3.6), layout="constrained")
    kinds = ([*terms], ["video_rank", "audio_rank"], ["video_std", "audio_std"])
    labels = ("term of the loss", "effective rank", "standard deviation · √D")
    steps = [record["step"] for record in records]
    for axes, names, label in zip(panels, kinds, labels):
        for name in names:
            axes.plot(steps, [record.get(name, np.nan) for record in records], ".-", label=name.replace("_", " "))
        axes.set(xlabel="step", ylabel=label)
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    panels[1].set_ylim(bottom=0)
    panels[2].set_ylim(bottom=0)
    figure.suptitle(title, fontsize=9)
    figure.savefig(path, dpi=110)
    plt.close(figure)
