"""What a frame encoder sees in each frame of a clip.

The encoder is a function from pictures to numbers; ``models.clip_encoder`` makes one of any trained encoder.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal, Protocol

import cv2
import numpy as np

from videosync.signals.grey import small_size
from videosync.signals.keyframes import bridge_keyframes
from videosync.signals.measure import Signals, Source

CHUNK = 64  # pictures that the encoder sees at once
LEARNED = "learned"  # the channel's name


class FrameFeatures(Protocol):
    """Pictures uint8 [N,S,S,3] RGB, or [N,S,S] where it sees grey, of which the first ``context`` are only looked back
    at → float32 [N-context,F].
    """

    size: int  # S, pixels
    context: int  # frames that it looks back at
    columns: int  # F
    sees_differences: bool  # of grey pictures: their colours are left out, and flashes of keyframes bridged

    def features(self, pictures: np.ndarray, context: int) -> np.ndarray: ...


class EncoderMeter:
    """The channel "learned": features of each frame, float32 [T, F].

    Args:
        encoder: frames are squeezed to a square of its size.
        chunk: frames that it sees at once, and that are held at most (beside those that it looks back at).
    """

    needs: Literal["pictures"] = "pictures"

    def __init__(self, encoder: FrameFeatures, *, chunk: int = CHUNK) -> None:
        self.encoder, self.chunk = encoder, max(chunk, encoder.context + 1)
        self.reach: Mapping[str, np.ndarray] = {LEARNED: np.ones(encoder.columns, np.int64)}

    def pixels(self, height: int, width: int) -> tuple[int, int]:
        """No fewer than the encoder's square has, on either side."""
        longer, shorter = max(height, width), min(height, width)
        return small_size(height, width, math.ceil(self.encoder.size * longer / shorter))

    def begin(self, source: Source) -> _Features:
        return _Features(self, source)


class _Features:
    def __init__(self, meter: EncoderMeter, source: Source) -> None:
        self.meter, self.encoder, self.source = meter, meter.encoder, source
        self.before: list[np.ndarray] = []  # pictures before those that wait
        self.waiting: list[np.ndarray] = []
        self.found = [np.zeros((0, self.encoder.columns), np.float32)]

    def watch(self, frame: np.ndarray) -> None:
        self.waiting.append(self._small(frame))
        if len(self.waiting) == self.meter.chunk:
            self._measure()

    def signals(self) -> Signals:
        if self.waiting:
            self._measure()
        signal = np.concatenate(self.found)
        if self.encoder.sees_differences:
            signal = bridge_keyframes(signal, self.source.keyframes, self.meter.reach[LEARNED])
        return {LEARNED: signal}

    def _small(self, frame: np.ndarray) -> np.ndarray:
        size = self.encoder.size
        if frame.shape[:2] != (size, size):  # as in video.read: averaged over areas where it shrinks
            way = cv2.INTER_AREA if max(frame.shape[:2]) > size else cv2.INTER_LINEAR
            frame = cv2.resize(frame, (size, size), interpolation=way)
        if self.encoder.sees_differences:
            return frame if frame.ndim == 2 else cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
        return frame if frame.ndim == 3 else cv2.cvtColor(frame, cv2.COLOR_GRAY2RGB)

    def _measure(self) -> None:
        pictures = np.stack([*self.before, *self.waiting])
        self.found.append(self.encoder.features(pictures, len(self.before)))
        self.before = list(pictures[len(pictures) - self.encoder.context :]) if self.encoder.context else []
        self.waiting.clear()
