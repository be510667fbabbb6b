"""In which segments of two recordings there is anything to compare: pauses neither agree nor disagree."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from videosync.sound.segments import Range

TENTH = 1600  # samples
STEADY = 6.0  # dB between soft and loud parts, below which a recording has no pauses
ABOVE = 4.0  # dB over the softest part, at least a quarter of the way to the loudest: sound
LEAST = 3  # tenths of a second of it, in a segment in which there is something to hear


def sounding(loudness: np.ndarray) -> np.ndarray:
    """Which tenths of a second are no pause: bool [B]. ``loudness``: decibels [B], -inf: digital silence."""
    some = loudness[np.isfinite(loudness)]
    if not len(some):
        return np.zeros(len(loudness), bool)
    low, high = np.quantile(some, [0.05, 0.95])
    limit = -np.inf if high - low < STEADY else low + max(ABOVE, (high - low) / 4)
    return loudness > limit


def comparable(pieces: Sequence[Range], lag: int, loudness0: np.ndarray, loudness1: np.ndarray) -> np.ndarray:
    """Segments [S] in which both have sound, or one has while the other is muted.

    Args:
        pieces: segments of recording 0, samples. lag: of recording 1, samples. loudness0, loudness1: decibels [B].
    """
    sounds = sounding(loudness0), sounding(loudness1)
    silent = np.isneginf(loudness0), np.isneginf(loudness1)
    found = []
    for first, stop in pieces:
        begins = [max(first + away, 0) // TENTH for away in (0, lag)]
        count = min((stop - first) // TENTH, *(len(own) - begin for own, begin in zip(sounds, begins)))
        heard0, heard1 = (own[begin : begin + count] for own, begin in zip(sounds, begins))
        mute0, mute1 = (own[begin : begin + count] for own, begin in zip(silent, begins))
        muted = (heard0 & mute1) | (heard1 & mute0)
        found.append(max(min(heard0.sum(), heard1.sum()), muted.sum()) >= LEAST)
    return np.array(found, bool)
