"""Motion signals of clips that were never filmed: quick, and with a known truth."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d

from videosync.signals.motion import CHANNELS

Signals = dict[str, np.ndarray]
PLACES = 4  # things that move on their own


def motion(frames: int, rng: np.random.Generator, period: int | None = None) -> np.ndarray:
    """How much each of a few things moves: [T, 4], larger than 0; over and over again with a ``period`` (frames)."""
    drawn = rng.normal(size=(period or frames, PLACES))
    if period is not None:
        drawn = np.tile(drawn, (frames // period + 1, 1))[:frames]
    smooth = gaussian_filter1d(drawn, 1.5, axis=0)
    return np.exp(1.5 * smooth / smooth.std())


def seen(things: np.ndarray, camera: np.random.Generator, noise: float = 0.1) -> Signals:
    """The channels of one camera that sees the things [T, 4] at its own places and sizes."""
    found = {}
    for name, columns in CHANNELS.items():
        shares = (
            camera.dirichlet(np.full(PLACES, 0.3), size=columns) if columns > 16 else np.full((columns, PLACES), 0.25)
        )
        shown = np.log(things @ shares.T + 0.05)
        found[name] = (shown + noise * camera.normal(size=shown.shape)).astype(np.float32)
    return found


def stretch(signals: Signals, start: int, frames: int) -> Signals:
    return {name: signal[start : start + frames] for name, signal in signals.items()}
