"""All signals of a clip, motion, learned and deep, in one pass over its frames."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

import numpy as np

from videosync.signals.deep import DEEP_CHANNELS, DeepMeter, FeatureMaps, deep_reach
from videosync.signals.learned import LEARNED, FrameFeatures, LearnedMeter
from videosync.signals.motion import CHANNELS, motion_signals, reach

ALL_CHANNELS = (*CHANNELS, LEARNED, *DEEP_CHANNELS)


def clip_signals(
    frames: Iterable[np.ndarray],
    *,
    size: int = 160,
    channels: Sequence[str] = tuple(CHANNELS),
    keyframes: Iterable[int] = (),
    maps: FeatureMaps | None = None,
    learned: FrameFeatures | None = None,
) -> dict[str, np.ndarray]:
    """Signals of one clip: name → float32 [T, F].

    Args:
        frames, size, keyframes: as of ``motion_signals``.
        channels: names from ``ALL_CHANNELS``.
        maps: the network that the deep channels look through; not called where none of them is asked for.
        learned: the same of the channel "learned".

    Raises:
        ValueError: an unknown channel, one without its network, or frames that are not as described.
    """
    deep = [name for name in channels if name in DEEP_CHANNELS]
    motion = [name for name in channels if name not in DEEP_CHANNELS and name != LEARNED]
    flashes = tuple(keyframes)
    looking = _learned_meter(learned) if LEARNED in channels else None
    if looking is not None:
        frames = looking.watch(frames)
    meter = _deep_meter(maps, deep[0], size) if deep else None
    if meter is not None:
        frames = meter.watch(frames)
    found: dict[str, np.ndarray] = {}
    if motion:
        found = motion_signals(frames, size=size, channels=motion, keyframes=flashes)
    else:
        deque(frames, maxlen=0)
    if looking is not None:
        found |= looking.signals(flashes)
    if meter is not None:
        found |= meter.signals(deep, flashes)
    return found


def _deep_meter(maps: FeatureMaps | None, channel: str, size: int) -> DeepMeter:
    if maps is None:
        raise ValueError(f"the channel {channel!r} needs a network, and none was given")
    return DeepMeter(maps, size=size)


def _learned_meter(network: FrameFeatures | None) -> LearnedMeter:
    if network is None:
        raise ValueError(f"the channel {LEARNED!r} needs a network, and none was given")
    return LearnedMeter(network)


def reach_of(channel: str, columns: int) -> np.ndarray:
    """How many frames back each of the ``columns`` of a channel looks, about: int [F]."""
    if channel == LEARNED:
        return np.ones(columns, np.int64)
    return deep_reach(channel) if channel in DEEP_CHANNELS else reach(channel)
