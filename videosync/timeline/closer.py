"""A closer look at two clips: whether one offset and one speed hold for all that they share, and if not, what does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from videosync.cues.cue import Cue, Signals, order
from videosync.lags.scores import LagScores
from videosync.timeline.calibration import calibration_for
from videosync.timeline.clocks import Clocks, Pair
from videosync.timeline.confidence import probability_right
from videosync.timeline.misfits import suspected_break
from videosync.timeline.parts import Search, frames_of
from videosync.timeline.speeds import BEATS, WORTH_SAYING, best_speed, less_sure

MOST_AGAIN = 3  # pairs of a file that is not placed that are looked at again


class Closer(NamedTuple):
    """What two files say once their clocks are known."""

    curve: LagScores  # of ``start_0 - start_1``
    clocks: Clocks | None  # None: no offset is sure enough to say anything of clocks

    def reversed(self) -> Closer:
        return Closer(self.curve.reversed(), None if self.clocks is None else self.clocks.reversed())


def look_closer(cue: Cue, clip0: Signals, clip1: Signals, rate: float, curve: LagScores) -> Closer:
    """Drift and breaks of two clips whose lag scores have an answer; where one offset does, the same scores.

    Args:
        clip0, clip1: signals at ``rate`` frames/s. curve: their lag scores.
    """
    if _sure(curve) < calibration_for(curve.cue).accepted or cue.uses_sound_encoder:
        return Closer(curve, None)
    if order(clip0, clip1) > 0:
        return look_closer(cue, clip1, clip0, rate, curve.reversed()).reversed()
    search = Search(cue, clip0, clip1, rate, _reach(cue), curve.cue)
    lag = curve.best()
    parts = [search.part(*run) for run in search.runs(lag)]
    if not parts:
        return Closer(curve, Clocks(suspected=suspected_break(search, lag)))
    if search.breaks(parts):
        standing = search.standing_of(parts, 2)
        if search.breaks(standing):
            main = max(standing, key=lambda part: part.stop - part.first)
            assert main.curve is not None
            return Closer(_within(main.curve, curve), search.clocks(main, standing))
    main = min(parts, key=lambda part: abs(part.at(part.first) - part.first - lag))
    lags = range(curve.first, curve.first + len(curve.scores))
    whole = search.without_drift(replace(main, first=0, stop=frames_of(clip0)), lags, curve)
    assert whole.curve is not None
    clocks = search.clocks(replace(whole, first=main.first, stop=main.stop), [main])
    if not whole.drifts:
        clocks = replace(clocks, breaks=search.small_steps(main), untold=search.untold(main, lag))
        if not clocks.breaks and clocks.untold is None:
            clocks = replace(clocks, suspected=suspected_break(search, lag, main.telling))
    return Closer(whole.curve, clocks)


def look_again(
    cue: Cue, clip0: Signals, clip1: Signals, rate: float, curve: LagScores, **limits: float | None
) -> Closer:
    """Of two clips whose lag scores have no answer: parts with an answer each, or another speed.

    Args:
        limits: ``max_offset`` and ``min_overlap``, as of ``compare``.
    """
    if cue.uses_sound_encoder:
        return Closer(curve, None)
    if order(clip0, clip1) > 0:
        return look_again(cue, clip1, clip0, rate, curve.reversed(), **limits).reversed()
    search = Search(cue, clip0, clip1, rate, _reach(cue), curve.cue)
    tried = [search.part(*run) for run in search.runs(curve.best(), everywhere=True)]
    standing = search.standing_of(tried, 1)
    if standing:
        main = max(standing, key=lambda part: part.stop - part.first)
        assert main.curve is not None
        clocks = search.clocks(main, standing)
        if not main.drifts and not clocks.breaks:
            clocks = replace(clocks, untold=search.untold(main, round(main.line.offset)))
        return Closer(_within(less_sure(main.curve, 1 + len(tried)), curve), clocks)
    speed = best_speed(cue, clip0, clip1, rate, _reach(cue), name=curve.cue, **limits)
    if speed is None or speed.confidence < max(WORTH_SAYING, _sure(curve) + BEATS):
        return Closer(curve, None)
    sure = speed.confidence >= calibration_for(curve.cue).accepted
    clocks = Clocks(speed.rate, None, 1 - speed.slow, speed.slow, sure)
    return Closer(speed.curve if sure else curve, clocks)


def unanswered(curves: Mapping[Pair, LagScores]) -> list[Pair]:
    """The pairs to look at again: of each file that no pair has an answer for, those that come nearest to one."""
    sure = {pair: _sure(curve) for pair, curve in curves.items()}
    answered = {n for pair, curve in curves.items() for n in pair if sure[pair] >= calibration_for(curve.cue).accepted}
    found: set[Pair] = set()
    for number in {n for pair in curves for n in pair} - answered:
        own = sorted((pair for pair in curves if number in pair), key=lambda pair: (-sure[pair], pair))
        found.update(own[:MOST_AGAIN])
    return sorted(found)


def _within(part: LagScores, whole: LagScores) -> LagScores:
    """The scores of a part among the offsets that were asked for."""
    first, stop = max(part.first, whole.first), min(part.first + len(part.scores), whole.first + len(whole.scores))
    if stop - first < 3:
        return part
    some = slice(first - part.first, stop - part.first)
    seen = part.support()
    return replace(
        part,
        first=first,
        scores=part.scores[some],
        evidence=replace(seen, level=seen.level[some], parts=seen.parts[:, some], halves=seen.halves[some]),
        overlap=None if part.overlap is None else part.overlap[some],
    )


def _sure(curve: LagScores) -> float:
    return probability_right(curve, curve.best())


def _reach(cue: Cue) -> dict[str, np.ndarray]:
    return {name: columns for meter in cue.meters() for name, columns in meter.reach.items()}
