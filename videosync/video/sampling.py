"""Which frames make up the two views of a training sample. NumPy only; equal generators give equal views.

A view is ``num_frames`` random frames, in order, out of a block 1 to ``sampling_region`` times as long,
after "Frame-wise Action Representations for Long Videos via Sequence Contrastive Learning", CVPR 2022.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from videosync.errors import VideoError


@dataclass(frozen=True, eq=False)
class ViewSteps:
    """The frames of two views (V = 2, T = num_frames). Padding repeats the last real frame."""

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
) -> ViewSteps:
    """Two views of one video of ``video_frames`` frames.

    The second block starts within ±(1 − ``consistent_offset``)·``num_frames`` of the first view's
    first frame, or anywhere if that is 0. A video shorter than ``num_frames`` gives all its frames, padded.
    """
    _check(num_frames, sampling_region, consistent_offset, (video_frames,))
    camera = _Camera(0, video_frames)
    first = _draw_block(camera, (0, video_frames), num_frames, sampling_region, None, rng)
    reach = _reach(int(first[0]), num_frames, consistent_offset)
    second = _draw_block(camera, (0, video_frames), num_frames, sampling_region, reach, rng)
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
) -> ViewSteps:
    """One view from each of two cameras whose first frames are steps ``start0`` and ``start1`` of a timeline.

    A camera chosen at random gives a block inside the time that both filmed (or around it, if shorter).
    The other's block starts within ±(1 − ``consistent_offset``)·``num_frames`` of that view's first step,
    or anywhere in the common time if ``consistent_offset`` is 0.

    Raises:
        VideoError: the cameras share no moment.
    """
    _check(num_frames, sampling_region, consistent_offset, (frames0, frames1))
    cameras = (_Camera(int(start0), int(frames0)), _Camera(int(start1), int(frames1)))
    common = (max(c.start for c in cameras), min(c.end for c in cameras))
    if common[0] >= common[1]:
        raise VideoError(
            f"cameras that filmed steps {start0} to {cameras[0].end - 1} and {start1} to "
            f"{cameras[1].end - 1} of an event share no moment; check their start frames, or leave them out."
        )
    leader = int(rng.integers(2))
    leading = _draw_block(cameras[leader], common, num_frames, sampling_region, None, rng)
    reach = _reach(int(leading[0]), num_frames, consistent_offset)
    following = _draw_block(cameras[1 - leader], common, num_frames, sampling_region, reach, rng)
    steps = (leading, following) if leader == 0 else (following, leading)
    return _views(steps, cameras, num_frames)


def _reach(first_step: int, num_frames: int, consistent_offset: float) -> tuple[int, int] | None:
    """Where the second block may start (both ends included); None: anywhere."""
    if consistent_offset == 0:
        return None
    distance = round((1.0 - consistent_offset) * num_frames)
    return first_step - distance, first_step + distance


def _draw_block(
    camera: _Camera,
    common: tuple[int, int],
    num_frames: int,
    sampling_region: float,
    reach: tuple[int, int] | None,
    rng: np.random.Generator,
) -> np.ndarray:
    """Rising steps, at most ``num_frames``, out of a block that the camera filmed."""
    block = min(int(num_frames * rng.uniform(1.0, sampling_region)), camera.frames)
    # Without a reach: inside the common time, or around it where it is shorter than the block.
    low, high = reach if reach is not None else sorted((common[0], common[1] - block))
    earliest, latest = camera.start, camera.end - block
    low, high = (min(max(bound, earliest), latest) for bound in (low, high))
    start = int(rng.integers(low, high + 1))
    chosen = rng.choice(block, size=min(num_frames, block), replace=False)
    return start + np.sort(chosen)


def _views(
    steps: tuple[np.ndarray, np.ndarray], cameras: tuple[_Camera, _Camera], num_frames: int
) -> ViewSteps:
    padded = np.stack([np.pad(view, (0, num_frames - len(view)), mode="edge") for view in steps]).astype(
        np.int64
    )
    starts = np.array([[camera.start] for camera in cameras], np.int64)
    mask = np.arange(num_frames) < np.array([[len(view)] for view in steps])
    length = max(camera.end for camera in cameras) - min(camera.start for camera in cameras)
    return ViewSteps(padded - starts, padded, mask, np.full(2, length, np.int64))


def _check(
    num_frames: int, sampling_region: float, consistent_offset: float, video_frames: tuple[int, ...]
) -> None:
    if num_frames < 1 or min(video_frames) < 1:
        raise ValueError(
            f"views of {num_frames} frames from videos of {video_frames}: both must be at least 1"
        )
    if sampling_region < 1:
        raise ValueError(f"sampling_region is {sampling_region}; it must be at least 1 (contiguous frames)")
    if not 0 <= consistent_offset <= 1:
        raise ValueError(f"consistent_offset is {consistent_offset}; it must lie between 0 and 1")
