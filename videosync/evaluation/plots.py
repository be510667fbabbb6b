"""Pictures of single pairs: the similarity matrix with its lines, and an aligned film strip."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import matplotlib
import numpy as np

from videosync.evaluation.detector_plots import METHOD_COLORS
from videosync.offset.methods import PREDICTORS
from videosync.types import OffsetEstimate, SyncPair
from videosync.video.read import read_frames_at

matplotlib.use("Agg")
from matplotlib import pyplot as plt


def save_heat_map(path: Path, matrix: np.ndarray, true: int, predicted: Mapping[str, float], title: str) -> None:
    """Similarity matrix ``[T0, T1]`` with the true offset's line (white) and a dashed one for each method."""
    rows, columns = matrix.shape
    figure, axes = plt.subplots(figsize=(6.4, 5.6), layout="constrained")
    shown = np.log(np.maximum(matrix, 1e-12))
    low, high = np.percentile(shown, [5, 99.8])
    axes.imshow(shown, cmap="magma", vmin=low, vmax=high, interpolation="nearest", origin="upper")
    ends = np.array([-0.5, rows - 0.5])
    axes.plot(ends + true, ends, color="white", lw=2.5, alpha=0.8, label=f"true: {true:+d}")
    for name, offset in predicted.items():
        color = METHOD_COLORS[name not in PREDICTORS]
        axes.plot(ends + offset, ends, color=color, lw=1.5, ls="--", label=f"{name}: {offset:+.1f}")
    axes.set(
        xlim=(-0.5, columns - 0.5),
        ylim=(rows - 0.5, -0.5),
        xlabel="frame of video 1",
        ylabel="frame of video 0",
        title=title,
    )
    axes.title.set_fontsize(9)
    legend = axes.legend(loc="upper right", fontsize=7, title="offset, frames", title_fontsize=7, framealpha=0.85)
    legend.get_frame().set_facecolor("0.25")
    for text in (*legend.get_texts(), legend.get_title()):
        text.set_color("white")
    figure.savefig(path, dpi=110)
    plt.close(figure)


def save_film_strip(
    path: Path, pair: SyncPair, predicted: float, title: str, *, columns: int = 6, height: int = 144
) -> None:
    """Frames of video 0 above those of video 1 that the prediction, and the truth, put at the same moment.

    A column whose frame of video 1 would lie outside its window stays grey.
    """
    length = pair.window0.num_frames
    moments = np.linspace(0, length - 1, columns + 2).round().astype(int)[1:-1]
    said = round(predicted)
    lines = (
        ("video 0", pair.window0, moments),
        (f"video 1, predicted {predicted:+.1f}", pair.window1, moments + said),
        (f"video 1, true {pair.offset:+d}", pair.window1, moments + pair.offset),
    )
    figure, grid = plt.subplots(3, columns, figsize=(9, 5), layout="constrained")
    for line, (name, window, frames) in zip(grid, lines):
        inside = (frames >= 0) & (frames < length)
        pictures = iter(
            read_frames_at(window.video, window.start + frames[inside], size=(height, height)) if inside.any() else ()
        )
        for axes, frame, there in zip(line, frames, inside):
            axes.imshow(next(pictures) if there else np.full((height, height, 3), 128, np.uint8))
            axes.set(xticks=[], yticks=[])
            axes.set_title(f"frame {frame}" if there else "outside", fontsize=7)
        line[0].set_ylabel(name, fontsize=8)
    fps = pair.window0.fps
    answer = OffsetEstimate("video 0", "video 1", placed=True, fps=fps, seconds=predicted / fps)
    figure.suptitle(f"{title}\npredicted: {answer.sentence()}", fontsize=9)
    figure.savefig(path, dpi=100)
    plt.close(figure)
