"""Frames for an encoder: decoded, resized on the way and turned upright, without the detour over RGB.

A clip that is written from these frames reads like its source does with ``size=``: the decoder's numbers are
averaged over areas as they are, and how they become colours (matrix, range) is carried along in the frames'
tags. Only pictures that have to be turned, and pixel formats other than plain YUV, go over RGB.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import TypeVar

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter

from videosync.errors import VideoError
from videosync.video.color_tags import RGB, ColorTags, color_tags, with_known_matrix
from videosync.video.decode import decode_all, decode_frames
from videosync.video.index import VideoIndex, scan_video, video_index
from videosync.video.orientation import UPRIGHT, Orientation, frame_orientation
from videosync.video.read import frame_window, interpolation, outside

# the same numbers on every processor; costs nothing
EXACT = Interpolation.ACCURATE_RND | Interpolation.BITEXACT
# Scaled frames are made so many at a time, before the first is encoded: decoder and encoder each find their own data in
# the processor's cache. Cutting a 1080p file to clips of 224 px takes less time than frame by frame.
BURST = 16
Item = TypeVar("Item")
PLAIN_YUV = re.compile(r"yuvj?4\d\dp(\d+[bl]e)?|nv\d\d|p01\dle")


@dataclass(frozen=True)
class WholeVideo:
    """All frames of a file, in presentation order."""

    fps: float  # frames/s
    about: int  # how many frames to expect, for progress; the frames that come are those there are
    frames: Iterator[VideoFrame]


def scaled_frames(
    path: str | os.PathLike[str], numbers: Sequence[int], size: tuple[int, int], *, threads: int = 1
) -> Iterator[tuple[int, VideoFrame]]:
    """Yield (number, frame) for rising frame ``numbers``: yuv420p of ``size`` (height, width), upright.

    Number ``i`` is frame ``i`` of ``videosync.video.read``; what lies between is decoded or jumped over, as is
    quicker. ``threads``: decoder threads; one is best where a process runs on every core.

    Raises VideoError at the call for a bad file or number, and while iterating for damaged data.
    """
    _check_size(size)
    index = video_index(path)
    if any(a >= b for a, b in pairwise(numbers)):
        raise ValueError("frame numbers must rise")
    for number in (numbers[0], numbers[-1]) if len(numbers) else ():
        if not 0 <= number < len(index):
            raise VideoError(outside(index, f"frame {number}"))
    return _bursts(_scaled(index, numbers, size, threads))


def whole_video(path: str | os.PathLike[str], size: tuple[int, int], *, threads: int = 1) -> WholeVideo:
    """All frames as yuv420p of ``size`` (height, width), upright, in one decoding pass.

    The same frames as ``iter_frames(path)`` gives, also of files whose frames only decoding can count (AVI, MPEG-4
    part 2), which the index would have to decode once more. ``threads``: decoder threads.

    Raises VideoError: no video, or one that is cut off, at the call; damaged data while iterating.
    """
    _check_size(size)
    scan = scan_video(path)
    if scan.tells_frames:
        index = video_index(path)
        frames = (frame for _, frame in _scaled(index, frame_window(index, 0, None), size, threads))
        return WholeVideo(index.fps, len(index), _bursts(frames))
    if scan.truncated:
        raise VideoError(f"{scan.path}: the file is cut off, as its header lists more than there is; copy it again.")
    return WholeVideo(scan.fps, scan.about, _bursts(_scaled_pass(scan.path, size, threads)))


def _bursts(items: Iterator[Item]) -> Iterator[Item]:
    """The same, made ``BURST`` at a time; what comes before an error is given before it is raised."""
    error: VideoError | None = None
    made: list[Item] = []
    while error is None:
        made.clear()
        try:
            made.extend(islice(items, BURST))
        except VideoError as raised:
            error = raised
        yield from made
        if error is None and len(made) < BURST:
            return
    raise error


def _scaled(
    index: VideoIndex, numbers: Sequence[int], size: tuple[int, int], threads: int
) -> Iterator[tuple[int, VideoFrame]]:
    scaler = _Scaler((index.height, index.width), index.orientation, size)
    for number, frame in decode_frames(index, numbers, threads=threads):
        yield number, scaler(frame)


def _scaled_pass(path: str, size: tuple[int, int], threads: int) -> Iterator[VideoFrame]:
    scaler = None
    for frame in decode_all(path, threads=threads):
        if scaler is None:
            scaler = _Scaler((frame.height, frame.width), frame_orientation(frame), size)
        yield scaler(frame)


def _check_size(size: tuple[int, int]) -> None:
    if len(size) != 2 or min(size) < 2 or size[0] % 2 or size[1] % 2:
        raise ValueError(f"size must be (height, width), both even and at least 2 pixels, got {size}")


class _Scaler:
    """Decoded frame → upright yuv420p of one size, with the colour tags of the first frame."""

    def __init__(self, stored: tuple[int, int], orientation: Orientation, size: tuple[int, int]) -> None:
        self.orientation = orientation
        self.height, self.width = orientation.stored_size(size)
        self.interpolation = interpolation(stored, (self.height, self.width))
        self.resize, self.to_yuv = VideoReformatter(), VideoReformatter()
        self.tags: ColorTags | None = None

    def __call__(self, frame: VideoFrame) -> VideoFrame:
        frame = with_known_matrix(frame)
        tags = color_tags(frame)
        plain = bool(PLAIN_YUV.fullmatch(frame.format.name)) and tags.matrix != RGB
        if self.tags is None:
            self.tags = tags if plain else ColorTags()
        if plain and tags == self.tags and self.orientation == UPRIGHT:
            picture = self._resized(frame, "yuv420p")
        else:
            rgb = self.orientation.apply(self._resized(frame, "rgb24").to_ndarray())
            picture = self._coded(VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24"))
        self.tags.note_in(picture)
        return picture

    def _resized(self, frame: VideoFrame, pixel_format: str) -> VideoFrame:
        return self.resize.reformat(
            frame,
            width=self.width,
            height=self.height,
            format=pixel_format,
            interpolation=self.interpolation | EXACT,
            threads=1,
        )

    def _coded(self, rgb: VideoFrame) -> VideoFrame:
        assert self.tags is not None
        return self.to_yuv.reformat(
            rgb,
            format="yuv420p",
            dst_colorspace=self.tags.matrix,
            dst_color_range=self.tags.range,
            interpolation=Interpolation.BILINEAR | EXACT,
            threads=1,
        )
