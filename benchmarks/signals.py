"""Signals for benchmarks: the one place that knows how the library measures a window or a file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from videosync.cues.cue import Cue
from videosync.cues.encoder import ClipEmbedder
from videosync.cues.named import find_cue
from videosync.signals.measure import Source, measure
from videosync.timeline.cache import SignalCache
from videosync.timeline.clips import inspect, read_clips
from videosync.timeline.evidence import default_encoder

Signals = Mapping[str, np.ndarray]  # channel → [T, F]


def cue_of(name: str, encoder: ClipEmbedder | None = None) -> Cue:
    """A cue with ``encoder``, or the one that comes with the package. Raises ConfigError: there is no such cue."""
    return find_cue(name, encoder or default_encoder(name))


def of_frames(frames: Iterable[np.ndarray], cue: Cue, flashes: Iterable[int] = ()) -> Signals:
    """Of uint8 [T,H,W,3]; ``flashes``: frame numbers of keyframes."""
    return measure(frames, cue.meters(), Source(tuple(flashes)))


def of_file(path: Path, cue: Cue, cache: Path | None = None, fps: float | None = None) -> Signals:
    """Of a whole file at ``fps`` frames/s (None: its own), from ``cache`` where they are there. Raises VideoError."""
    info, meters = inspect(path), cue.meters()
    rate = fps or info.fps
    clips = (read_clips if cache is None else SignalCache(cache).clips)(info, [rate], meters)
    return clips[rate].signals


def part(signals: Signals, start: int, frames: int) -> Signals:
    return {name: signal[start : start + frames] for name, signal in signals.items()}


def length(signals: Signals) -> int:
    return len(next(iter(signals.values())))
