"""Windows along what two long files would share at an offset: whether they bear it out, and how the clocks run.

Each is read of both files and compared as short files are, by the whole cue. Their scores, added along a line of
offsets, since clocks drift, have to give an answer as sure as any other, and no window that is sure may contradict it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from videosync.cues.cue import Cue
from videosync.lags.line import LEAST_POINTS, Line, fit_line
from videosync.lags.local import LocalScores, own_peaks
from videosync.lags.scores import LagScores, added
from videosync.signals.measure import UNSEEN, Meter, Signals
from videosync.timeline.clips import Clip, ClipInfo
from videosync.timeline.clocks import Clocks
from videosync.timeline.compare import Compared, compare
from videosync.timeline.parts import BIAS, CERTAIN, MOVED, weights_of
from videosync.timeline.placement import judge
from videosync.timeline.speeds import less_sure

MARGIN = 2.0  # seconds at the ends of what two files would share: black, titles, hands
WINDOW = 15.0  # seconds of a window, of which there are …
FEWEST, MOST, APART = 6, 12, 120.0  # … one for each so many seconds that are shared, but so few and so many …
ENDS = (
    60.0  # … and the first and the last of them so near to the ends at most: a break before or after them is not seen
)
BEARS = 4.0  # spreads: the score of a window's own peak on the line that bears it out; the first and the last have to …
MOST_DULL = 0.35  # … and of all of them so many need not: nothing may happen there
STEEPEST = 0.001  # drift that is looked for
AROUND = 1.0  # seconds to either side of an offset in which it is looked for, and as much as that drift makes
OFF = 2.0  # frames from the line at which a sure window contradicts it


class UnclearError(Exception):
    """Parts do not tell; all has to be read."""


@dataclass(frozen=True, eq=False)
class PartlyRead:
    """A long file, and what was read of it first, at the frames of one grid [T]."""

    info: ClipInfo
    rate: float
    signals: Signals  # 0 where nothing was read

    @property
    def seen(self) -> np.ndarray:
        """float [T, 1]"""
        return 1.0 - self.signals[UNSEEN]


class StretchReader:
    """Reads stretches of files at one rate, and counts what it reads."""

    def __init__(self, read: Callable[..., dict[float, Clip]], rate: float) -> None:
        self.read, self.rate, self.seconds = read, rate, 0.0

    def __call__(self, info: ClipInfo, first: int, stop: int, meters: Sequence[Meter]) -> tuple[int, Clip]:
        """Frames ``first … stop - 1``, and the step of the file's grid at which they begin."""
        some, start = info.stretch(first, stop, self.rate)
        clip = self.read(some, [self.rate], meters)[self.rate]
        if clip.info.warnings != info.warnings:  # damaged there, or the clock was set
            raise UnclearError
        self.seconds += (stop - first) / info.fps
        return start, clip

    def at(self, info: ClipInfo, start: int, stop: int, meters: Sequence[Meter]) -> tuple[int, Clip]:
        """What is shown at steps ``start … stop - 1`` of the grid."""
        first, end = np.searchsorted(info.times, (np.array([start, stop]) - 0.5) / self.rate)
        return self(info, int(first), int(end), meters)


@dataclass(frozen=True, eq=False)
class Window:
    """What one window says."""

    middle: float  # frame of file 0
    curve: LagScores  # over offsets of the files
    sure: bool


