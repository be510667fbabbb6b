"""Decode chosen frames of an indexed file: seek to a keyframe, decode forward, match presentation times."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import av
from av.video.frame import VideoFrame

from videosync.errors import VideoError
from videosync.video.index import VideoIndex, open_video, video_stream

# A jump costs a flush of the decoder: frames up to this many before the next wanted one are decoded through.
SEEK_GAP = 12


class _Missed(Exception):
    """Decoding from here did not give the wanted frame; an earlier keyframe may."""


def decode_frames(
    index: VideoIndex, wanted: Sequence[int], *, threads: int | None = None
) -> Iterator[tuple[int, VideoFrame]]:
    """Yield ``(frame number, decoded frame)`` for rising numbers ``wanted``, decoding only what they need.

    ``threads``: decoder threads; None for a few.
    Raises VideoError with file, frame and time where a frame cannot be decoded.
    """
    done = 0
    step_back = 0
    while done < len(wanted):
        key = max(index.key_before(wanted[done]) - step_back, 0)
        try:
            for frame in _decode_from(index, key, wanted[done:], threads):
                yield wanted[done], frame
                done += 1
                step_back = 0
        except _Missed as missed:
            # Recovery points need some frames to settle, and key flags can be wrong: try from further back.
            if key <= 0:
                number = wanted[done]
                raise VideoError(
                    f"{index.path}: frame {number} at {index.time_of(number)} cannot be decoded ({missed}); "
                    f"the file is damaged there: copy it again, convert it to H.264, or read less."
                ) from missed.__cause__
            step_back = 2 * step_back + 1 if step_back < 3 else len(index.keys)


def decode_all(path: str, *, threads: int | None = None) -> Iterator[VideoFrame]:
    """All frames of a file in the order they are shown, in one pass and without an index.

    Raises VideoError where a frame cannot be decoded whole, or if there is none.
    """
    number, time = 0, None
    with open_video(path) as container:
        stream = video_stream(container, path, threads)
        try:
            for packet in container.demux(stream):
                for frame in packet.decode():
                    if frame.is_corrupt:
                        raise VideoError(_damaged(path, number, frame.time, "its data is incomplete"))
                    time = frame.time
                    yield frame
                    number += 1
        except av.error.FFmpegError as error:
            raise VideoError(_damaged(path, number, time, str(error.strerror))) from error
    if number == 0:
        raise VideoError(f"{path}: holds no frame that can be decoded; export the video again.")


def _damaged(path: str, number: int, time: float | None, why: str) -> str:
    about = "" if time is None else f" near {time:.3f} s"
    return (
        f"{path}: frame {number}{about} cannot be decoded ({why}); the file is damaged there: copy it again or "
        "convert it to H.264."
    )


def _decode_from(index: VideoIndex, key: int, wanted: Sequence[int], threads: int | None) -> Iterator[VideoFrame]:
    """Frames ``wanted``, in order, from keyframe number ``key`` on; ends early where a seek is shorter."""
    frames = _frames_from_start(index, threads) if key <= 0 else _frames_from_key(index, key, threads)
    if index.pts is None:
        yield from _by_count(frames, wanted)
        return
    done = 0
    stamps = index.pts[list(wanted)].tolist()
    for frame in frames:
        number = wanted[done] if frame.pts == stamps[done] else index.number_of(frame.pts)
        if number is None or number < wanted[done]:
            continue
        if number > wanted[done]:
            raise _Missed("it did not come out of the decoder")
        if frame.is_corrupt:
            raise _Missed("its data is incomplete")
        yield frame
        done += 1
        if done == len(wanted) or _worth_seeking(index, wanted[done - 1], wanted[done]):
            return
    raise _Missed("the file's data ends before it")


def _by_count(frames: Iterator[VideoFrame], wanted: Sequence[int]) -> Iterator[VideoFrame]:
    done = 0
    for number, frame in enumerate(frames):
        if number == wanted[done]:
            if frame.is_corrupt:
                raise _Missed("its data is incomplete")
            yield frame
            done += 1
            if done == len(wanted):
                return
    raise _Missed("the file's data ends before it")


def _worth_seeking(index: VideoIndex, current: int, following: int) -> bool:
    key = index.key_before(following)
    return key >= 0 and index.keys[key].frame > current + SEEK_GAP


def _frames_from_start(index: VideoIndex, threads: int | None) -> Iterator[VideoFrame]:
    with open_video(index.path) as container:
        stream = video_stream(container, index.path, threads)
        try:
            for packet in container.demux(stream):
                if not packet.is_corrupt:
                    yield from packet.decode()
        except av.error.FFmpegError as error:
            raise _Missed(str(error.strerror)) from error


def _frames_from_key(index: VideoIndex, key: int, threads: int | None) -> Iterator[VideoFrame]:
    target = index.keys[key]
    with open_video(index.path) as container:
        stream = video_stream(container, index.path, threads)
        started = False
        try:
            container.seek(target.decoded, stream=stream, backward=True, any_frame=False)
            for packet in container.demux(stream):
                if packet.is_corrupt:
                    continue
                if not started:
                    if packet.pts is not None and packet.pts > target.pts and packet.is_keyframe:
                        raise _Missed("seeking did not reach its keyframe")
                    started = packet.pts == target.pts and packet.is_keyframe
                if started:
                    yield from packet.decode()
        except av.error.FFmpegError as error:
            raise _Missed(str(error.strerror)) from error
