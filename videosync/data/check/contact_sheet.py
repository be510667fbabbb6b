"""A picture that shows whether a dataset's labels are right: one moment of all views, one above the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from videosync.data.clock import frames_at, span_at, start_offset
from videosync.data.samples import Manifest, Sample, View, view_names
from videosync.files import new_file
from videosync.video.read import probe, read_frames, read_frames_at

MAX_VIEWS = 12  # rows a sample at most
MAX_ROWS = 26  # of a sheet, unless more samples are asked for
TILE = 96  # height of a picture in pixels
SMALL_TILE = 72  # where a sample has more views than MANY
MANY = 6
LONGEST_NAME = 14  # letters
HEADING, CAPTION = 22, 14  # room above a sample and above a row of pictures, pixels
CANDIDATES = 24  # frames of each part of the event among which the one with the most motion is shown
JUDGES = 3  # views that say where there is motion
MOTION_SIZE = 48  # pixels


def fitting(samples: Sequence[Sample]) -> list[Sample]:
    """As many of the first samples as make a sheet that can be looked at; at least one."""
    rows = np.cumsum([min(len(sample.views), MAX_VIEWS) for sample in samples])
    return list(samples[: max(1, int((rows <= MAX_ROWS).sum()))])


def aligned_moments(manifest: Manifest, sample: Sample, columns: int) -> np.ndarray:
    """Timeline frames int64 [<= columns], at the first view's rate, that all views (if there are any, else it) show.

    They are spread over the event; of each part the moment with the most motion is taken, since only what moves
    shows whether two pictures are of one moment.
    """
    fps = sample.views[0].fps
    spans = [span_at(view, fps) for view in sample.views]
    first, last = max(low for low, _ in spans), min(high for _, high in spans) - 1
    views = sample.views[:JUDGES]
    if first > last:
        first, last = sample.views[0].start_frame, sample.views[0].end_frame - 1
        views = sample.views[:1]
    bounds = np.linspace(first, last + 1, columns + 1).round().astype(np.int64)
    moments = []
    for low, high in zip(bounds[:-1].tolist(), bounds[1:].tolist()):
        spare = max(0, high - low - CANDIDATES) // 2
        low, high = low + spare, high - spare
        if high > low:
            motion = sum(_motion(manifest, view, np.arange(low, high), fps) for view in views)
            moments.append(low + int(np.argmax(motion)))
    return np.array(moments, np.int64)


def _motion(manifest: Manifest, view: View, moments: np.ndarray, fps: float) -> np.ndarray:
    """How much the frame at each of n neighbouring moments differs from the one before: float [n]."""
    numbers = frames_at(view, moments, fps)
    start, stop = max(0, int(numbers[0]) - 1), int(numbers[-1]) + 1
    frames = read_frames(manifest.path(view), start, stop, size=(MOTION_SIZE, MOTION_SIZE))
    steps = np.abs(np.diff(frames.astype(np.float32), axis=0)).mean((1, 2, 3))
    steps = np.concatenate([np.zeros(1), steps])[numbers - start]  # the file's first frame has none before it
    return steps / max(float(steps.mean()), 1e-6)


def write_contact_sheet(manifest: Manifest, samples: Sequence[Sample], path: str | Path, *, columns: int = 8) -> None:
    """Draw each sample as a block of rows, one a view; pictures above each other show the same moment.

    Over each picture stands its frame number in its own file. A view that does not show a moment stays empty.
    Raises VideoWriteError when the picture cannot be written, VideoError when a file cannot be decoded.
    """
    blocks = [_block(manifest, sample, columns) for sample in samples]
    shapes = [picture.shape for block in blocks for *_, pictures in block for picture in pictures.values()]
    width = columns * (max((width for _, width, _ in shapes), default=TILE) + 4) / 0.895
    heights = [HEADING + len(block) * (_tile(len(block)) + CAPTION) for block in blocks]
    figure = Figure(figsize=(width / 100, sum(heights) / 100), dpi=100)
    FigureCanvasAgg(figure)
    outer = figure.add_gridspec(len(blocks), 1, height_ratios=heights, hspace=0)
    figure.subplots_adjust(left=0, right=1, bottom=0, top=1)
    for i, (sample, block, height) in enumerate(zip(samples, blocks, heights)):
        part = figure.add_subfigure(outer[i])
        spacing = {"wspace": 0.02, "hspace": CAPTION / _tile(len(block))}
        axes = part.subplots(len(block), columns, squeeze=False, gridspec_kw=spacing)
        top = 1 - (HEADING + CAPTION) / height
        part.subplots_adjust(left=0.1, right=0.995, bottom=2 / height, top=top)
        part.suptitle(_title(sample), fontsize=8, x=0.01, ha="left", va="top", y=1 - 4 / height)
        for row, (label, numbers, pictures) in zip(axes, block):
            for column, axis in enumerate(row):
                axis.set_axis_off()
                number = numbers[column] if column < len(numbers) else None
                if number is not None:
                    axis.imshow(pictures[number])
                    axis.set_title(f"frame {number}", fontsize=5, pad=1.5)
            row[0].text(-0.05, 0.5, label, fontsize=7, ha="right", va="center", transform=row[0].transAxes)
    with new_file(path) as temporary:
        figure.savefig(temporary, facecolor="white")


_Row = tuple[str, list[int | None], dict[int, np.ndarray]]  # label, file frame of each column, its picture


def _block(manifest: Manifest, sample: Sample, columns: int) -> list[_Row]:
    there = (min(view.num_frames, probe(manifest.path(view)).num_frames) for view in sample.views)
    views = tuple(replace(view, num_frames=count) for view, count in zip(sample.views, there))
    sample = replace(sample, views=views)  # a manifest that says too much is shown too
    moments = aligned_moments(manifest, sample, columns)
    tile = _tile(min(len(sample.views), MAX_VIEWS))
    rows: list[_Row] = []
    for name, view in list(zip(view_names(sample.views), sample.views))[:MAX_VIEWS]:
        shown = frames_at(view, moments, sample.views[0].fps).tolist()
        numbers = [n if 0 <= n < view.num_frames else None for n in shown]
        wanted = [n for n in numbers if n is not None]
        pictures: dict[int, np.ndarray] = {}
        if wanted:
            info = probe(manifest.path(view))
            size = (tile, max(1, round(tile * info.width / info.height)))
            pictures = dict(zip(wanted, read_frames_at(manifest.path(view), wanted, size=size)))
        k = start_offset(sample.views[0], view)
        rows.append((f"{_short(name)}\nk = {k}" if rows else _short(name), numbers, pictures))
    return rows


def _tile(views: int) -> int:
    """Height of the pictures of a sample in pixels."""
    return SMALL_TILE if views > MANY else TILE


def _title(sample: Sample) -> str:
    names = view_names(sample.views)
    text = f"{sample.split} · {sample.event}"
    if len(sample.views) == 1:
        text += f" · one view, frames {sample.views[0].start_frame} … {sample.views[0].end_frame - 1}"
    else:
        text += f" · k: frames that {names[0]} starts after the view"
    if len(sample.views) > MAX_VIEWS:
        text += f" · {len(sample.views) - MAX_VIEWS} more views"
    return text


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else "…" + name[1 - LONGEST_NAME :]
