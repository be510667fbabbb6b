"""Which frames a video file really holds: their presentation times, and the keyframes to start decoding from.

Headers are not asked for the number of frames: every packet is listed (without decoding it) and sorted by
presentation time. Where packets do not tell the frames (no or repeated timestamps, hidden packets, a start in
the middle of a group of pictures), the file is decoded once instead. Indices are kept per process.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import av
import numpy as np
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from videosync.errors import VideoError
from videosync.video.orientation import Orientation, frame_orientation

# Codecs in whose files one packet is one shown frame. In others (hidden reference frames of VP8, packed
# B-frames of MPEG-4 part 2) only decoding tells.
ONE_FRAME_PER_PACKET = frozenset(
    [
        "h264",
        "hevc",
        "av1",
        "libdav1d",
        "libaom-av1",
        "vp9",
        "libvpx-vp9",
        "mjpeg",
        "prores",
        "ffv1",
        "rawvideo",
    ]
)
ALL_KEYFRAMES = frozenset(["mjpeg", "prores", "ffv1", "rawvideo"])
NO_PTS = int(np.iinfo(np.int64).min)  # a decoded frame without a timestamp
DEFAULT_RATE = 25  # frames/s of files that name no rate and hold no times (raw streams)
MAX_DECODER_THREADS = 4  # more gain little, and data-loading processes run beside each other


@dataclass(frozen=True)
class Keyframe:
    """A packet where decoding can start."""

    frame: int  # the first frame shown from it on
    pts: int
    dts: int | None


@dataclass(frozen=True, eq=False)
class VideoIndex:
    """The frames of one file, in presentation order (T frames, K keyframes)."""

    path: str
    width: int  # pixels as stored, before the orientation is applied
    height: int
    codec: str
    pts: (
        np.ndarray | None
    )  # int64 [T] the decoder's timestamps, each once; None: the file has no such timestamps
    order: (
        np.ndarray
    )  # int64 [T] the frame numbers sorted by timestamp: 0, 1, … unless the container's are wrong
    keys: tuple[Keyframe, ...]  # by frame number
    times: np.ndarray  # float64 [T] presentation times in seconds
    fps: float
    orientation: Orientation
    truncated: bool  # the file ends before the frames its header lists

    def __len__(self) -> int:
        return len(self.times)

    def number_of(self, pts: int | None) -> int | None:
        """The frame with this timestamp; None if there is none (a frame that is not shown)."""
        if self.pts is None or pts is None:
            return None
        place = int(np.searchsorted(self.pts, pts, sorter=self.order))
        if place == len(self.pts) or self.pts[self.order[place]] != pts:
            return None
        return int(self.order[place])

    def key_before(self, frame: int) -> int:
        """Number (in ``keys``) of the last keyframe shown no later than ``frame``; -1 if there is none."""
        return bisect_right(self.keys, frame, key=lambda key: key.frame) - 1

    def time_of(self, frame: int) -> str:
        """A frame's time for messages, e.g. ``"12.345 s"``."""
        return f"{self.times[frame]:.3f} s"


def video_index(path: str | os.PathLike[str]) -> VideoIndex:
    """The index of a file, from this process's cache where path, size and modification time are known.

    Raises VideoError: no such file, not a video, no video stream, no frame that can be decoded.
    """
    name = os.path.abspath(os.fspath(path))
    try:
        status = os.stat(name)
    except OSError as error:
        raise VideoError(f"{name}: cannot be read ({error.strerror}); check the path.") from error
    return _cached_index(name, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=2048)
def _cached_index(path: str, mtime_ns: int, size: int) -> VideoIndex:
    del mtime_ns  # only tells versions of a file apart
    with open_video(path) as container:
        stream = video_stream(container, path)
        packets = _list_packets(container, stream, path)
        codec = stream.codec_context.name
        truncated = packets.partial or _promises_more(container, stream, packets, size)
        exact = packets.tell_frames and codec in ONE_FRAME_PER_PACKET
        if (
            container.format.name == "avi"
        ):  # no presentation times: they are guessed, and B-frames prove them wrong
            exact = exact and codec in ALL_KEYFRAMES
        rate = stream.average_rate or stream.guessed_rate or stream.base_rate
        time_base = stream.time_base or Fraction(1, 1000)
    width, height, orientation = _first_frame(path)
    if exact:
        pts = np.sort(np.array(packets.shown, np.int64))
    else:
        pts = _decoded_timestamps(path, time_base)
    if len(pts) == 0:
        raise VideoError(f"{path}: holds no frame that can be decoded; export the video again.")
    rising = bool((np.diff(pts) > 0).all())
    unique = rising or len(np.unique(pts)) == len(pts)
    has_clock = rising and NO_PTS not in pts
    if has_clock:
        times = np.asarray(pts * float(time_base), np.float64)
        fps = _frame_rate(times, rate)
    else:  # frames are counted from the file's start
        fps = float(rate or DEFAULT_RATE)
        times = np.arange(len(pts), dtype=np.float64) / fps
    order = np.argsort(pts, kind="stable")
    return VideoIndex(
        path=path,
        width=width,
        height=height,
        codec=codec,
        pts=pts if unique and NO_PTS not in pts else None,
        order=order,
        keys=_keyframes(packets, pts, order, rising),
        times=times,
        fps=fps,
        orientation=orientation,
        truncated=truncated,
    )


