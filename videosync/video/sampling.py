"""Which frames make up the two views of a training sample. NumPy only; equal generators give equal views.

A view of a video of T frames is V = min(T, ``num_frames``) of the moments of a block, without repeats and in order,
after "Frame-wise Action Representations for Long Videos via Sequence Contrastive Learning", CVPR 2022, and its public
implementation. The block is 1 to ``sampling_region`` times as long as V (``sampling_block`` "view"), or as T ("video").
It may reach beyond the video's end: what is drawn there is masked. So two views of a video no longer than
``num_frames`` differ, as those of a longer one do, unless ``sampling_region`` is 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from videosync.errors import VideoError

SamplingBlock = Literal["view", "video"]


@dataclass(frozen=True, eq=False)
class ViewSteps:
    """The frames of two views (V = 2, T = num_frames), the real ones first: one at least in each view.

    What was drawn beyond a video's end, and padding, are held at its last frame.
    """

    frames: np.ndarray  # int64 [V, T] frame numbers in each view's own file
    steps: np.ndarray  # int64 [V, T] the same on one timeline: equal steps show the same moment
    mask: np.ndarray  # bool [V, T] True = a real frame
    lengths: np.ndarray  # int64 [V] length in frames of the timeline that ``steps`` count on


@dataclass(frozen=True)
class _Camera:
    start: int  # its first frame's place on the timeline
    frames: int

    @property
    def end(self) -> int:
        return self.start + self.frames


def sample_self_views(
    video_frames: int,
    num_frames: int,
    *,
    sampling_region: float,
    consistent_offset: float,
    rng: np.random.Generator,
    sampling_block: SamplingBlock = "view",
) -> ViewSteps:
    """Two views of one video of ``video_frames`` frames T.

    The first block starts at a frame below ``max(T - block, 1)``. The second starts within
    ±int((1 − ``consistent_offset``)·V) of the first view's first frame, ending inside the video where it fits in; or
    anywhere, as the first, if ``consistent_offset`` is 0.
    """
    _check(num_frames, sampling_region, consistent_offset, sampling_block, (video_frames,))
    camera = _Camera(0, video_frames)
    starts = (0, video_frames - 1)  # never the last place, as in the reference
    first = _draw_block(camera, starts, num_frames, sampling_region, sampling_block, None, rng)
    reach = _reach(first, camera, num_frames, consistent_offset)
    second = _draw_block(camera, starts, num_frames, sampling_region, sampling_block, reach, rng)
    return _views((first, second), (camera, camera), num_frames)


def sample_cross_views(
    start0: int,
    frames0: int,
    start1: int,
    frames1: int,
    num_frames: int,
    *,
    sampling_region: float,
    consistent_offset: float,
    rng: np.random.Generator,
    sampling_block: SamplingBlock = "view",
) -> ViewSteps:
    """One view from each of two cameras whose first frames are steps ``start0`` and ``start1`` of a timeline.

    Not in the paper: the same rule, each camera with its own T and V. A camera chosen at random gives a block inside
    the time that both filmed (or around it, if shorter). The other's block starts within
    ±int((1 − ``consistent_offset``)·V) of that view's first step, or anywhere in the common time if
    ``consistent_offset`` is 0. A block longer than its camera's video starts where that does.

    Raises:
        VideoError: the cameras share no moment.
    """
    _check(num_frames, sampling_region, consistent_offset, sampling_block, (frames0, frames1))
    cameras = (_Camera(int(start0), int(frames0)), _Camera(int(start1), int(frames1)))
    common = (max(c.start for c in cameras), min(c.end for c in cameras))
    if common[0] >= common[1]:
        raise VideoError(
            f"cameras that filmed steps {start0} to {cameras[0].end - 1} and {start1} to "
            f"{cameras[1].end - 1} of an event share no moment; check their start frames, or leave them out."
        )
    leader = int(rng.integers(2))
    follower = cameras[1 - leader]
    leading = _draw_block(cameras[leader], common, num_frames, sampling_region, sampling_block, None, rng)
    reach = _reach(leading, follower, num_frames, consistent_offset)
    following = _draw_block(follower, common, num_frames, sampling_region, sampling_block, reach, rng)
    steps = (leading, following) if leader == 0 else (following, leading)
    return _views(steps, cameras, num_frames)


def _reach(first: np.ndarray, camera: _Camera, num_frames: int, consistent_offset: float) -> tuple[int, int] | None:
    """Where the second block may start (both ends included); None: anywhere."""
    if consistent_offset == 0:
        return None
    distance = int((1.0 - consistent_offset) * min(camera.frames, num_frames))
    return int(first[0]) - distance, int(first[0]) + distance


def _draw_block(
    camera: _Camera,
    common: tuple[int, int],
    num_frames: int,
    sampling_region: float,
    sampling_block: SamplingBlock,
    reach: tuple[int, int] | None,
    rng: np.random.Generator,
) -> np.ndarray:
    """Rising steps, at most ``num_frames``, from the camera's first frame on; some may lie beyond its last."""
    size = min(camera.frames, num_frames)
    block = math.ceil(rng.uniform(1.0, sampling_region) * (size if sampling_block == "view" else camera.frames))
    # Without a reach: inside the common time, or around it where it is shorter than the block.
    low, high = reach if reach is not None else sorted((common[0], common[1] - block))
    earliest, latest = camera.start, max(camera.start, camera.end - block)
    low, high = (min(max(bound, earliest), latest) for bound in (low, high))
    start = int(rng.integers(low, high + 1))
    steps = start + np.sort(rng.choice(block, size=size, replace=False))
    if steps[0] >= camera.end:  # hardly ever, and then nothing of the view would be real
        steps[0] = rng.integers(start, camera.end)
    return steps


def _views(steps: tuple[np.ndarray, np.ndarray], cameras: tuple[_Camera, _Camera], num_frames: int) -> ViewSteps:
    ends = np.array([[camera.end] for camera in cameras], np.int64)
    starts = np.array([[camera.start] for camera in cameras], np.int64)
    held = np.repeat(ends, num_frames, axis=1)  # [V, T] padding, as if drawn beyond the end
    for row, view in zip(held, steps):
        row[: len(view)] = view
    mask = held < ends
    held = np.minimum(held, ends - 1)
    length = int(ends.max() - starts.min())
    return ViewSteps(held - starts, held, mask, np.full(2, length, np.int64))


def _check(
    num_frames: int,
    sampling_region: float,
    consistent_offset: float,
    sampling_block: str,
    video_frames: tuple[int, ...],
) -> None:
    if num_frames < 1 or min(video_frames) < 1:
        raise ValueError(f"views of {num_frames} frames from videos of {video_frames}: both must be at least 1")
    if sampling_region < 1:
        raise ValueError(f"sampling_region is {sampling_region}; it must be at least 1 (contiguous frames)")
    if not 0 <= consistent_offset <= 1:
        raise ValueError(f"consistent_offset is {consistent_offset}; it must lie between 0 and 1")
    if sampling_block not in ("view", "video"):
        raise ValueError(f"sampling_block is '{sampling_block}'; it must be 'view' or 'video'")
