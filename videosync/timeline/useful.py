"""What of two clips is compared: neither black nor pictures that both files were given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from videosync.signals.hard_changes import LASTS, PICTURES, of_one_colour
from videosync.signals.keyframes import bridged
from videosync.signals.measure import Signals
from videosync.timeline.clips import Clip
from videosync.timeline.same_pictures import shared_pictures, spans

BRIEF = 0.25  # seconds: what is shown no longer than this between frames that are left out is left out with them

Span = tuple[float, float]  # seconds of a file


@dataclass(frozen=True)
class LeftOut:
    """Of one file, in the comparison with another."""

    plain: tuple[Span, ...] = ()  # of one colour
    same: tuple[Span, ...] = ()  # the other file shows the same pictures

    @property
    def any(self) -> bool:
        return bool(self.plain or self.same)


@dataclass(frozen=True, eq=False)
class Useful:
    """A stretch of a clip, from frame ``start`` of it on."""

    clip: Clip
    start: int
    left_out: LeftOut


def useful(clip0: Clip, clip1: Clip, reach: Mapping[str, np.ndarray]) -> tuple[Useful | None, Useful | None]:
    """What can be compared of two clips of one rate; None where nothing is left of a clip.

    Frames that are left out at its ends are cut off; elsewhere signals are bridged over them.

    Args:
        reach: channel → int [F], as of a meter.
    """
    if any(PICTURES not in clip.signals for clip in (clip0, clip1)):
        return Useful(clip0, 0, LeftOut()), Useful(clip1, 0, LeftOut())
    same = shared_pictures(clip0.signals[PICTURES], clip1.signals[PICTURES], clip0.rate)
    one, other = (_useful(clip, shared, reach) for clip, shared in zip((clip0, clip1), same))
    return one, other


def _useful(clip: Clip, same: np.ndarray, reach: Mapping[str, np.ndarray]) -> Useful | None:
    pictures, rate = clip.signals[PICTURES], clip.rate
    first, stop = _core(clip.empty | same, max(1, round(BRIEF * rate)))
    if first >= stop:
        return None
    plain = of_one_colour(pictures)
    said = LeftOut(*(tuple((a / rate, b / rate) for a, b in spans(which)) for which in (plain, same)))
    inside = np.flatnonzero(same[first:stop])
    signals: Signals = {name: signal[first:stop] for name, signal in clip.signals.items()}
    if len(inside):
        bridging = signals.keys() & reach.keys() - {PICTURES}
        signals |= {name: bridged(signals[name], inside, np.maximum(reach[name], LASTS)) for name in bridging}
    return Useful(replace(clip, signals=signals), first, said)


def _core(left_out: np.ndarray, brief: int) -> tuple[int, int]:
    """First and one past the last frame between what is left out at the ends: bool [T]; none: an empty stretch.

    What a change at the start left in channels that look back is cut off with it.
    """
    kept = [(first, stop) for first, stop in spans(~left_out) if stop - first > brief]
    if not kept:
        return 0, 0
    first, stop = kept[0][0], kept[-1][1]
    return first + (LASTS if first else 0), stop
