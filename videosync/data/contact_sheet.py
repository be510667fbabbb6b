"""A picture that shows whether a dataset's labels are right: one moment of all views, one above the other."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from videosync.data.samples import Manifest, Sample, view_names
from videosync.errors import ManifestError
from videosync.video.read import probe, read_frames_at

MAX_VIEWS = 4  # rows a sample at most
TILE = 96  # height of a picture in pixels


def aligned_moments(sample: Sample, columns: int) -> np.ndarray:
    """Timeline frames int64 [<= columns] that all views (if there are any, else the first) show."""
    first = max(view.start_frame for view in sample.views)
    last = min(view.end_frame for view in sample.views) - 1
    if first > last:
        first, last = sample.views[0].start_frame, sample.views[0].end_frame - 1
    inner = np.linspace(first, last, columns + 2)[1:-1]
    return np.unique(np.round(inner).astype(np.int64))


def write_contact_sheet(
    manifest: Manifest, samples: Sequence[Sample], path: str | Path, *, columns: int = 8
) -> None:
    """Draw each sample as a block of rows, one a view; pictures above each other show the same moment.

    Over each picture stands its frame number in its own file. A view that does not show a moment stays empty.
    Raises ManifestError when the picture cannot be written, VideoError when a file cannot be decoded.
    """
    blocks = [_block(manifest, sample, columns) for sample in samples]
    shapes = [picture.shape for block in blocks for *_, pictures in block for picture in pictures.values()]
    tile_width = max((width for _, width, _ in shapes), default=TILE) + 4
    height = sum(len(block) for block in blocks) * (TILE + 16) + len(blocks) * 34
    figure = Figure(figsize=((columns * tile_width / 0.895) / 100, height / 100), dpi=100)
    FigureCanvasAgg(figure)
    outer = figure.add_gridspec(
        len(blocks), 1, height_ratios=[len(block) + 0.3 for block in blocks], hspace=0.12
    )
    for i, (sample, block) in enumerate(zip(samples, blocks)):
        part = figure.add_subfigure(outer[i])
        axes = part.subplots(len(block), columns, squeeze=False, gridspec_kw={"wspace": 0.02, "hspace": 0.25})
        part.subplots_adjust(left=0.1, right=0.995, bottom=0.01, top=1 - 0.3 / (len(block) + 0.3))
        part.suptitle(_title(sample), fontsize=8, x=0.01, ha="left", y=0.995)
        for row, (label, numbers, pictures) in zip(axes, block):
            for column, axis in enumerate(row):
                axis.set_axis_off()
                number = numbers[column] if column < len(numbers) else None
                if number is not None:
                    axis.imshow(pictures[number])
                    axis.set_title(f"frame {number}", fontsize=5, pad=1.5)
            row[0].text(-0.05, 0.5, label, fontsize=7, ha="right", va="center", transform=row[0].transAxes)
    target = Path(path)
    temporary = target.with_name(f".{target.stem}.{os.getpid()}{target.suffix}")
    try:
        figure.savefig(temporary, facecolor="white")
        os.replace(temporary, target)
    except OSError as error:
        raise ManifestError(f"{target}: cannot be written ({error.strerror}); name another place") from error
    finally:
        if temporary.exists():
            temporary.unlink()


_Row = tuple[str, list[int | None], dict[int, np.ndarray]]  # label, file frame of each column, its picture


def _block(manifest: Manifest, sample: Sample, columns: int) -> list[_Row]:
    moments = aligned_moments(sample, columns)
    rows: list[_Row] = []
    for name, view in list(zip(view_names(sample.views), sample.views))[:MAX_VIEWS]:
        shown = [int(m) - view.start_frame for m in moments]
        numbers = [n if 0 <= n < view.num_frames else None for n in shown]
        wanted = [n for n in numbers if n is not None]
        pictures: dict[int, np.ndarray] = {}
        if wanted:
            info = probe(manifest.path(view))
            size = (TILE, max(1, round(TILE * info.width / info.height)))
            pictures = dict(zip(wanted, read_frames_at(manifest.path(view), wanted, size=size)))
        rows.append((name, numbers, pictures))
    return rows


def _title(sample: Sample) -> str:
    names = view_names(sample.views)
    text = f"{sample.split} · {sample.event}"
    if len(sample.views) > 1:
        k = sample.views[0].start_frame - sample.views[1].start_frame
        text += f" · offset k({names[0]}, {names[1]}) = {k} frames"
    if len(sample.views) > MAX_VIEWS:
        text += f" · {len(sample.views) - MAX_VIEWS} more views"
    return text
