"""Read frames of video files: frame ``i`` is the i-th in presentation order, whatever codec or container.

Frames are uint8 RGB, turned upright where the file says so, and may be resized on the way. A window is
decoded from the keyframe before it; no more than the frames asked for are held in memory.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter

from videosync.errors import VideoError
from videosync.video.color_tags import with_known_matrix
from videosync.video.decode import decode_frames
from videosync.video.index import VideoIndex, video_index

PathLike = str | os.PathLike[str]


@dataclass(frozen=True, eq=False)
class VideoInfo:
    """What a video file holds (sizes are those of the frames as read: after rotation)."""

    path: str  # absolute
    width: int  # pixels
    height: int
    num_frames: int  # exact: the frames that can be read
    fps: float  # frames/s; the average where the rate varies
    rotation: int  # clockwise degrees by which stored frames are turned: 0, 90, 180, 270
    codec: str
    times: np.ndarray  # float64 [T] presentation times in seconds, as the file has them
    truncated: bool  # the file ends before the frames its header lists
    clock: str | None = None  # a clause, where the times are not what the file says, but counted or assumed


def probe(path: PathLike) -> VideoInfo:
    """What the file holds, from its packets (headers are not trusted). Raises VideoError."""
    index = video_index(path)
    height, width = index.orientation.stored_size((index.height, index.width))
    return VideoInfo(
        path=index.path,
        width=width,
        height=height,
        num_frames=len(index),
        fps=index.fps,
        rotation=index.orientation.rotation,
        codec=index.codec,
        times=index.times.copy(),
        truncated=index.truncated,
        clock=index.clock,
    )


def read_frames(
    path: PathLike, start: int = 0, stop: int | None = None, *, size: tuple[int, int] | None = None
) -> np.ndarray:
    """Frames ``start … stop - 1`` (to the end if ``stop`` is None) as uint8 [T,H,W,3].

    ``size`` = (height, width) resizes on the way. Raises VideoError: no video, window outside of it, damage.
    """
    index = video_index(path)
    numbers = frame_window(index, start, stop)
    return _read(index, numbers, np.arange(len(numbers)), size)


def read_frames_at(
    path: PathLike, indices: Sequence[int] | np.ndarray, *, size: tuple[int, int] | None = None
) -> np.ndarray:
    """The frames with these numbers, in the order given (repeats allowed), as uint8 [T,H,W,3].

    Each frame is decoded once, and only from the keyframes before wanted frames on. Raises VideoError.
    """
    index = video_index(path)
    asked = np.asarray(indices)
    if asked.ndim != 1 or asked.size == 0 or asked.dtype.kind not in "iu":
        raise ValueError(f"indices must be a non-empty list of whole numbers, got {asked.dtype} {asked.shape}")
    numbers, places = np.unique(asked, return_inverse=True)
    for number in (int(numbers[0]), int(numbers[-1])):
        if not 0 <= number < len(index):
            raise VideoError(outside(index, f"frame {number}"))
    return _read(index, numbers.tolist(), places, size)


def iter_frames_at(
    path: PathLike, numbers: Sequence[int] | np.ndarray, *, size: tuple[int, int], threads: int | None = None
) -> Iterator[np.ndarray]:
    """The frames with these rising numbers, one by one, as uint8 [H,W,3] that is read before the next is asked for.

    ``threads``: of the decoder; None for a few. Raises VideoError while iterating.
    """
    index = video_index(path)
    wanted = np.asarray(numbers).tolist()
    if wanted and wanted[-1] >= len(index):
        raise VideoError(outside(index, f"frame {wanted[-1]}"))
    to_rgb = _RgbConverter(index, size)
    for number, frame in decode_frames(index, wanted, threads=threads):
        yield to_rgb(frame, number)


@dataclass(frozen=True, eq=False)
class Larger:
    """Some frames that are wanted in another size as well."""

    numbers: Collection[int]
    size: tuple[int, int]  # (height, width)
    show: Callable[[int, np.ndarray], None]  # gets number and picture, uint8 [H,W,3], before the frame itself comes


def iter_frames(
    path: PathLike,
    start: int = 0,
    stop: int | None = None,
    *,
    size: tuple[int, int] | None = None,
    larger: Larger | None = None,
) -> Iterator[np.ndarray]:
    """Frames ``start … stop - 1`` one by one as uint8 [H,W,3]: memory does not grow with their number.

    Raises VideoError at the call for a bad file or window, and while iterating for damaged data.
    """
    index = video_index(path)
    numbers = frame_window(index, start, stop)
    to_rgb = _RgbConverter(index, size)
    if larger is None:
        return (to_rgb(frame, number).copy() for number, frame in decode_frames(index, numbers))
    return _iter_with(larger, _RgbConverter(index, larger.size), to_rgb, decode_frames(index, numbers))


def _iter_with(
    larger: Larger, to_larger: _RgbConverter, to_rgb: _RgbConverter, frames: Iterator[tuple[int, VideoFrame]]
) -> Iterator[np.ndarray]:
    for number, frame in frames:
        if number in larger.numbers:
            larger.show(number, to_larger(frame, number))
        yield to_rgb(frame, number).copy()


def _read(index: VideoIndex, numbers: Sequence[int], places: np.ndarray, size: tuple[int, int] | None) -> np.ndarray:
    to_rgb = _RgbConverter(index, size)
    frames = np.empty((len(numbers), *to_rgb.size, 3), np.uint8)
    for row, (number, frame) in enumerate(decode_frames(index, numbers)):
        frames[row] = to_rgb(frame, number)
    in_order = len(places) == len(numbers) and bool((np.diff(places) > 0).all())
    return frames if in_order else frames[places]


def frame_window(index: VideoIndex, start: int, stop: int | None) -> range:
    """The frame numbers ``start … stop - 1`` (to the end if None). Raises VideoError if they are not all there."""
    if stop is None:
        if index.truncated:
            raise VideoError(
                f"{index.path}: the file is cut off after frame {len(index) - 1} at "
                f"{index.time_of(len(index) - 1)}, though its header lists more; copy it again, or ask for "
                f"the frames that are there (stop={len(index)})."
            )
        stop = len(index)
    if not 0 <= start < stop or stop > len(index):
        raise VideoError(outside(index, f"the window of frames {start} to {stop}"))
    return range(start, stop)


def outside(index: VideoIndex, what: str) -> str:
    """The sentence for frames that the video does not have."""
    last = len(index) - 1
    cut = " (the file is cut off there: copy it again)" if index.truncated else ""
    return (
        f"{index.path}: {what} is not in the video, which has {len(index)} frames, 0 to {last}, and ends at "
        f"{index.time_of(last)}{cut}; ask for frames within them."
    )


def interpolation(stored: tuple[int, int], size: tuple[int, int]) -> Interpolation:
    """How pictures of ``stored`` (height, width) are brought to ``size``: averaged over areas where they shrink."""
    shrinks = size[0] < stored[0] or size[1] < stored[1]
    return Interpolation.AREA if shrinks else Interpolation.BILINEAR


class _RgbConverter:
    """Decoded frame → upright RGB uint8 [H,W,3] of one size, with one scaler for the whole clip."""

    def __init__(self, index: VideoIndex, size: tuple[int, int] | None) -> None:
        if size is not None and (len(size) != 2 or min(size) < 1):
            raise ValueError(f"size must be (height, width) of at least 1 pixel, got {size}")
        self.index = index
        stored = (index.height, index.width)
        self.size = index.orientation.stored_size(stored) if size is None else (int(size[0]), int(size[1]))
        self.fixed = size is not None
        self.height, self.width = index.orientation.stored_size(self.size)
        self.interpolation = interpolation(stored, (self.height, self.width))
        self.reformatter = VideoReformatter()

    def __call__(self, frame: VideoFrame, number: int) -> np.ndarray:
        if not self.fixed and (frame.width, frame.height) != (self.width, self.height):
            raise VideoError(
                f"{self.index.path}: frame {number} at {self.index.time_of(number)} is {frame.width}x"
                f"{frame.height}, the first {self.width}x{self.height}; convert the video to one size "
                "or read it with a size."
            )
        rgb = self.reformatter.reformat(
            with_known_matrix(frame),
            width=self.width,
            height=self.height,
            format="rgb24",
            interpolation=self.interpolation,
            threads=1,
        )
        return self.index.orientation.apply(rgb.to_ndarray())
