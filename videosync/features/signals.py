"""All signals of a clip, motion and deep, in one pass over its frames."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

import numpy as np

from videosync.features.deep import DEEP_CHANNELS, DeepMeter, FeatureMaps, deep_reach
from videosync.features.motion import CHANNELS, motion_signals, reach

ALL_CHANNELS = {**CHANNELS, **DEEP_CHANNELS}  # name → columns


def clip_signals(
    frames: Iterable[np.ndarray],
    *,
    size: int = 160,
    channels: Sequence[str] = tuple(CHANNELS),
    keyframes: Iterable[int] = (),
    maps: FeatureMaps | None = None,
) -> dict[str, np.ndarray]:
    """Signals of one clip: name → float32 [T, F].

    Args:
        frames, size, keyframes: as of ``motion_signals``.
        channels: names from ``ALL_CHANNELS``.
        maps: the network that the deep channels look through; not called where none of them is asked for.

    Raises:
        ValueError: an unknown channel, a deep one without a network, or frames that are not as described.
    """
    deep = [name for name in channels if name in DEEP_CHANNELS]
    motion = [name for name in channels if name not in DEEP_CHANNELS]
    flashes = tuple(keyframes)
    if not deep:
        return motion_signals(frames, size=size, channels=motion, keyframes=flashes)
    if maps is None:
        raise ValueError(f"the channel {deep[0]!r} needs a network, and none was given")
    meter = DeepMeter(maps, size=size)
    found: dict[str, np.ndarray] = {}
    if motion:
        found = motion_signals(meter.watch(frames), size=size, channels=motion, keyframes=flashes)
    else:
        deque(meter.watch(frames), maxlen=0)
    return {**found, **meter.signals(deep, flashes)}


def reach_of(channel: str) -> np.ndarray:
    """How many frames back each column of a channel looks: int [F]."""
    return deep_reach(channel) if channel in DEEP_CHANNELS else reach(channel)
