"""How fast things move: statistics of the lengths of optical flow vectors, whatever their direction."""

from __future__ import annotations

import cv2
import numpy as np

from videosync.signals.grey import small_size

SIZE = 80  # pixels, the longer side: flow costs most of all signals, and little is lost at this size
EDGES = (0.1, 0.2, 0.4, 0.8, 1.6)  # pixels a frame
FLOOR_SHARE, FLOOR_LENGTH = 0.005, 0.01  # keep the logarithms of still pictures finite


class FlowMeter:
    """Flow lengths between each frame and the one before it.

    By dense inverse search (Kroeger et al., "Fast Optical Flow using Dense Inverse Search", ECCV 2016), at 80 pixels.
    """

    def __init__(self) -> None:
        self.method = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        self.before: np.ndarray | None = None

    def __call__(self, grey: np.ndarray, camera: np.ndarray | None = None) -> tuple[np.ndarray, float]:
        """uint8 [h,w] → (log shares of pixels that move faster than each of EDGES [5], log mean length);
        NaN for the first. ``camera`` [3, 3]: the affine map of the camera's motion, which is taken out."""
        height, width = small_size(grey.shape[0], grey.shape[1], SIZE)
        small = cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA)
        before, self.before = self.before, small
        if before is None:
            return np.full(len(EDGES), np.nan), np.nan
        flow = self.method.calc(before, small, np.zeros((height, width, 2), np.float32))  # [h, w, 2]
        if camera is not None:
            flow = flow - _camera_flow(camera, grey.shape[1] / width, (height, width))
        length = cv2.magnitude(flow[..., 0], flow[..., 1])
        shares = np.array([np.count_nonzero(length > edge) for edge in EDGES]) / length.size
        return np.log(shares + FLOOR_SHARE), float(np.log(length.mean() + FLOOR_LENGTH))


def _camera_flow(camera: np.ndarray, scale: float, size: tuple[int, int]) -> np.ndarray:
    """Flow [h,w,2] of all that stands still; ``scale``: pixels of the map for one of the flow."""
    x, y = np.meshgrid(np.arange(size[1]) + 0.5, np.arange(size[0]) + 0.5)
    places = np.stack([x * scale - 0.5, y * scale - 0.5, np.ones_like(x)], axis=-1)  # [h, w, 3]
    return np.asarray((places @ camera[:2].T - places[..., :2]) / scale, np.float32)
