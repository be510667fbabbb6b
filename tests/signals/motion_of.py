"""Motion signals of frames that are there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from videosync.signals.measure import Signals, measure
from videosync.signals.motion import CHANNELS, MotionMeter


def motion_signals(
    frames: Iterable[np.ndarray], channels: Sequence[str] = tuple(CHANNELS), *, stabilise: bool = True
) -> Signals:
    return measure(frames, [MotionMeter(channels, stabilise=stabilise)])
