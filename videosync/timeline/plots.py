"""A picture of an answer: the scores of the offsets of every pair, of the pictures or, where it decides, of the sound;
and the same moments of all placed files below each other."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from itertools import chain
from pathlib import Path

import matplotlib
import numpy as np

from videosync.signals.grey import small_size
from videosync.timeline.chapters import frames_of
from videosync.timeline.evidence import Evidence
from videosync.timeline.result import Timeline, short_names
from videosync.types import OffsetEstimate
from videosync.video.read import probe, read_frames_at

matplotlib.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.figure import SubFigure

plt.rcParams["text.parse_math"] = False  # names of files may hold $

COLUMNS = 8  # moments in the film strip
PICTURE = 160  # pixels, the longer side
CURVES_A_ROW = 3
MOST_CURVES = 15  # of more pairs only the first are drawn


def save_sync_plot(path: Path, evidence: Evidence, timeline: Timeline) -> None:
    """Scores over offsets (s; of pictures in standard errors) above a film strip of the placed files with pictures.

    Raises:
        VideoError: a frame that was measured cannot be read again.
    """
    drawn = sorted({*evidence.curves, *evidence.sounds.matches})[:MOST_CURVES]
    files = {file.path: file for file in timeline.files}
    placed = [n for n, path in enumerate(evidence.paths) if files[path].placed and n in evidence.infos]
    curve_rows = math.ceil(len(drawn) / CURVES_A_ROW)
    height = 2.4 * max(curve_rows, 1) + 1.3 * len(placed)
    figure = plt.figure(figsize=(13, height), layout="constrained")
    heights = [2.4 * max(curve_rows, 1), max(1.3 * len(placed), 0.1)]
    top, bottom = np.ravel(figure.subfigures(2, 1, height_ratios=heights, squeeze=False))
    names = {path: printable(name) for path, name in short_names(list(evidence.paths)).items()}
    if drawn:
        grid = top.subplots(curve_rows, CURVES_A_ROW, squeeze=False).ravel()
        for axes, (i, j) in zip(grid, drawn):
            estimate = timeline.offset(evidence.paths[i], evidence.paths[j])
            _draw_curve(axes, evidence, (i, j), estimate, names)
        for axes in grid[len(drawn) :]:
            axes.set_visible(False)
    if placed:
        _draw_strip(bottom, evidence, timeline, placed, names)
    figure.savefig(path, dpi=100)
    plt.close(figure)


def printable(name: str) -> str:
    """A file's name as a font can show it: bytes that are no text become question marks."""
    return name.encode("utf-8", "replace").decode("utf-8")


def _draw_curve(
    axes: plt.Axes, evidence: Evidence, pair: tuple[int, int], estimate: OffsetEstimate, names: dict[str, str]
) -> None:
    match, curve = evidence.sounds.matches.get(pair), evidence.curves.get(pair)
    by_sound = match is not None and (curve is None or estimate.decided_by == "sound")
    if by_sound and match is not None:
        axes.plot(match.lags, match.scores, lw=0.8, color="tab:green")
    elif curve is not None:
        axes.plot(curve.lags / evidence.grid(pair), curve.scores, lw=0.8, color="tab:blue")
    said = []
    alone = [(f"{w.name} alone", w.seconds, "0.5", "--" if w.name == "picture" else ":") for w in estimate.witnesses]
    for name, seconds, color, style in (*alone, ("answer", estimate.seconds, "tab:orange", "-")):
        if seconds is not None:
            axes.axvline(seconds, color=color, lw=1, ls=style, zorder=0)
            said.append(f"{name} {seconds:+.3f} s")
    axes.set_title(f"{names[estimate.video0]} - {names[estimate.video1]}\n{', '.join(said)}", fontsize=8)
    axes.set_xlabel("offset, s (positive: the second started first)", fontsize=7)
    axes.set_ylabel("score of the sound" if by_sound else "score of the pictures, standard errors", fontsize=7)
    axes.tick_params(labelsize=7)


def _draw_strip(
    figure: SubFigure, evidence: Evidence, timeline: Timeline, placed: list[int], names: dict[str, str]
) -> None:
    """One row a file, one column a moment of the stretch that most files show; grey where a file shows nothing."""
    files = {file.path: file for file in timeline.files}
    starts = {n: start for n in placed if (start := files[evidence.paths[n]].start_seconds) is not None}
    ends = {n: start + float(evidence.infos[n].times[-1]) for n, start in starts.items()}
    low, high = max(starts.values()), min(ends.values())
    if high <= low:
        low, high = min(starts.values()), max(ends.values())
    moments = np.linspace(low, high, COLUMNS + 2)[1:-1]
    grid = figure.subplots(len(placed), COLUMNS, squeeze=False)
    for row, number in zip(grid, placed):
        info = evidence.infos[number]
        own = moments - starts[number]
        inside = (own >= 0) & (own <= info.times[-1])
        frames = np.abs(info.times[None] - own[:, None]).argmin(axis=1)
        about = probe(info.path)
        size = small_size(about.height, about.width, PICTURE)
        pictures: Iterator[np.ndarray]
        if number in evidence.chapters:
            read = partial(read_frames_at, size=size)
            found = frames_of(evidence.chapters[number], own[inside], read) if inside.any() else ()
            pictures = chain.from_iterable(found)
        else:
            pictures = iter(read_frames_at(info.path, frames[inside], size=size) if inside.any() else ())
        for axes, frame, there in zip(row, frames, inside):
            axes.imshow(next(pictures) if there else np.full((*size, 3), 128, np.uint8))
            axes.set(xticks=[], yticks=[])
            axes.set_title(f"frame {frame}" if there else "outside", fontsize=6)
        row[0].set_ylabel(names[evidence.paths[number]], fontsize=7)
