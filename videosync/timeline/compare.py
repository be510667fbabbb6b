"""What the pictures of two files say about their offset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from videosync.cues.cue import Cue
from videosync.cues.evidence import scores_with_evidence, without_most_telling
from videosync.cues.some_cells import SOME_CELLS, without_cells
from videosync.lags.scores import APART, LagScores
from videosync.signals.hard_changes import PICTURES
from videosync.timeline.clips import Clip
from videosync.timeline.clocks import Clocks, Pair
from videosync.timeline.closer import Closer, look_again, look_closer, unanswered
from videosync.timeline.placement import judge
from videosync.timeline.same_pictures import is_copy, shared_cells
from videosync.timeline.search import lag_range
from videosync.timeline.useful import LeftOut, Useful, useful

TELLING = 0.5  # seconds without which an answer has to survive …
SHARE = 0.125  # … but no more of what overlaps
SURVIVES = 0.4  # confidence of the same answer without them
BESIDE_GRAPHICS = 1  # frames within which the rest of the pictures has to have the same answer as all with a graphic
GUESSED = 0.5  # confidence of an answer of which graphics are looked for, though it is not given: it can be accepted


@dataclass(frozen=True, eq=False)
class Compared:
    """Of two files (file 0, file 1)."""

    curve: LagScores  # of ``start_0 - start_1``, of the longest part that one offset explains, at one speed
    clocks: Clocks | None = None  # how they run against each other; None: nothing is known of them
    left_out: tuple[LeftOut, LeftOut] = (LeftOut(), LeftOut())
    copy: bool = False  # they show the same pictures at the best offset
    graphics: bool = False  # the same graphic moves in both: it was left out


def compare(
    cue: Cue,
    clip0: Clip,
    clip1: Clip,
    *,
    max_offset: float | None = None,
    min_overlap: float | None = None,
    name: str | None = None,
) -> Compared | None:
    """Compare two clips of one rate; None where they are too short for any offset.

    Args:
        max_offset, min_overlap: seconds, as of ``sync``. name: of the cue, whose calibration is used later.
    """
    rate = clip0.rate
    lags = lag_range(len(clip0), len(clip1), rate, max_offset=max_offset, min_overlap=min_overlap)
    if lags is None:
        return None
    reach = _reach(cue)
    one, other = useful(clip0, clip1, reach)
    nothing = Compared(LagScores(lags.start, np.zeros(len(lags)), cue=name))
    if one is None or other is None:
        return nothing
    left_out = one.left_out, other.left_out
    shift = other.start - one.start
    inner = lag_range(len(one.clip), len(other.clip), rate, min_overlap=min_overlap)
    inner = inner and range(max(lags.start - shift, inner.start), min(lags.stop - shift, inner.stop))
    if not inner:
        return replace(nothing, left_out=left_out)
    clips = one.clip.signals, other.clip.signals
    curve = scores_with_evidence(cue, *clips, inner, name)
    closer = look_closer(cue, *clips, rate, curve)
    if closer.clocks is not None and closer.clocks.breaks:  # parts, each of which stands by itself
        return Compared(*_later(closer, one, other), left_out)
    copy = graphics = False
    if judge(curve).confidence >= GUESSED and all(PICTURES in clip for clip in clips):
        pictures, lag = [clip[PICTURES] for clip in clips], curve.best()
        copy = is_copy(pictures[0], pictures[1], lag, rate)
        cells = shared_cells(pictures[0], pictures[1], lag)
        graphics = not copy and bool(cells.any()) and all("cells" in clip for clip in clips)
        if graphics:
            some = [without_cells(clip, cells) for clip in clips]
            curve = _tested(curve, scores_with_evidence(SOME_CELLS, some[0], some[1], inner, name), BESIDE_GRAPHICS)
    if judge(curve).doubt is None:
        overlap = 0 if curve.overlap is None else curve.overlap[curve.best() - curve.first]
        frames = max(1, round(min(TELLING * rate, SHARE * overlap)))
        curve = _tested(curve, without_most_telling(cue, clips[0], clips[1], curve, frames, reach))
    if curve.fragile:
        closer = Closer(curve, None)
    return Compared(*_later(closer, one, other), left_out, copy, graphics)


def _tested(curve: LagScores, rest: LagScores, within: int = APART) -> LagScores:
    """A curve, if its answer survives ``within`` so many frames in ``rest``, which lacks a part of the evidence;
    otherwise that, marked."""
    said, again = judge(curve), judge(rest)
    survives = abs(again.lag - said.lag) <= within and again.confidence >= SURVIVES
    return curve if survives else replace(rest, fragile=True)


def _later(closer: Closer, one: Useful, other: Useful) -> Closer:
    """What was found of two stretches, of the files that they are from."""
    curve, clocks = closer
    if not one.start and not other.start:
        return closer
    rate = one.clip.rate
    if clocks is None:
        return Closer(replace(curve, first=curve.first + other.start - one.start), None)
    shift = (other.start - clocks.rate * one.start) / clocks.seconds_of(1)
    return Closer(replace(curve, first=curve.first + round(shift)), clocks.later(one.start / rate, other.start / rate))


def _reach(cue: Cue) -> dict[str, np.ndarray]:
    return {channel: columns for meter in cue.meters("energy") for channel, columns in meter.reach.items()}


def compare_again(
    cue: Cue,
    clips: Mapping[Pair, tuple[Clip, Clip]],
    compared: Mapping[Pair, Compared],
    *,
    max_offset: float | None = None,
    min_overlap: float | None = None,
) -> dict[Pair, Compared]:
    """What pairs say that had no answer, once breaks and other speeds are tried.

    Args:
        clips: of each pair. max_offset, min_overlap: seconds, as of ``sync``.

    Returns:
        The pairs that were looked at again: of files that no pair has an answer for.
    """
    found = {}
    for pair in unanswered({pair: said.curve for pair, said in compared.items() if not said.curve.fragile}):
        one, other = useful(*clips[pair], _reach(cue))
        if one is None or other is None:
            continue
        said, rate = compared[pair], one.clip.rate
        inside = replace(said.curve, first=said.curve.first - (other.start - one.start))
        closer = look_again(
            cue, one.clip.signals, other.clip.signals, rate, inside, max_offset=max_offset, min_overlap=min_overlap
        )
        curve, clocks = _later(closer, one, other)
        found[pair] = replace(said, curve=curve, clocks=clocks)
    return found
