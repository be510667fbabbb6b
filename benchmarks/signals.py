"""Signals for benchmarks: the one place that knows how the library measures a window or a file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from videosync.cues.cue import Cue
from videosync.cues.encoder import ClipEmbedder
from videosync.cues.named import find_cue
from videosync.data.identity import code_hash
from videosync.files import new_file
from videosync.signals.measure import Source, measure
from videosync.timeline.clips import inspect, read_clip
from videosync.timeline.evidence import default_encoder

Signals = Mapping[str, np.ndarray]  # channel → [T, F]
# sources that decide what they are
MEASURING = ("signals", "timeline/clips.py", "models/clip_encoder.py", "weights")


def cue_of(name: str, encoder: ClipEmbedder | None = None) -> Cue:
    """A cue with ``encoder``, or the one that comes with the package. Raises ConfigError: there is no such cue."""
    return find_cue(name, encoder or default_encoder(name))


def of_frames(frames: Iterable[np.ndarray], cue: Cue, flashes: Iterable[int] = ()) -> Signals:
    """Of uint8 [T,H,W,3]; ``flashes``: frame numbers of keyframes."""
    return measure(frames, cue.meters(), Source(tuple(flashes)))


def of_file(path: Path, cue: Cue, cache: Path | None = None, fps: float | None = None) -> Signals:
    """Of a whole file at ``fps`` frames/s (None: its own), from ``cache`` where they are there. Raises VideoError."""
    if cache is None:
        info = inspect(path)
        return read_clip(info, fps or info.fps, cue.meters()).signals
    status = path.stat()
    key = [str(path.resolve()), status.st_size, status.st_mtime_ns, fps, cue.channels, code_hash(*MEASURING)]
    kept = cache / f"{path.stem}_{hashlib.sha256(repr(key).encode()).hexdigest()[:20]}.npz"
    if not kept.exists():
        with new_file(kept) as building, building.open("wb") as file:
            np.savez(file, allow_pickle=False, **of_file(path, cue, fps=fps))
    with np.load(kept) as arrays:
        return {name: arrays[name] for name in arrays}


def part(signals: Signals, start: int, frames: int) -> Signals:
    return {name: signal[start : start + frames] for name, signal in signals.items()}


def length(signals: Signals) -> int:
    return len(next(iter(signals.values())))
