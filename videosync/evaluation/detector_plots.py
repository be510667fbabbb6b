"""The comparison picture of several methods on the same pairs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import matplotlib
import numpy as np

from videosync.evaluation.metrics import SyncMetrics

matplotlib.use("Agg")
from matplotlib import pyplot as plt


def save_comparison(
    path: Path,
    metrics: Mapping[str, SyncMetrics],
    floor: SyncMetrics,
    errors: Mapping[str, np.ndarray],
    *,
    title: str,
) -> None:
    """Mean absolute errors with their intervals over events and the floor's line, above a histogram of
    each method's errors (a row each).

    Args:
        metrics, errors: a method each; errors are ``predicted - true`` ``[N]`` in frames.
        floor: metrics of always answering 0.
    """
    names = list(metrics)
    figure, (bars, spread) = plt.subplots(
        2, 1, figsize=(max(6.4, 1.1 * len(names) + 2), 7.6), layout="constrained"
    )
    colors = plt.get_cmap("tab10")(np.arange(len(names)) % 10)
    heights = np.array([metrics[name].mae_frames for name in names])
    intervals = [_interval(metrics[name]) for name in names]
    reach = np.abs(np.array(intervals).T - heights)  # [2, methods]
    drawn = bars.bar(names, heights, yerr=reach, capsize=4, color=colors)
    bars.bar_label(drawn, fmt="%.1f", padding=3, fontsize=9)
    bars.axhline(floor.mae_frames, color="black", linestyle="--", linewidth=1)
    bars.annotate(
        f"always 0: {floor.mae_frames:.1f}",
        (1, floor.mae_frames),
        xycoords=bars.get_yaxis_transform(),
        xytext=(-3, 3),
        textcoords="offset points",
        ha="right",
        fontsize=9,
    )
    bars.set(ylabel="mean absolute error, frames", title=title)
    bars.set_ylim(0, 1.15 * max(float(np.max(intervals)), floor.mae_frames))
    edges = _frame_bins(max(float(np.abs(values).max()) for values in errors.values()))
    shares = [np.histogram(errors[name], edges)[0] / floor.n * 100 for name in names]  # [methods, bins] %
    image = spread.pcolormesh(
        edges, np.arange(len(names) + 1) - 0.5, np.array(shares), cmap="viridis", vmin=0
    )
    spread.set_yticks(np.arange(len(names)), names)
    spread.invert_yaxis()
    spread.axvline(0, color="white", linewidth=0.6)
    spread.set(xlabel="predicted − true offset, frames")
    figure.colorbar(image, ax=spread, label="pairs, %")
    figure.supxlabel(
        f"{floor.n} pairs of {floor.n_events} events; bars: 95 % over events where there are several",
        fontsize=8,
    )
    figure.savefig(path, dpi=120)
    plt.close(figure)


def _interval(m: SyncMetrics) -> tuple[float, float]:
    """The interval over events; without one the margin of error over pairs; without that the mean itself."""
    if m.mae_interval is not None:
        return m.mae_interval
    margin = m.moe_frames or 0.0
    return max(m.mae_frames - margin, 0.0), m.mae_frames + margin


def _frame_bins(largest: float) -> np.ndarray:
    """Edges of at most about 60 bins of whole frames around 0 that reach ``largest``."""
    width = 2 * int(largest // 60) + 1  # odd, so that a bin is centred on 0
    bins = int(np.ceil((largest + 0.5) / width - 0.5))
    return (np.arange(-bins, bins + 2) - 0.5) * width
