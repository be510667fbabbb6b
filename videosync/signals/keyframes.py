"""Keyframes flash: a codec draws the picture anew, and all of it changes a little though nothing moves.

Two files from one encoder flash on the same grid of frames, and whatever looks at their motion finds the offset of the
grids instead of that of the scenes. So what is measured across a keyframe is replaced by what lies on either side. The
next picture, the first that is predicted from a keyframe, flashes as well.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

AFTER = 1  # frames for which a flash lasts on
MOST = 0.8  # share of the frames that may be replaced; a signal of which more is touched stays as it is
ALL_KEYS = 0.3  # share of keyframes from which on a file is taken to draw most pictures anew: nothing flashes


def bridge_keyframes(signal: np.ndarray, keyframes: Iterable[int], reach: np.ndarray) -> np.ndarray:
    """A signal with straight lines over its keyframes.

    Args:
        signal: [T, F].
        keyframes: frame numbers, 0 … T - 1; frame 0 is compared with nothing, and does not count.
        reach: int [F]; column f compares a frame with the one ``reach[f]`` before it, so that a flash lasts so long,
            and ``AFTER`` frames more.

    Returns:
        [T, F], a copy. Columns of clips that are nearly all keyframes are left as they are.
    """
    frames = len(signal)
    flashes = np.array(sorted({key for key in keyframes if 0 < key < frames}), np.int64)
    if not len(flashes) or len(flashes) > ALL_KEYS * frames:
        return signal.copy()
    return bridged(signal, flashes, reach + AFTER)


def bridged(signal: np.ndarray, frames: np.ndarray, reach: np.ndarray) -> np.ndarray:
    """A signal [T, F] with straight lines over ``frames`` (int, rising), and over what column f sees of them.

    The same arguments as of ``bridge_keyframes``. A column of which more than ``MOST`` is touched stays as it is.
    """
    found = signal.copy()
    times = np.arange(len(signal))
    since = times - np.concatenate([[-len(signal)], frames])[np.searchsorted(frames, times, side="right")]
    for column, length in zip(found.T, reach):
        touched = since < length  # frames since the last of them
        if touched.mean() <= MOST:
            column[touched] = np.interp(times[touched], times[~touched], column[~touched])
    return found