def _keyframes(packets: _Packets, pts: np.ndarray, order: np.ndarray, rising: bool) -> tuple[Keyframe, ...]:
    keys = []
    for key_pts, key_dts in packets.keys:
        place = int(np.searchsorted(pts, key_pts, sorter=order))
        if place < len(pts) and (rising or pts[order[place]] == key_pts):
            keys.append(Keyframe(int(order[place]), key_pts, key_dts))
    return tuple(sorted(keys, key=lambda key: key.frame))


def clear_index_cache() -> None:
    """Forget all indices of this process."""
    _cached_index.cache_clear()


def open_video(path: str) -> InputContainer:
    """Open a file for reading. Raises VideoError if it is no video container."""
    try:
        return av.open(path)
    except (av.error.FFmpegError, OSError) as error:
        empty = os.path.isfile(path) and os.path.getsize(path) == 0
        raise VideoError(
            f"{path}: cannot be opened as a video ({'it is empty' if empty else error.strerror}); it is "
            "damaged, incomplete or no video: copy or export it again."
        ) from error


def video_stream(container: InputContainer, path: str) -> VideoStream:
    """The file's video stream (cover pictures of audio files do not count), ready for threaded decoding."""
    stream = container.streams.best("video")
    if not isinstance(stream, VideoStream) or stream.disposition & Disposition.attached_pic:
        kinds = ", ".join(sorted({str(s.type) for s in container.streams})) or "nothing"
        raise VideoError(f"{path}: has no video stream (it holds {kinds}); name a video file.")
    stream.thread_type = "AUTO"
    stream.codec_context.thread_count = min(MAX_DECODER_THREADS, os.cpu_count() or 1)
    return stream


@dataclass
class _Packets:
    shown: list[int]  # timestamps of packets that are to be shown
    keys: list[tuple[int, int | None]]  # pts and dts of keyframe packets
    tell_frames: bool  # each has its own timestamp, and the first is a keyframe without leading frames
    partial: bool  # a packet was cut off


def _list_packets(container: InputContainer, stream: VideoStream, path: str) -> _Packets:
    shown: list[int] = []
    keys: list[tuple[int, int | None]] = []
    seen: set[int] = set()
    tell_frames, partial, starts_with_key = True, False, None
    try:
        for packet in container.demux(stream):
            if packet.size == 0:  # marks the end
                continue
            if packet.is_corrupt:
                partial = True
                continue
            if starts_with_key is None:
                starts_with_key = packet.is_keyframe
            pts = packet.pts
            if pts is None or pts in seen:
                tell_frames = False
                continue
            seen.add(pts)
            if packet.is_keyframe:
                keys.append((pts, packet.dts))
            if not packet.is_discard:
                shown.append(pts)
    except av.error.FFmpegError as error:
        raise VideoError(
            f"{path}: cannot be read after frame {len(shown)} ({error.strerror}); "
            "the file is damaged: copy it again."
        ) from error
    # Frames shown before the first keyframe need pictures from before the file's start.
    leading = bool(keys and shown) and min(shown) < keys[0][0]
    return _Packets(shown, keys, tell_frames and bool(starts_with_key) and not leading, partial)


def _promises_more(container: InputContainer, stream: VideoStream, packets: _Packets, size: int) -> bool:
    """Whether the header lists frames that lie behind the end of the file."""
    if "mp4" in container.format.name:
        return any(entry.pos + entry.size > size for entry in stream.index_entries)
    written = stream.metadata.get("DURATION")  # Matroska and WebM: hh:mm:ss.fraction, from the file's start
    if written and packets.shown and stream.time_base:
        hours, minutes, seconds = (float(part) for part in written.split(":"))
        return 3600 * hours + 60 * minutes + seconds > float(max(packets.shown) * stream.time_base) + 1.0
    return False


def _first_frame(path: str) -> tuple[int, int, Orientation]:
    """Width, height and orientation of the first frame that comes out."""
    with open_video(path) as container:
        stream = video_stream(container, path)
        stream.codec_context.thread_count = 1
        try:
            for frame in container.decode(stream):
                return frame.width, frame.height, frame_orientation(frame)
        except av.error.FFmpegError as error:
            raise VideoError(
                f"{path}: frame 0 at 0 s cannot be decoded ({error.strerror}); the file is damaged "
                "or no video: copy it again or convert it to H.264."
            ) from error
    raise VideoError(f"{path}: holds no frame that can be decoded; export the video again.")


def _decoded_timestamps(path: str, time_base: Fraction) -> np.ndarray:
    """Timestamps of all frames in the order the decoder gives them; ``NO_PTS`` where it has none."""
    pts: list[int] = []
    with open_video(path) as container:
        stream = video_stream(container, path)
        try:
            for packet in container.demux(stream):
                if not packet.is_corrupt:
                    pts += [NO_PTS if frame.pts is None else frame.pts for frame in packet.decode()]
        except av.error.FFmpegError as error:
            after = f" after {float(pts[-1] * time_base):.3f} s" if pts and pts[-1] != NO_PTS else ""
            raise VideoError(
                f"{path}: frame {len(pts)}{after} cannot be decoded ({error.strerror}); the file is damaged "
                "there: copy it again or convert it to H.264."
            ) from error
    return np.array(pts, np.int64)


def _frame_rate(times: np.ndarray, rate: Fraction | None) -> float:
    """Frames/s: the stream's own figure where the frames' times agree within 0.5 %, else their average."""
    if len(times) < 2:
        return float(rate or DEFAULT_RATE)
    measured = (len(times) - 1) / float(times[-1] - times[0])
    # Times are rounded to the container's clock: allow an error of one frame over the whole file too.
    if rate and abs(float(rate) - measured) <= measured * max(0.005, 1.0 / len(times)):
        return float(rate)
    return measured
