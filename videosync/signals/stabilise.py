"""The camera's own motion, taken out: where the picture before would lie if nothing but the camera had moved.

Corners are followed from frame to frame (Shi, Tomasi, "Good Features to Track", CVPR 1994; pyramidal Lucas-Kanade), and
most of them obey one affine map, found by RANSAC (Fischler, Bolles, 1981); what moves in the scene does not. How the
camera moved is no information about the scene and is never used as a signal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

# corners that are followed, at most; of those, so many to judge whether a camera moves
CORNERS, LOOKED_AT = 150, 80
# corners are at least the picture's width / SPACING apart, and so good as QUALITY of the best one
SPACING, QUALITY = 32, 0.01
# pixels and levels of the pyramid in which a corner is looked for
REACH, LEVELS = 15, 3
AGREES = 0.7  # pixels from its place within which a corner obeys the map
FEWEST = 12  # corners that make a map
TRUSTED = 0.3  # share of corners that obey a map to be relied on
# frames between which is judged whether a camera moves: far for slow ones, near for quick ones
FAR, NEAR = 8, 1
# it is judged once in EVERY frames, but so often at least and at most
EVERY, LEAST_LOOKS, MOST_LOOKS = 32, 5, 16
AT_REST, EXACT = 0.2, 0.3  # pixels: a corner stays; a corner obeys the map when it is judged
STAY = 0.05  # share of corners that stay; where the camera moves there are next to none
AGREE_FAR, AGREE_NEAR = 0.2, 0.35  # share of corners that must obey a map for the camera to move
BLOCKS, CHANGED, CHANGED_SHARE = 8, 4, 0.05  # a side of the picture; grey levels; of a block's pixels
RIM_CHANGES = 0.25  # share of the blocks along the rim that change where the camera moves
MOVING_SHARE = 0.42  # of the looks at which a camera moves that counts as moving: more than two of five
MISFIT = 0.25  # pixels by which still things may be misplaced: parallax, rolling shutter, lens
_STOP = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 20, 0.01)


@dataclass(frozen=True, eq=False)
class Step:
    """How the camera moved between two frames."""

    matrix: np.ndarray  # float64 [3, 3], affine: pixel (x, y, 1) of the frame before → of the frame after
    trusted: bool  # False: too few corners agree, or there are none; ``matrix`` is a guess

    def speed(self, size: tuple[int, ...]) -> float:
        """Pixels by which the corners of a picture (h, w) move on average."""
        height, width = size
        corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]], float)
        return float(np.linalg.norm(corners @ (self.matrix - np.eye(3))[:2].T, axis=1).mean())


STAYS = Step(np.eye(3), True)


def camera_step(before: np.ndarray, after: np.ndarray) -> Step:
    """The camera's motion between two pictures uint8 [h,w], in pixels of these."""
    old, new = _tracks(before, after, _corners(before, CORNERS))
    matrix, agree = _affine(old, new, AGREES)
    trusted = int(agree.sum()) >= FEWEST and float(agree.mean()) >= TRUSTED
    return Step(matrix, trusted)


