"""What a picture shows: nothing (black), the green screen, or the same as a while ago (stationary).

Definitions of the public protocol: black = more than 80 % of the pixels have a grey value below 50; green = more
than 80 % have HSV (OpenCV's ranges) hue 35 … 85, saturation and value 40 or more; stationary = the mean magnitude
of Farneback's flow between two pictures is below 0.15 px. All at 224 x 224.
"""

from __future__ import annotations

import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter

SIZE = 224  # height and width the definitions count in
BLACK, GREEN, STATIONARY = "black", "green", "stationary"
SHARE = 0.8  # of the pixels
DARK = 50  # grey value
HUE, SATURATION, VALUE = (35, 85), (40, 255), (40, 255)
STILL = 0.15  # px

cv2.setNumThreads(1)  # workers run beside each other
_reformatter = VideoReformatter()


def small(frame: VideoFrame) -> VideoFrame:
    """The picture as yuv420p of 224 x 224."""
    if (frame.width, frame.height, frame.format.name) == (SIZE, SIZE, "yuv420p"):
        return frame
    return _reformatter.reformat(
        frame, width=SIZE, height=SIZE, format="yuv420p", interpolation=Interpolation.AREA, threads=1
    )


def grey(frame: VideoFrame) -> np.ndarray:
    """Grey values uint8 [224,224], 0 … 255 whatever range the video stores them in."""
    plane = _plane(frame, 0)
    if frame.color_range == ColorRange.JPEG:
        return plane.copy()
    return cv2.LUT(plane, _FULL_RANGE)


def look_at(frame: VideoFrame) -> tuple[np.ndarray, str]:
    """Grey values uint8 [224,224] of a frame of any size; and "black", "green", or "" if it shows something."""
    picture = small(frame)
    values = grey(picture)
    if np.count_nonzero(values < DARK) > SHARE * values.size:
        return values, BLACK
    return values, GREEN if _maybe_green(picture) and _is_green(picture) else ""


def movement(before: np.ndarray, after: np.ndarray) -> float:
    """Mean magnitude in px of Farneback's flow between two grey pictures uint8 [224,224]."""
    flow = cv2.calcOpticalFlowFarneback(before, after, None, 0.5, 3, 15, 3, 5, 1.2, 0)  # type: ignore[call-overload]
    return float(np.hypot(flow[..., 0], flow[..., 1]).mean())


def _maybe_green(frame: VideoFrame) -> bool:
    """Whether green is the largest of R, G, B in enough pixels: saves the way over RGB for nearly all pictures."""
    u, v = (_plane(frame, number).astype(np.int16) - 128 for number in (1, 2))
    # G >= R, G >= B and not grey, loosened to hold for BT.601 and BT.709; the borders blur: hence half the share
    return bool(((6 * v + u <= 0) & (3 * u + v <= 0) & (u + v < 0)).mean() > SHARE / 2)


def _is_green(frame: VideoFrame) -> bool:
    hsv = cv2.cvtColor(frame.to_ndarray(format="rgb24"), cv2.COLOR_RGB2HSV)
    low, high = zip(HUE, SATURATION, VALUE)
    return bool((cv2.inRange(hsv, np.array(low), np.array(high)) > 0).mean() > SHARE)


def _plane(frame: VideoFrame, number: int) -> np.ndarray:
    plane = frame.planes[number]
    return np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]


_FULL_RANGE = np.clip(np.round((np.arange(256) - 16) * (255 / 219)), 0, 255).astype(np.uint8)
