"""Whether the camera moves, told from a few larger pictures: of a camera worn on the head small ones show too little.

It passes things at unlike distances, so that no one map takes a picture to a later one, and turns quickly. But from one
frame to the next nothing stays where it is, and what lies far off, or on one plane, goes by one homography.
"""

from __future__ import annotations

import cv2
import numpy as np

from videosync.signals.grey import small_grey
from videosync.signals.stabilise import RIM_CHANGES, rim_changed

SIZE = 448  # pixels, the longer side of these pictures; smaller files are not looked at
QUICKEST = 60.0  # frames/s: the two pictures of a look are neighbours in files of up to this rate, or as far apart
LOOKS, FEWEST_LOOKS = 8, 4  # that judge a stretch of a clip
MOVING_SHARE = 0.5  # of the looks at which a camera moves that counts as moving
EVERY = 64  # frames from one look to the next in a long file
CORNERS, FEWEST = 200, 12
SPACING, QUALITY = 8, 0.01  # pixels between corners; of the best one
REACH, LEVELS = 21, 4  # pixels and levels of the pyramid in which a corner is looked for
BACK = 1.0  # pixels from where it began within which a corner must come back to
AT_REST, STAY = 0.5, 0.05  # pixels; share of corners that stay where the camera moves, at most
EXACT, AGREE = 2.0, 0.3  # pixels; share of corners that must obey one homography


def camera_moved(before: np.ndarray, after: np.ndarray) -> bool:
    """Whether the camera moved between two pictures uint8 [h,w]: hardly a corner stays, and many go by one map.

    Where a thing moves before a plain ground all corners are its own, but the rim of the picture stays as it is.
    """
    if rim_changed(before, after) < RIM_CHANGES:
        return False
    corners = cv2.goodFeaturesToTrack(before, CORNERS, QUALITY, SPACING, blockSize=5)
    if corners is None or len(corners) < FEWEST:
        return False
    there, found = _followed(before, after, corners)
    back, again = _followed(after, before, there)
    kept = (found & again)[:, 0] > 0
    kept &= np.linalg.norm((back - corners)[:, 0], axis=1) < BACK
    old, new = corners[kept, 0], there[kept, 0]
    if len(old) < FEWEST or (np.linalg.norm(new - old, axis=1) < AT_REST).sum() >= STAY * len(old):
        return False
    cv2.setRNGSeed(0)  # the same pictures, the same map
    _, agree = cv2.findHomography(old, new, cv2.RANSAC, EXACT)
    return agree is not None and float(agree.mean()) > AGREE


def _followed(before: np.ndarray, after: np.ndarray, corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where corners [N,1,2] are in a later picture, and whether they were found (Lucas and Kanade, 1981)."""
    there, found, _ = cv2.calcOpticalFlowPyrLK(
        before, after, corners, np.empty_like(corners), winSize=(REACH, REACH), maxLevel=LEVELS
    )
    return there, found


class Looks:
    """Looks at one file of T frames: which frames they take, and what they find.

    Args:
        times: float64 [T] seconds at which its frames are shown. fps: frames/s.
    """

    def __init__(self, times: np.ndarray, fps: float) -> None:
        self.times, self.apart = times, max(1, round(fps / QUICKEST))
        last = len(times) - 1 - self.apart
        count = max(LOOKS, len(times) // EVERY)
        self._first = set(np.linspace(0, last, count).astype(int).tolist()) if last >= 0 else set[int]()
        self.numbers = frozenset(self._first | {number + self.apart for number in self._first})
        self._waiting: dict[int, np.ndarray] = {}  # the first picture of a look
        self._found: list[tuple[float, bool]] = []  # time, whether the camera moved

    def show(self, number: int, frame: np.ndarray) -> None:
        """The frame with this number, of ``numbers`` and rising: uint8 [H,W,3] RGB or [H,W] grey."""
        picture = small_grey(frame, SIZE)
        before = self._waiting.pop(number - self.apart, None)
        if before is not None:
            self._found.append((float(self.times[number]), camera_moved(before, picture)))
        if number in self._first:
            self._waiting[number] = picture

    def camera_moves(self, start: float, end: float) -> bool:
        """Whether the camera moves from one time of the file to another, by the looks so far that are nearest."""
        nearest = sorted(self._found, key=lambda look: abs(look[0] - (start + end) / 2))[:LOOKS]
        moved = [moves for _, moves in nearest]
        return len(moved) >= FEWEST_LOOKS and float(np.mean(moved)) >= MOVING_SHARE
