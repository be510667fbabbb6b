"""A picture of an answer: what it says in sentences, the scores of the offsets of every pair, of the pictures or, where
it decides, of the sound, and the same moments of all files below each other."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import chain, pairwise
from pathlib import Path

import matplotlib
import numpy as np

from videosync.signals.grey import small_size
from videosync.timeline.chapters import frames_of
from videosync.timeline.evidence import Evidence
from videosync.timeline.result import PlacedFile, Timeline, short_names
from videosync.timeline.telling import clocks_of, telling_of
from videosync.types import OffsetEstimate
from videosync.video.read import probe, read_frames_at

matplotlib.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.figure import SubFigure
from matplotlib.font_manager import findfont, get_font

plt.rcParams["text.parse_math"] = False  # names of files may hold $

WIDTH = 16.0  # inches, of 100 pixels
LINE, LETTERS = 0.24, 190  # inches that a line of text takes, and letters that fit in it
COLUMNS = 6  # moments in the film strip, of pictures that are wider than high
MOST_COLUMNS = 12
PICTURE = 320  # pixels, the longer side
CURVE = 2.6  # inches: height of a drawing of scores
CURVES_A_ROW = 3
MOST_CURVES = 15  # of more pairs only the first are drawn, those with the reference before others
MOST_RIVALS = 3  # that are named
LONGEST = 40  # letters of a name

Clocks = Mapping[int, tuple[float, float]]  # file → start, and seconds of the timeline in one of its own


def save_sync_plot(path: Path, evidence: Evidence, timeline: Timeline) -> None:
    """Sentences, scores over offsets (s; of pictures in standard errors), and a film strip of the files with pictures.

    Files that are not placed are in the strip where they would most likely start.

    Raises:
        VideoError: a frame that was measured cannot be read again.
    """
    names = {path: shortened(drawable(name)) for path, name in short_names(list(evidence.paths)).items()}
    by_path = {file.path: file for file in timeline.files}
    files = [by_path[path] for path in evidence.paths]  # of a recording, that of its first chapter
    first = [n for n, name in enumerate(evidence.paths) if name == timeline.reference]
    drawn = sorted({*evidence.curves, *evidence.sounds.matches}, key=lambda pair: (not set(first) & set(pair), pair))
    rows = in_rows(drawn[:MOST_CURVES])
    lines = [part for said in sentences(timeline) for part in textwrap.wrap(drawable(said), LETTERS)]
    clocks = {n: clock for n, clock in _shown_clocks(files).items() if n in evidence.infos}
    sizes = {n: _size(evidence.infos[n].path) for n in clocks}
    columns = strip_columns(list(sizes.values()))
    strips = [0.93 * WIDTH / columns * height / width + LINE for height, width in sizes.values()]
    heights = [LINE * (len(lines) + 2), *[CURVE] * len(rows), sum(strips)]
    heights = [height for height in heights if height]
    figure = plt.figure(figsize=(WIDTH, sum(heights)), layout="constrained")
    parts = list(np.ravel(figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)))
    _write_lines(parts[0], verdict(timeline), lines, heights[0])
    for part, pairs in zip(parts[1:], rows):
        for axes, (i, j) in zip(part.subplots(1, len(pairs), squeeze=False).ravel(), pairs):
            estimate = timeline.offset(evidence.paths[i], evidence.paths[j])
            _draw_curve(axes, evidence, (i, j), estimate, names)
    if clocks:
        _draw_strip(parts[-1], evidence, files, clocks, sizes, strips, columns, names)
    figure.savefig(path, dpi=100)
    plt.close(figure)


def drawable(text: str) -> str:
    """Text as the font can show it: a box for letters that it lacks, question marks for bytes that are no text."""
    known = get_font(findfont("DejaVu Sans"))
    text = text.encode("utf-8", "replace").decode("utf-8")
    return "".join(letter if known.get_char_index(ord(letter)) else "□" for letter in text)


def shortened(name: str) -> str:
    """A name without its middle, where it is long."""
    half = LONGEST // 2
    return name if len(name) <= LONGEST else f"{name[:half]}…{name[1 - half :]}"


def verdict(timeline: Timeline) -> str:
    """How many files are placed, in a sentence."""
    placed, count = sum(file.placed for file in timeline.files), len(timeline.files)
    return f"{placed or 'None'} of {count} files {'is' if placed == 1 else 'are'} placed on one timeline"


def sentences(timeline: Timeline) -> list[str]:
    """The offsets, how sure they are, and why the other files are not placed and where they would most likely be."""
    names = short_names([file.path for file in timeline.files])
    said = timeline.sentences()
    sure = [f"{names[file.path]} {_percent(file.confidence)}" for file in timeline.files if file.placed]
    if sure:
        said.append(f"Confidence: {', '.join(sure)}")
    for file in timeline.files:
        if not file.placed:
            said.append(f"{names[file.path]}: not placed: {file.reason}{_guess(file)}")
    return said


def _guess(file: PlacedFile) -> str:
    if file.best_guess_seconds is None or file.best_guess_confidence is None:
        return ""
    rivals = ", ".join(f"{rival:.2f} s" for rival in file.rivals_seconds[:MOST_RIVALS])
    others = f"; others that fit about as well: {rivals}" if rivals else ""
    return f". Best guess: {file.best_guess_seconds:.2f} s ({_percent(file.best_guess_confidence)}){others}"


def _percent(share: float) -> str:
    return f"{math.floor(100 * share)} %"


def in_rows(pairs: Sequence[tuple[int, int]]) -> list[Sequence[tuple[int, int]]]:
    """Rows of as equal lengths as can be, so that drawings fill each."""
    count = math.ceil(len(pairs) / CURVES_A_ROW)
    edges = [round(n * len(pairs) / count) for n in range(count + 1)] if count else []
    return [pairs[begin:end] for begin, end in pairwise(edges)]


def _write_lines(figure: SubFigure, title: str, lines: Sequence[str], height: float) -> None:
    figure.text(0.01, 1 - 0.5 * LINE / height, title, fontsize=14, fontweight="bold", va="top")
    for number, line in enumerate(lines):
        figure.text(0.01, 1 - (number + 1.7) * LINE / height, line, fontsize=10, va="top")


def _draw_curve(
    axes: plt.Axes, evidence: Evidence, pair: tuple[int, int], estimate: OffsetEstimate, names: Mapping[str, str]
) -> None:
    match, curve = evidence.sounds.matches.get(pair), evidence.curves.get(pair)
    by_sound = match is not None and (curve is None or estimate.decided_by == "sound")
    if by_sound and match is not None:
        axes.plot(match.lags, match.scores, lw=0.9, color="tab:green")
    elif curve is not None:
        axes.plot(curve.lags / evidence.grid(pair), curve.scores, lw=0.9, color="tab:blue")
    said = []
    alone = [(f"{w.name} alone", w.seconds, "0.5", "--" if w.name == "picture" else ":") for w in estimate.witnesses]
    for name, seconds, color, style in (*alone, ("answer", estimate.seconds, "tab:orange", "-")):
        if seconds is not None:
            axes.axvline(seconds, color=color, lw=1.2, ls=style, zorder=0)
            said.append(f"{name} {round(seconds, 3) + 0.0:+.3f} s")
    for rival in estimate.rivals_seconds[:MOST_RIVALS]:
        axes.axvline(rival, color="tab:red", lw=0.8, ls=":", zorder=0)
    if estimate.rivals_seconds:
        said.append("rivals " + ", ".join(f"{rival:+.2f}" for rival in estimate.rivals_seconds[:MOST_RIVALS]))
    sure = f": {_percent(estimate.confidence)} sure" if estimate.placed else ": no answer"
    title = f"{names[estimate.video0]} − {names[estimate.video1]}{sure}\n{', '.join(said)}"
    axes.set_title(title, fontsize=9)
    axes.set_xlabel("offset, s (positive: the second started first)", fontsize=8)
    axes.set_ylabel("score of the sound" if by_sound else "score, standard errors", fontsize=8)
    axes.tick_params(labelsize=8)
    axes.margins(x=0.01)


def _shown_clocks(files: Sequence[PlacedFile]) -> Clocks:
    """Of placed files, and where others would most likely lie."""
    placed = clocks_of(files)
    guessed = {
        n: (file.best_guess_seconds, 1.0)
        for n, file in enumerate(files)
        if n not in placed and file.best_guess_seconds is not None
    }
    return dict(sorted({**placed, **guessed}.items()))


def _size(path: str) -> tuple[int, int]:
    about = probe(path)
    return small_size(about.height, about.width, PICTURE)


def strip_columns(sizes: Sequence[tuple[int, int]]) -> int:
    """How many moments fill a row of pictures of these (height, width): the narrower they are, the more."""
    tallest = max((height / width for height, width in sizes), default=1.0)
    return min(MOST_COLUMNS, max(COLUMNS, round(COLUMNS * tallest)))


def _draw_strip(
    figure: SubFigure,
    evidence: Evidence,
    files: Sequence[PlacedFile],
    clocks: Clocks,
    sizes: Mapping[int, tuple[int, int]],
    heights: Sequence[float],
    columns: int,
    names: Mapping[str, str],
) -> None:
    """One row a file, one column a moment that tells much; grey where a file shows nothing."""
    moments = np.asarray(_moments(evidence, files, clocks, columns))
    grid = figure.subplots(len(clocks), len(moments), squeeze=False, gridspec_kw={"height_ratios": heights})
    for row, (number, (start, pace)) in zip(grid, clocks.items()):
        info, file, size = evidence.infos[number], files[number], sizes[number]
        own = (moments - start) / pace
        inside = (own >= 0) & (own <= info.times[-1] + 1 / info.fps)
        frames = np.abs(info.times[None] - own[:, None]).argmin(axis=1)
        pictures: Iterator[np.ndarray]
        if number in evidence.chapters:
            read = partial(read_frames_at, size=size)
            found = frames_of(evidence.chapters[number], own[inside], read) if inside.any() else ()
            pictures = chain.from_iterable(found)
        else:
            pictures = iter(read_frames_at(info.path, frames[inside], size=size) if inside.any() else ())
        color = "black" if file.placed else "0.45"
        for axes, frame, moment, there in zip(row, frames, moments, inside):
            axes.imshow(next(pictures) if there else np.full((*size, 3), 128, np.uint8))
            axes.set(xticks=[], yticks=[])
            axes.set_title(f"{moment:.2f} s: frame {frame}" if there else "not shown", fontsize=8, color=color)
        label = names[evidence.paths[number]]
        label = label if file.placed else f"{label}\nnot placed: a guess"
        row[0].set_ylabel("\n".join(part for line in label.split("\n") for part in textwrap.wrap(line, 26)), fontsize=8,
                          color=color)  # fmt: skip


def _moments(evidence: Evidence, files: Sequence[PlacedFile], clocks: Clocks, count: int) -> Sequence[float]:
    """Moments that tell much, of the placed files or, where fewer than two are, of all; else evenly spaced ones."""
    placed = {n: clock for n, clock in clocks.items() if files[n].placed}
    shown = placed if len(placed) > 1 else clocks
    if told := telling_of(evidence, shown, count):
        return told
    begins = [start for start, _ in shown.values()]
    ends = [start + pace * float(evidence.infos[n].times[-1]) for n, (start, pace) in shown.items()]
    low, high = max(begins), min(ends)
    if high <= low:
        low, high = min(begins), max(ends)
    return list(np.linspace(low, high, count + 2)[1:-1])
