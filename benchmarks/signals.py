"""Signals for benchmarks: the one place that knows how the library measures a window or a file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from videosync.cues.named import ClipEmbedder, Cue
from videosync.data.identity import code_hash
from videosync.timeline.clips import inspect, measured, read_clip

Signals = Mapping[str, np.ndarray]  # channel → [T, F]
MEASURING = (
    "signals",
    "timeline/clips.py",
    "models/clip_encoder.py",
    "weights",
)  # sources that decide what they are


def encoder_of(cue: Cue) -> ClipEmbedder | None:
    """The encoder that comes with the package, where the cue looks through one."""
    from videosync.models.clip_encoder import shipped_encoder

    return shipped_encoder() if cue.learned else None


def of_frames(
    frames: Iterable[np.ndarray], cue: Cue, encoder: ClipEmbedder | None, flashes: Iterable[int] = ()
) -> Signals:
    """Of uint8 [T,H,W,3]; ``flashes``: frame numbers of keyframes."""
    return measured(frames, cue.channels, keyframes=flashes, encoder=encoder)[0]


def of_file(
    path: Path, cue: Cue, encoder: ClipEmbedder | None, cache: Path | None = None, fps: float | None = None
) -> Signals:
    """Of a whole file at ``fps`` frames/s (None: its own), from ``cache`` where they are there. Raises VideoError."""
    if cache is None:
        info = inspect(path)
        return read_clip(info, fps or info.fps, cue.channels, encoder=encoder).signals
    status = path.stat()
    key = [str(path.resolve()), status.st_size, status.st_mtime_ns, fps, cue.channels, code_hash(*MEASURING)]
    kept = cache / f"{path.stem}_{hashlib.sha256(repr(key).encode()).hexdigest()[:20]}.npz"
    if not kept.exists():
        found = of_file(path, cue, encoder, fps=fps)
        cache.mkdir(parents=True, exist_ok=True)
        building = kept.with_suffix(".building.npz")
        np.savez(building, allow_pickle=False, **found)
        building.replace(kept)
    with np.load(kept) as arrays:
        return {name: arrays[name] for name in arrays}


def part(signals: Signals, start: int, frames: int) -> Signals:
    return {name: signal[start : start + frames] for name, signal in signals.items()}


def length(signals: Signals) -> int:
    return len(next(iter(signals.values())))