def camera_moves(pictures: Sequence[np.ndarray] | np.ndarray) -> bool:
    """Whether the camera moves in a clip uint8 [h,w] × T: no corner stays where it is, and many obey one map.

    A camera that stands still, in front of whatever, is told by corners that stay. Where a subject fills the picture
    no corners stay, but none agree either, which counts as standing still; so does a rigid thing that moves in front
    of a plain ground, where all corners are its own: the rim of the picture stays as it is.
    """
    looks = min(MOST_LOOKS, max(LEAST_LOOKS, len(pictures) // EVERY))
    last = len(pictures) - 1
    if last < 1:
        return False
    places = np.unique(np.linspace(0, max(0, last - FAR), looks).astype(int))
    votes = [_moves(pictures[i], pictures[min(last, i + FAR)], pictures[i + NEAR]) for i in places]
    return bool(np.mean(votes) >= MOVING_SHARE)


def _moves(before: np.ndarray, later: np.ndarray, soon: np.ndarray) -> bool:
    corners = _corners(before, LOOKED_AT)
    old, new = _tracks(before, later, corners)
    staying = int((np.linalg.norm(new - old, axis=1) < AT_REST).sum())
    if len(corners) < FEWEST or staying >= STAY * len(corners) or rim_changed(before, later) < RIM_CHANGES:
        return False
    if _agreeing(old, new) >= max(FEWEST, AGREE_FAR * len(corners)):
        return True
    return _agreeing(*_tracks(before, soon, corners)) >= max(FEWEST, AGREE_NEAR * len(corners))


def rim_changed(before: np.ndarray, after: np.ndarray) -> float:
    """Share of the blocks along the picture's rim in which some of it changes."""
    changed = cv2.absdiff(cv2.GaussianBlur(before, (0, 0), 1.0), cv2.GaussianBlur(after, (0, 0), 1.0)) >= CHANGED
    blocks = cv2.resize(changed.astype(np.float32), (BLOCKS, BLOCKS), interpolation=cv2.INTER_AREA)
    rim = np.concatenate([blocks[0], blocks[-1], blocks[1:-1, 0], blocks[1:-1, -1]])
    return float((rim > CHANGED_SHARE).mean())


def _agreeing(old: np.ndarray, new: np.ndarray) -> int:
    return int(_affine(old, new, EXACT)[1].sum())


def _corners(picture: np.ndarray, most: int) -> np.ndarray:
    """Places [N, 1, 2] that can be found again."""
    apart = max(3, picture.shape[1] // SPACING)
    found = cv2.goodFeaturesToTrack(picture, most, QUALITY, apart, blockSize=5)
    return np.empty((0, 1, 2), np.float32) if found is None else found


def _tracks(before: np.ndarray, after: np.ndarray, corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places before and after, [N, 2] each, of the corners that were found again."""
    if not len(corners):
        return corners[:, 0], corners[:, 0]
    there, found, _ = cv2.calcOpticalFlowPyrLK(
        before, after, corners, np.empty_like(corners), winSize=(REACH, REACH), maxLevel=LEVELS, criteria=_STOP
    )
    kept = found[:, 0] > 0
    return corners[kept, 0], there[kept, 0]


def _affine(old: np.ndarray, new: np.ndarray, within: float) -> tuple[np.ndarray, np.ndarray]:
    """The map [3, 3] that most corners obey within so many pixels, and which do: bool [N]."""
    nothing = np.eye(3), np.zeros(max(1, len(old)), bool)
    if len(old) < 4:
        return nothing
    cv2.setRNGSeed(0)  # the same pictures, the same map
    found, agree = cv2.estimateAffine2D(old, new, method=cv2.RANSAC, ransacReprojThreshold=within, maxIters=300)
    if found is None or not np.isfinite(found).all() or abs(np.linalg.det(found[:, :2]) - 1) > 0.5:
        return nothing
    return np.vstack([found, [0.0, 0.0, 1.0]]), agree[:, 0] > 0


def aligned(picture: np.ndarray, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """An earlier picture [h,w] where the camera's motion has taken it, and 1 where it is seen (uint8 [h,w])."""
    height, width = picture.shape
    moved = cv2.warpAffine(picture, matrix[:2], (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    seen = cv2.warpAffine(np.ones((height, width), np.uint8), matrix[:2], (width, height), flags=cv2.INTER_NEAREST)
    return moved, cv2.erode(seen, np.ones((3, 3), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0)


def misfit(picture: np.ndarray) -> np.ndarray:
    """What a shift by ``MISFIT`` pixels changes a picture uint16 [h,w] by, at most: uint16 [h,w]."""
    levels = picture.astype(np.float32)
    across, down = (cv2.Sobel(levels, cv2.CV_32F, x, 1 - x, scale=MISFIT / 8) for x in (1, 0))
    steepest = cv2.dilate(cv2.magnitude(across, down), np.ones((3, 3), np.uint8))
    return np.asarray(np.minimum(steepest, 65535).astype(np.uint16))
