"""Pictures and sound of files that samples are cut from: read anew for each, or decoded once and kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from videosync.audio.log_mel import SAMPLE_RATE
from videosync.audio.read import read_sound
from videosync.video.read import read_frames, read_frames_at


class DecodedFiles:
    """Reads files, and keeps what it has decoded until ``gigabytes`` are full.

    Above 0 every file is decoded whole, so that what is read does not depend on what was kept. A copy in another
    process starts empty.
    """

    def __init__(self, gigabytes: float = 0.0) -> None:
        self.room = gigabytes * 1e9  # bytes
        self._kept: dict[tuple[Path, object], np.ndarray] = {}

    def frames(self, path: Path, numbers: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """The frames with these numbers, of ``size`` (height, width), as uint8 [n, H, W, 3]. Raises VideoError."""
        if not self.room:
            return read_frames_at(path, numbers, size=size)
        whole = self._kept.get((path, size))
        return (self._keep((path, size), read_frames(path, size=size)) if whole is None else whole)[numbers]

    def sound(self, path: Path, start: float, seconds: float) -> np.ndarray:
        """Mono sound at 16 kHz from ``start``, 0 or later, float32 [n]; silence behind the end. Raises AudioError."""
        if not self.room:
            return read_sound(path, start, seconds)
        whole = self._kept.get((path, "sound"))
        whole = self._keep((path, "sound"), read_sound(path)) if whole is None else whole
        first, count = round(start * SAMPLE_RATE), round(seconds * SAMPLE_RATE)
        piece = whole[first : first + count]
        return np.pad(piece, (0, count - len(piece)))

    def _keep(self, key: tuple[Path, object], decoded: np.ndarray) -> np.ndarray:
        if sum(array.nbytes for array in self._kept.values()) + decoded.nbytes <= self.room:
            self._kept[key] = decoded
        return decoded

    def __getstate__(self) -> dict[str, object]:
        return {"room": self.room, "_kept": {}}
