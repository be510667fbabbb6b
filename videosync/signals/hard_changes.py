"""Hard changes of the whole picture: cuts, flashes, black that begins or ends. They show nothing of an event.

A change is hard if most of the picture changes at once, far more than it usually does in the same clip: a person who
is the only one to move fills less than that, and a camera that moves does so all the time. Across a hard change every
channel is held down to what an ordinary lively frame has: light that goes on before two cameras is one witness of many.
Frames of one colour contain nothing, and neither does a still picture (a title) up to the hard change that ends it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from videosync.signals.keyframes import MOST, bridged

PICTURES = "pictures"  # a channel, of signals.thumbnails: [T, P] grey levels of each frame, tiny
SHARE = 0.6  # of the picture that changes by at least as much as what is looked at
FACTOR = 6.0  # robust standard deviations above the usual change
LEAST_SPREAD, LEAST_CHANGE = 0.25, 1.5  # grey levels
ONE_COLOUR = 2.0  # grey levels: the standard deviation over a picture that is of one colour
UNMOVED = 1.0  # grey levels by which no cell of a still picture changes
STILL = 0.9  # share of the frames of a still stretch that are unmoved, at least: keyframes flash
LASTS = 5  # frames that a hard change is seen in at least: encoders look at several
LIVELY = 0.9  # quantile: a frame as lively as this one is ordinary
NORMAL = 1.4826  # times the median absolute deviation: the standard deviation of a normal distribution


def whole_change(pictures: np.ndarray) -> np.ndarray:
    """By how many grey levels most of each picture differs from the one before: [T, P] → float [T], first 0."""
    if len(pictures) < 2:
        return np.zeros(len(pictures))
    changed = np.abs(np.diff(pictures, axis=0))
    least = int((1 - SHARE) * pictures.shape[1])
    return np.concatenate([[0.0], np.partition(changed, least, axis=1)[:, least]])


def hard_changes(pictures: np.ndarray) -> np.ndarray:
    """Which frames differ from the one before by a hard change: [T, P] → bool [T]."""
    change = whole_change(pictures)
    usual = float(np.median(change[1:])) if len(change) > 1 else 0.0
    spread = NORMAL * float(np.median(np.abs(change[1:] - usual))) if len(change) > 1 else 0.0
    return np.asarray(change > max(LEAST_CHANGE, usual + FACTOR * max(spread, LEAST_SPREAD)))


def of_one_colour(pictures: np.ndarray) -> np.ndarray:
    """Which frames are black, or of one other colour: [T, P] → bool [T]."""
    return np.asarray(pictures.std(axis=1) < ONE_COLOUR)


def empty_frames(pictures: np.ndarray) -> np.ndarray:
    """Which frames contain nothing of an event: bool [T].

    Those of one colour, hard changes, and still pictures from the start of the clip to its first hard change, or from
    its last one to the end.
    """
    hard = hard_changes(pictures)
    empty = hard | of_one_colour(pictures)
    unmoved = np.abs(np.diff(pictures, axis=0, prepend=pictures[:1])).max(axis=1, initial=0) < UNMOVED
    places = np.flatnonzero(hard)
    if len(places):
        first, last = places[0], places[-1] + 1
        still = unmoved | empty
        empty[:first] |= bool(still[:first].mean() >= STILL) if first else False
        empty[last:] |= bool(still[last:].mean() >= STILL) if last < len(still) else False
    return empty


def limited(signals: dict[str, np.ndarray], reach: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Signals in which a hard change weighs no more than an ordinary lively frame, and one colour nothing.

    Where a channel sees one, it is no further from its median than a lively frame (of ten the second) is. Over one
    colour there is a straight line.

    Args:
        signals: of one clip, [T, F] each; all are left as they are where ``PICTURES`` is not among them.
        reach: channel → int [F], as of a meter.
    """
    pictures = signals.get(PICTURES)
    if pictures is None or not (hard := hard_changes(pictures)).any():
        return signals
    nothing = of_one_colour(pictures) & ~hard
    if (hard | nothing).mean() > MOST:
        nothing[:] = False
    return {
        name: signal if name == PICTURES else _limited(signal, hard, nothing, np.maximum(reach[name], LASTS))
        for name, signal in signals.items()
    }


def _limited(signal: np.ndarray, hard: np.ndarray, nothing: np.ndarray, reach: np.ndarray) -> np.ndarray:
    line = bridged(signal, np.flatnonzero(hard | nothing), reach)
    touched = line != signal  # [T, F]
    others = signal[~touched.any(axis=1)]
    if not len(others):
        return signal
    usual = np.median(others, axis=0)
    lively = np.quantile(np.linalg.norm(others - usual, axis=1), LIVELY)
    away = np.where(touched, signal - usual, 0)
    share = np.minimum(1.0, lively / np.maximum(np.linalg.norm(away, axis=1), 1e-9))[:, None]
    held = np.where(touched, usual + share * away, signal)
    return np.where(nothing[:, None], line, held).astype(signal.dtype)
