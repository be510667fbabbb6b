"""How fast the features of a pretrained network change, frame by frame, and where.

Features of two views of one moment have little in common; that they change much at one moment and little at another is
common to both. The network is a function from pictures to maps; ``models.deep`` makes some.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import cv2
import numpy as np

from videosync.signals.grey import small_size
from videosync.signals.keyframes import bridge_keyframes

FeatureMaps = Callable[[np.ndarray], np.ndarray]  # uint8 [N,H,W,3] RGB → float [N,C,h,w]

CHUNK = 16  # pictures that the network sees at once
CELLS = 8
FLOOR, FLOOR_CELL = 0.001, 0.02  # keep the logarithms of still pictures finite

DEEP_CHANNELS = {  # name → columns
    "deep": 1,  # log mean |F(t) - F(t - 1)| over channels and cells
    "deepcells": CELLS**2,  # the same of each cell of an 8 x 8 grid, row by row
}


class DeepMeter:
    """Rate of change of features, measured while the frames of a clip go by on their way to something else.

    Args:
        maps: the network.
        size: longer side, in pixels, of the pictures that it sees; smaller ones are not enlarged.
        chunk: frames that it sees at once, and that are held at most.
    """

    def __init__(self, maps: FeatureMaps, *, size: int = 160, chunk: int = CHUNK) -> None:
        self.maps, self.size, self.chunk = maps, size, chunk
        self.waiting: list[np.ndarray] = []
        self.last: np.ndarray | None = None  # [1,C,h,w] of the frame before those that wait
        self.rows: dict[str, list[np.ndarray]] = {name: [] for name in DEEP_CHANNELS}

    def watch(self, frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """The same frames, uint8 [H,W,3] RGB or [H,W] grey. Raises ValueError: not as described."""
        for frame in frames:
            self.waiting.append(self._small(frame))
            if len(self.waiting) == self.chunk:
                self._measure()
            yield frame

    def signals(
        self, channels: Sequence[str] = tuple(DEEP_CHANNELS), keyframes: Iterable[int] = ()
    ) -> dict[str, np.ndarray]:
        """Signals of the frames so far: name → float32 [T, F], logarithms. The first frame has its second's values.

        ``keyframes``: frame numbers whose flashes are bridged; see ``signals.keyframes``.

        Raises:
            ValueError: an unknown channel.
        """
        if unknown := [name for name in channels if name not in DEEP_CHANNELS]:
            raise ValueError(f"unknown deep channel {unknown[0]!r}; there are {', '.join(DEEP_CHANNELS)}")
        if self.waiting:
            self._measure()
        flashes = tuple(keyframes)
        return {name: bridge_keyframes(self._signal(name), flashes, deep_reach(name)) for name in channels}

    def _small(self, frame: np.ndarray) -> np.ndarray:
        if frame.dtype != np.uint8 or frame.ndim not in (2, 3) or frame.shape[2:] not in ((), (3,)):
            raise ValueError(
                f"a frame is {frame.dtype} {list(frame.shape)}; expected uint8 [H,W,3] RGB or [H,W] grey"
            )
        height, width = small_size(frame.shape[0], frame.shape[1], self.size)
        if (height, width) != frame.shape[:2]:
            frame = cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA)
        return frame if frame.ndim == 3 else cv2.cvtColor(frame, cv2.COLOR_GRAY2RGB)

    def _measure(self) -> None:
        maps = self.maps(np.stack(self.waiting))  # [N,C,h,w]
        self.waiting.clear()
        before = maps[:1] if self.last is None else self.last
        change = np.abs(np.diff(np.concatenate([before, maps]), axis=0)).mean(axis=1)  # [N,h,w]
        self.last = maps[-1:].copy()
        self.rows["deep"].extend(np.log(change.mean(axis=(1, 2))[:, None] + FLOOR))
        for picture in change:
            cells = cv2.resize(picture, (CELLS, CELLS), interpolation=cv2.INTER_AREA)
            self.rows["deepcells"].append(np.log(cells.ravel() + FLOOR_CELL))

    def _signal(self, name: str) -> np.ndarray:
        signal = np.array(self.rows[name], np.float32).reshape(-1, DEEP_CHANNELS[name])
        signal[:1] = signal[1:2] if len(signal) > 1 else 0.0
        return signal


def deep_reach(channel: str) -> np.ndarray:
    """How many frames back each column of a channel looks: int [F]."""
    return np.ones(DEEP_CHANNELS[channel], np.int64)
