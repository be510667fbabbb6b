"""Features of a frame encoder, frame by frame, measured while frames go by.

The encoder is a function from pictures to numbers; ``models.clip_encoder`` makes one of any trained encoder.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

import cv2
import numpy as np

from videosync.signals.keyframes import bridge_keyframes

CHUNK = 64  # pictures that the network sees at once
LEARNED = "learned"  # the channel's name
FLASH = 1  # frames that a keyframe's flash is bridged for, where an encoder sees differences


class FrameFeatures(Protocol):
    """Pictures uint8 [N,S,S,3] RGB, or [N,S,S] where it sees grey, of which the first ``context`` are only looked back
    at → float32 [N-context,F].
    """

    size: int  # S, pixels
    context: int  # frames that it looks back at
    columns: int  # F
    sees_differences: bool  # of grey pictures: their colours are left out, and flashes of keyframes bridged

    def features(self, pictures: np.ndarray, context: int) -> np.ndarray: ...


class LearnedMeter:
    """Features of the frames of a clip that go by on their way to something else.

    Args:
        network: see ``FrameFeatures``; frames are squeezed to a square of its size.
        chunk: frames that it sees at once, and that are held at most (beside those that it looks back at).
    """

    def __init__(self, network: FrameFeatures, *, chunk: int = CHUNK) -> None:
        self.network, self.chunk = network, max(chunk, network.context + 1)
        self.before: list[np.ndarray] = []  # pictures before those that wait
        self.waiting: list[np.ndarray] = []
        self.found: list[np.ndarray] = []

    def watch(self, frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """The same frames, uint8 [H,W,3] RGB or [H,W] grey. Raises ValueError: not as described."""
        for frame in frames:
            self.waiting.append(self._small(frame))
            if len(self.waiting) == self.chunk:
                self._measure()
            yield frame

    def signals(self, keyframes: Iterable[int] = ()) -> dict[str, np.ndarray]:
        """Features of the frames so far: ``{"learned": float32 [T, F]}``.

        ``keyframes``: frame numbers whose flashes are bridged; see ``signals.keyframes``.
        """
        if self.waiting:
            self._measure()
        signal = np.concatenate(self.found) if self.found else np.zeros((0, self.network.columns), np.float32)
        if not self.network.sees_differences:
            return {LEARNED: signal}
        return {LEARNED: bridge_keyframes(signal, keyframes, np.full(signal.shape[1], FLASH))}

    def _small(self, frame: np.ndarray) -> np.ndarray:
        if frame.dtype != np.uint8 or frame.ndim not in (2, 3) or frame.shape[2:] not in ((), (3,)):
            raise ValueError(
                f"a frame is {frame.dtype} {list(frame.shape)}; expected uint8 [H,W,3] RGB or [H,W] grey"
            )
        small = cv2.resize(frame, (self.network.size, self.network.size), interpolation=cv2.INTER_AREA)
        if self.network.sees_differences:
            return small if small.ndim == 2 else cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
        return small if small.ndim == 3 else cv2.cvtColor(small, cv2.COLOR_GRAY2RGB)

    def _measure(self) -> None:
        pictures = np.stack([*self.before, *self.waiting])
        self.found.append(self.network.features(pictures, len(self.before)))
        self.before = list(pictures[len(pictures) - self.network.context :]) if self.network.context else []
        self.waiting.clear()
