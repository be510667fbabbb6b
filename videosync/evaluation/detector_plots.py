"""The comparison picture of several methods on the same pairs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import matplotlib
import numpy as np

from videosync.evaluation.metrics import SyncMetrics
from videosync.offset.methods import PREDICTORS

matplotlib.use("Agg")
from matplotlib import pyplot as plt

METHOD_COLORS = {True: "tab:blue", False: "0.7"}  # of trained methods, and of the others
LABEL = {"facecolor": "white", "edgecolor": "none", "pad": 1, "alpha": 0.8}


def save_comparison(
    path: Path, metrics: Mapping[str, SyncMetrics], floor: SyncMetrics, errors: Mapping[str, np.ndarray], *, title: str
) -> None:
    """Two panels with a row for each method, the best on top: the mean absolute error with its interval over events
    and the floor's line, and how often each signed error occurs.

    Args:
        metrics, errors: a method each; errors are ``predicted - true`` ``[N]`` in frames. A name that is none of
            ``PREDICTORS`` is a trained detector.
        floor: metrics of always answering 0.
    """
    names = sorted(metrics, key=lambda name: metrics[name].mae_frames)
    height = 0.36 * len(names) + 1.9
    figure, (bars, spread) = plt.subplots(
        1, 2, figsize=(9, height), layout="constrained", sharey=True, width_ratios=(3, 2)
    )
    means = np.array([metrics[name].mae_frames for name in names])
    reach = np.abs(np.array([_interval(metrics[name]) for name in names]).T - means)  # [2, methods]
    for trained, color in METHOD_COLORS.items():
        chosen = np.array([(name not in PREDICTORS) == trained for name in names])
        if chosen.any():
            rows, label = np.flatnonzero(chosen), "trained" if trained else "needs no training"
            bars.barh(rows, means[chosen], color=color, label=label, xerr=reach[:, chosen], ecolor="0.25")
    for row, (name, mean) in enumerate(zip(names, means)):
        said = f"{mean:.2f}, {metrics[name].within_1:.0%} within 1"
        bars.annotate(said, (mean + reach[1, row], row), (5, 0), textcoords="offset points", va="center", bbox=LABEL)
    bars.axvline(floor.mae_frames, color="black", linestyle="--", label=f"always 0: {floor.mae_frames:.2f}")
    bars.set_yticks(np.arange(len(names)), names)
    bars.set_xlim(0, 1.75 * max(float((means + reach[1]).max()), floor.mae_frames))
    bars.set(xlabel="mean absolute error, frames")
    edges = _frame_bins(max(float(np.abs(values).max()) for values in errors.values()))
    shares = [np.histogram(errors[name], edges)[0] / floor.n * 100 for name in names]  # [methods, bins] %
    image = spread.pcolormesh(edges, np.arange(len(names) + 1) - 0.5, np.array(shares), cmap="Greys", vmin=0)
    spread.set(xlabel="predicted − true offset, frames")
    spread.invert_yaxis()
    figure.colorbar(image, ax=spread, label="pairs, %")
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    about = f"{floor.n} pairs of {floor.n_events} events; lines: 95 % over events where there are several"
    figure.suptitle(f"{title}\n{about}", fontsize=10)
    figure.savefig(path, dpi=100)
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
