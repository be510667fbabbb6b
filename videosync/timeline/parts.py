"""Where one offset holds for two clips and where it does not: parts, the drift within them, breaks between them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from itertools import pairwise

import numpy as np

from videosync.cues.cue import Cue, Signals
from videosync.cues.evidence import Scored, Side
from videosync.lags.fusion import fuse
from videosync.lags.line import Line, fit_line
from videosync.lags.local import NEAR, NONE, LocalScores, best_path, local_scores, own_peaks, runs, steps, window_starts
from videosync.lags.scores import LagScores
from videosync.timeline.calibration import calibration_for
from videosync.timeline.clocks import Break, Clocks, Untold
from videosync.timeline.confidence import probability_right
from videosync.timeline.part_scores import PartScored, height
from videosync.timeline.speeds import resampled

SHORT_WINDOW = 2.0  # seconds of the windows that look for breaks …
LEAST_WINDOW = 48  # … frames at least, so many that a window has something to say
MOST_WINDOWS = 120
KEPT = 300  # windows of which signals are kept ready
AWAY = 2000  # frames from the best offset in which others are looked for
LONG_WINDOW, SHARE = 8.0, 10  # seconds of the windows that measure drift, at most; and so many in a part
STEEPEST = 0.012  # drift that is looked for
AROUND = 12  # frames to either side of a line in which windows have their own peak
JUMP = 7.0  # spreads: what a break has to bring; each side then has to stand by itself
BLANK = 1.5  # spreads: a window that says less of an offset does not bear it out
STEP_WINDOW = 2.0  # seconds of the windows that show frames lost one by one, and frames at least
STEP_GAIN = 3.0  # spreads: what two offsets that differ by a few frames have to bring, over all windows
STEP_SIDE = 3  # windows on either side of such a step
GAP = 3  # windows in a row that the offset does not explain: then all are looked at over all offsets
LEAST_SCORE = 1.0  # spreads: windows that say less do not bear on a line …
MOST_SCORE = 5.0  # … and those that say more bear no more on it
TELLS_DRIFT = 20.0  # seconds that are shared at least
CERTAIN = 0.99  # probability with which a drift is not 0
MOVED = 0.5  # frames that it moves the offset by at least, in all
PLAIN, PLAINLY = 0.999, 2.0  # the same, where less is shared
HOLDS = 1.0  # frames by which offsets at both ends of what is shared differ, if one holds
BIAS = 0.12  # frames: what two views show of one motion differs slowly by about this
# where less is shared, a drift is tried that may move the offset by so many frames: that of the line, and these …
MAYBE, TRIED = 0.7, (0.004, 0.008, 0.0115)
GAINS = 1.2  # … standard errors: by how much the evidence for the offset has to be more without it
LOSES = 0.5  # and by how much it may be less where enough is shared
ROUGHLY = 0.002  # standard error of a drift that was tried


@dataclass(frozen=True, eq=False)
class Part:
    """Frames ``first … stop - 1`` of clip 0, at the offsets of a line."""

    first: int
    stop: int
    line: Line  # offset in frames, of frames of clip 0
    drifts: bool  # whether the slope of the line is certain
    telling: tuple[int, int] = (0, 0)  # frames from and to which windows bear the line out
    curve: LagScores | None = None  # of this part alone; None: not worked out

    def lag(self) -> float:
        """Frames: the offset at the first frame of clip 0."""
        return float(self.line.at(0.0)) if self.drifts else self.line.offset

    def at(self, frame: float) -> float:
        return frame + (float(self.line.at(frame)) if self.drifts else self.line.offset)


class Search:
    """The two clips of one pair, the shorter one first."""

    def __init__(
        self, cue: Cue, clip0: Signals, clip1: Signals, rate: float, reach: Mapping[str, np.ndarray], name: str | None
    ) -> None:
        self.cue = cue.for_clips(clip0, clip1)
        self.clips = clip0, clip1
        self.ready = self.cue.ready(clip0), self.cue.ready(clip1)
        self.other = Side(self.cue, clip1)
        self.frames = frames_of(clip0), frames_of(clip1)
        self.rate, self.reach, self.name = rate, reach, name
        self._cut = lru_cache(KEPT)(lambda n, first, stop: self.cue.once(cut(self.ready[n], slice(first, stop))))

    def score(self, one: slice, other: slice, lags: np.ndarray) -> np.ndarray:
        return fuse(self.cue.curves(self._cut(0, one.start, one.stop), self._cut(1, other.start, other.stop), lags))

    def windows(self, starts: np.ndarray, frames: int, lags: list[range]) -> LocalScores:
        return local_scores(self.score, starts, frames, self.frames[1], lags)

    def runs(self, lag: int, *, everywhere: bool = False) -> list[tuple[int, int, Line]]:
        """Stretches (first frame, one past the last, rough line of offsets) that the path of offsets has no jump in.

        Args:
            lag: the offset of the whole, near which all windows are looked at, and, where it explains nothing, or if
                ``everywhere``, up to ``AWAY`` frames from it.
        """
        frames0, frames1 = self.frames
        frames = max(LEAST_WINDOW, min(int(SHORT_WINDOW * self.rate), frames0 // 8))
        starts = window_starts(0, frames0, frames, MOST_WINDOWS)
        if len(starts) < 2 * GAP:
            return []
        far = range(max(-frames0, lag - AWAY), min(frames1, lag + AWAY) + 1)
        wide = AROUND + NEAR + math.ceil(STEEPEST * min(frames0, frames1) / 2)
        close = range(max(far.start, lag - wide), min(far.stop, lag + wide + 1))
        local = self.windows(starts, frames, [far if everywhere else close] * len(starts))
        if not everywhere and _in_a_row(self._unlike(local, lag, wide), GAP):
            local = self.windows(starts, frames, [far] * len(starts))
        near = max(NEAR, math.ceil(STEEPEST * (starts[1] - starts[0])))
        path = best_path(local, JUMP, near)
        found = []
        for run in runs(path, near):
            offsets, heights = own_peaks(local, path)
            some = slice(run.start, run.stop)
            line = fit_line(local.middles[some], offsets[some], weights_of(heights[some]))
            if not math.isfinite(line.error):
                line = replace(line, offset=float(np.median(path[some][path[some] != NONE])), slope=0.0)
            found.append((int(starts[run.start]), int(starts[run.stop - 1]) + frames, line))
        return found

    def _unlike(self, local: LocalScores, lag: int, reach: int) -> np.ndarray:
        """Which windows say nothing for the line through all: bool [W]."""
        offsets, heights = own_peaks(local, np.full(len(local.starts), lag), reach)
        line = fit_line(local.middles, offsets, weights_of(heights))
        expected = np.rint(line.at(local.middles)).astype(np.int64)
        _, heights = own_peaks(local, np.clip(expected, local.first, local.first + local.scores.shape[1] - 1))
        return heights < BLANK

    def part(self, first: int, stop: int, rough: Line) -> Part:
        """The line through a stretch, from windows as long as it allows.

        The slope counts where it is certain: over less than ``TELLS_DRIFT`` seconds it has to be plain.
        """
        length = stop - first
        frames = min(max(LEAST_WINDOW, length // SHARE), int(max(LONG_WINDOW * self.rate, LEAST_WINDOW)))
        starts = window_starts(first, stop, frames, MOST_WINDOWS)
        slope = rough.slope if abs(rough.slope) * length > 2 else 0.0
        expected = rough.offset + slope * (starts + frames / 2 - rough.centre)
        lags = [range(round(each) - AROUND, round(each) + AROUND + 1) for each in expected.tolist()]
        local = self.windows(starts, frames, lags)
        offsets, heights = own_peaks(local, np.rint(expected).astype(np.int64), AROUND - 2)
        near = np.abs(offsets - expected) < AROUND - 2
        weights = np.where(near, weights_of(heights), 0.0)
        line = fit_line(local.middles, offsets, weights)
        line = replace(line, error=math.hypot(line.error, BIAS / length))
        least, sure = (MOVED, CERTAIN) if length >= TELLS_DRIFT * self.rate else (PLAINLY, PLAIN)
        certain = max(least / length, line.around(sure)) < abs(line.slope) < 2 * STEEPEST
        borne_out = near & (heights >= BLANK) & (np.abs(offsets - line.at(local.middles)) <= NEAR)
        told = starts[borne_out].tolist()
        return Part(first, stop, line, certain, (told[0], told[-1] + frames) if told else (first, first))

    def without_drift(self, part: Part, lags: range, as_it_is: LagScores) -> Part:
        """The part with its curve at one speed, where the evidence for its offset is more, or enough is shared to tell.

        Args:
            lags: among which offsets of the whole clips the part is scored. as_it_is: its curve with all drift in it.
        """
        found, scored = self._best_speed(
            part, self._slopes(part), height(as_it_is), lambda tried: self.scored(tried, lags)
        )
        return replace(found, curve=as_it_is if scored is None else scored.curve)

    def _best_speed(
        self, part: Part, slopes: Sequence[Part], level: float, score: Callable[[Part], PartScored | None]
    ) -> tuple[Part, PartScored | None]:
        """The part with the drift that is taken out of it, and its scores; None: none is.

        Args:
            slopes: the part with drifts that may be. level: height of its curve with all drift in it.
        """
        if part.drifts:
            found = score(part)
            if found is not None and found.height >= level - LOSES:
                return part, found
        best, scored = replace(part, drifts=False), None
        for tried in slopes:
            found = score(tried)
            if found is not None and found.height >= (level + GAINS if scored is None else scored.height):
                best, scored = tried, found
        return best, scored

    def _slopes(self, part: Part) -> list[Part]:
        """Where less is shared than it takes to tell a drift: the part with those that may be."""
        length = part.stop - part.first
        if length >= TELLS_DRIFT * self.rate or abs(part.line.slope) * length < MAYBE:
            return []
        found = []
        for slope in TRIED:
            steep = math.copysign(slope, part.line.slope)
            found.append(replace(part.line, slope=steep, error=max(part.line.error, ROUGHLY)))
        found += [part.line] * (abs(part.line.slope) < 2 * STEEPEST)
        return [replace(part, line=line, drifts=True) for line in found]

    def scored(self, part: Part, lags: range) -> PartScored | None:
        """Lag scores of one part alone, at one speed, among the offsets ``lags`` of the whole clips."""
        speed = 1 + part.line.slope if part.drifts else 1.0
        whole = resampled(self.clips[0], 1 / speed, self.reach) if part.drifts else self.clips[0]
        first, stop = round(part.first * speed), min(round(part.stop * speed), frames_of(whole))
        one, least = cut(whole, slice(first, stop)), max(2, (stop - first) // 2)
        low = max(lags.start + first, least - (stop - first))
        high = min(lags.stop + first, self.frames[1] - least + 1)
        if high - low < 3:
            return None
        return PartScored(Scored(self.cue, Side(self.cue, one), self.other, range(low, high), self.name), first)

    def standing_of(self, parts: list[Part], fewest: int) -> list[Part]:
        """The parts that stand by themselves; none where fewer than so many do."""
        found: dict[int, Part] = {}
        shortest_first = sorted(range(len(parts)), key=lambda n: parts[n].stop - parts[n].first)
        for done, number in enumerate(shortest_first):
            if len(found) + len(parts) - done < fewest:
                return []
            stands = self.standing(parts[number])
            if stands is not None:
                found[number] = stands
        return [found[number] for number in sorted(found)]

    def standing(self, part: Part) -> Part | None:
        """The part with its own curve, if by itself it has the offset that it has within the whole; else None."""
        lags = range(-self.frames[0], self.frames[1])

        @cache
        def score(tried: Part) -> PartScored | None:
            return self.scored(tried, lags)

        def near(tried: Part) -> bool:
            found = score(tried)
            return found is not None and abs(found.best - tried.lag()) <= NEAR + 1

        as_is, slopes = replace(part, drifts=False), self._slopes(part)
        if not any(map(near, [as_is, *[part] * part.drifts, *slopes])):
            return None
        plain = score(as_is)
        found, scored = self._best_speed(part, slopes, -math.inf if plain is None else plain.height, score)
        scored = plain if scored is None else scored
        if scored is None or abs(scored.best - found.lag()) > NEAR + 1:
            return None
        curve = scored.curve
        sure = probability_right(curve, curve.best()) >= calibration_for(self.name).accepted
        return replace(found, curve=curve) if sure else None

    def breaks(self, parts: list[Part]) -> tuple[Break, ...]:
        """Between each two parts that follow each other, where their offsets differ."""
        found: list[Break] = []
        for one, other in pairwise(parts):
            middle = (min(one.stop, other.stop) + max(other.first, one.first)) / 2
            last, next_ = (one.stop, other.first) if one.stop <= other.first else (middle, middle)
            sides = [(frame / self.rate, part.at(frame) / self.rate) for frame, part in ((last, one), (next_, other))]
            each = Break(*sides)
            found += [each] * (abs(each.size_seconds) * self.rate > NEAR)
        return tuple(found)

    def small_steps(self, part: Part) -> tuple[Break, ...]:
        """Steps of few frames within a part, which the path of offsets takes for one: frames lost one by one."""
        frames = max(LEAST_WINDOW, round(STEP_WINDOW * self.rate))
        starts, lag = window_starts(part.first, part.stop, frames, MOST_WINDOWS), round(part.line.offset)
        if not len(starts):
            return ()
        local = self.windows(starts, frames, [range(lag - AROUND, lag + AROUND + 1)] * len(starts))
        found = []
        for window, one, other in steps(local.scores, STEP_GAIN, STEP_SIDE):
            frame = float(local.middles[window - 1 : window + 1].mean())
            sides = ((frame / self.rate, (frame + local.first + lags) / self.rate) for lags in (one, other))
            found.append(Break(*sides))
        return tuple(found)

    def ppm(self, part: Part) -> tuple[float, float] | None:
        """The interval of the drift, with 0 where no drift is certain; None: too short to tell."""
        line = part.line
        told = part.drifts or part.stop - part.first >= TELLS_DRIFT * self.rate
        if not told or not math.isfinite(line.error):
            return None
        around = line.around(0.95)
        low, high = line.slope - around, line.slope + around
        return (1e6 * low, 1e6 * high) if part.drifts else (1e6 * min(low, 0.0), 1e6 * max(high, 0.0))

    def untold(self, part: Part, lag: int) -> Untold | None:
        """Of a part without a drift: where it is seen, if it is too short to tell one and does not hold all along."""
        first, stop = max(0, -lag), min(self.frames[0], self.frames[1] - lag)  # that both show
        if stop - first >= TELLS_DRIFT * self.rate:
            return None
        edge = (stop - first) / 3
        ends = part.telling[0] <= first + edge and part.telling[1] >= stop - edge and math.isfinite(part.line.error)
        around = part.line.around(0.95) if ends else STEEPEST
        slope = part.line.slope if ends else 0.0
        if ends and abs(slope) * (stop - first) < HOLDS:
            return None
        before, after = ((frame / self.rate, part.at(frame) / self.rate) for frame in part.telling)
        return Untold(before, after, 1e6 * (abs(slope) + around))

    def clocks(self, main: Part, parts: list[Part]) -> Clocks:
        return Clocks(1 + main.line.slope if main.drifts else 1.0, self.ppm(main), breaks=self.breaks(parts))


def weights_of(heights: np.ndarray) -> np.ndarray:
    """How much windows bear on a line, by the scores of their own peaks."""
    return np.asarray(np.clip(heights, LEAST_SCORE, MOST_SCORE) - LEAST_SCORE)


def cut(clip: Signals, frames: slice) -> Signals:
    return {name: signal[frames] for name, signal in clip.items()}


def frames_of(clip: Signals) -> int:
    return len(next(iter(clip.values())))


def _in_a_row(there: np.ndarray, least: int) -> bool:
    """Whether ``least`` of bool [N] are true in a row."""
    return any(there[first : first + least].all() for first in range(len(there) - least + 1))