def windows_at(
    cue: Cue, one: PartlyRead, other: PartlyRead, lag: int, reader: StretchReader, name: str | None
) -> list[Window]:
    """Windows along what two files share at an offset, where most happens in what was read; none: they share little.

    Raises UnclearError: something that only all of the files tells.
    """
    rate, meters = one.rate, cue.meters("energy")
    margin, frames = round(MARGIN * rate), round(WINDOW * rate)
    first = max(0, -lag) + margin
    stop = min(len(one.seen), len(other.seen) - lag) - margin
    count = min(max(int((stop - first) / (APART * rate)), FEWEST), MOST)
    if stop - first < 2 * count * frames:
        return []
    around = round(AROUND * rate + STEEPEST * (stop - first) / 2)
    lively = _lively(one, first, stop, frames) + _lively(other, first + lag, stop + lag, frames)
    found = []
    ends = np.linspace(0, stop - first, count + 1).astype(int)
    ends[1], ends[-2] = min(ends[1], round(ENDS * rate)), max(ends[-2], ends[-1] - round(ENDS * rate))
    for start, end in pairwise(ends):
        place = first + start + int(lively[start : end - frames + 1].argmax())
        start0, clip0 = reader.at(one.info, place, place + frames, meters)
        low, high = max(0, place + lag - around), min(len(other.seen), place + lag + frames + around)
        start1, clip1 = reader.at(other.info, low, high, meters)
        said = compare(cue, clip0, clip1, name=name)
        if said is None:
            continue
        clocks, sure = said.clocks, judge(said.curve).doubt is None
        odd = clocks is not None and (clocks.breaks or clocks.slow is not None or clocks.rate != 1)
        if said.copy or said.graphics or any(left.any for left in said.left_out) or (sure and odd):
            raise UnclearError
        curve = replace(said.curve, first=said.curve.first + start1 - start0)
        found.append(Window(place + frames / 2, curve, sure))
    return found


def _lively(file: PartlyRead, first: int, stop: int, frames: int) -> np.ndarray:
    """How much happens in what was read of each stretch of ``frames`` between two frames: [N]."""
    energy = file.signals["energy"][:, :1]
    moves = (file.seen * (energy - energy.min()))[first:stop, 0]
    return np.convolve(moves / max(float(moves.mean()), 1e-9), np.ones(frames), "valid")


def answer_of(windows: Sequence[Window], file: PartlyRead, lag: int) -> Compared | None:
    """The answer of all windows, near an offset; None: none is sure.

    Raises UnclearError: a window is sure of something else.
    """
    middles = np.array([window.middle for window in windows])
    length = float(np.ptp(middles)) if len(middles) else 0.0
    line = _line_through(windows, middles, file, lag) if length else None
    if line is None:
        return None
    line = replace(line, error=math.hypot(line.error, BIAS / length))
    drifts = abs(line.slope) > max(MOVED / length, line.around(CERTAIN))
    if any(w.sure and abs(w.curve.best() - float(line.at(w.middle))) > OFF for w in windows):
        raise UnclearError
    start = float(line.at(0.0)) if drifts else line.offset
    moves = [round(float(line.at(middle)) - start) if drifts else 0 for middle in middles]
    curve = added([(move, window.curve) for move, window in zip(moves, windows)])
    curve = less_sure(curve, len(_drifts(file)) if drifts else 2)
    if judge(curve).doubt is not None or abs(curve.best() - start) > OFF:
        return None
    around = line.around(0.95)
    low, high = line.slope - around, line.slope + around
    if not drifts:
        low, high = min(low, 0.0), max(high, 0.0)
    return Compared(curve, Clocks(1 + line.slope if drifts else 1.0, (1e6 * low, 1e6 * high)))


def _line_through(windows: Sequence[Window], middles: np.ndarray, file: PartlyRead, lag: int) -> Line | None:
    """The line of offsets with the largest sum of scores, through the windows' own peaks; None: too few bear it out."""
    span = len(file.seen)
    reach = round(AROUND * file.rate + STEEPEST * span / 2)
    scores = np.array([[window.curve.at(k) for k in range(lag - reach, lag + reach + 1)] for window in windows])
    places = np.rint((middles / span - 0.5) * _drifts(file)[:, None]).astype(int)  # [S, W]
    aside = int(np.abs(places).max())
    wide = np.pad(scores, ((0, 0), (aside, aside)))
    totals = [sum(row[aside + move :][: scores.shape[1]] for row, move in zip(wide, moves)) for moves in places]
    best, column = divmod(int(np.argmax(totals)), scores.shape[1])
    path = lag - reach + column + places[best]
    offsets, heights = own_peaks(LocalScores(middles - 0.5, 1, lag - reach, scores), path)
    bears = heights >= BEARS
    if not (bears[0] and bears[-1]) or int(bears.sum()) < max(LEAST_POINTS, (1 - MOST_DULL) * len(bears)):
        return None
    return fit_line(middles, offsets, weights_of(heights), together=1)


def _drifts(file: PartlyRead) -> np.ndarray:
    """Those that are looked for, in frames over the whole file: int [S]."""
    most = math.ceil(STEEPEST * len(file.seen))
    return np.arange(-most, most + 1)
