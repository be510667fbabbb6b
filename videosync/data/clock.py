"""Where the frames of a view lie in time, so that views of unlike rates (30 and 29.97 frames/s) stay together.

``start_frame`` counts in the view's own frames: frame ``i`` of its file shows the time ``(start_frame + i) / fps`` of
its event. All of this is exact (fractions), and with equal rates what counting frames gives.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from videosync.data.samples import View

MOST_DRIFT = 0.5  # frames that two views may part by over a window; beyond, a label is wrong at its ends
RATES_APART = 0.005  # relative: rates further apart are not those of cameras set to one rate


def drift(fps0: float, fps1: float, num_frames: int) -> float:
    """How many frames two rates part over ``num_frames`` frames."""
    return num_frames * abs(fps0 - fps1) / max(fps0, fps1)


def similar_rates(view0: View, view1: View) -> bool:
    """Whether the views can be paired at all; over long clips they are still to be compared by time."""
    return drift(view0.fps, view1.fps, 1) <= RATES_APART


def frames_apart(view0: View, view1: View, first0: int = 0, first1: int = 0, num_frames: int = 1) -> Fraction:
    """k of two windows of ``num_frames`` frames that begin at these file frames: how much later window 0 lies.

    Measured between their middles, in frames of both rates' mean period; of windows that overlap, it is right in the
    middle of the overlap. With equal rates it is whole. Swapping the views gives the opposite.
    """
    period0, period1 = 1 / Fraction(view0.fps), 1 / Fraction(view1.fps)
    half = Fraction(num_frames - 1, 2)
    apart = (view0.start_frame + first0 + half) * period0 - (view1.start_frame + first1 + half) * period1
    return apart / ((period0 + period1) / 2)


def start_offset(view0: View, view1: View) -> int:
    """k of the whole clips from their first frames: ``start0 - start1``, to the nearest frame where rates differ."""
    return round(frames_apart(view0, view1))


def span_at(view: View, fps: float) -> tuple[int, int]:
    """First frame and the one after the last that the view shows of a timeline of ``fps`` frames/s."""
    ratio = Fraction(fps) / Fraction(view.fps)
    return math.ceil(view.start_frame * ratio), math.floor((view.end_frame - 1) * ratio) + 1


def common_frames(view0: View, view1: View) -> int:
    """How many frames both views show; 0 or less where they share no moment."""
    (low0, high0), (low1, high1) = (span_at(view, view0.fps) for view in (view0, view1))
    return min(high0, high1) - max(low0, low1)


def frames_at(view: View, moments: np.ndarray, fps: float) -> np.ndarray:
    """The file frames int64 nearest to int64 ``moments`` of a timeline of ``fps`` frames/s."""
    return np.rint(moments * (view.fps / fps)).astype(np.int64) - view.start_frame
