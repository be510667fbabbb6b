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
from videosync.files import special_kind
from videosync.video.clock import DEFAULT_RATE, continued, frame_rate, said_of_clock
from videosync.video.containers import BOUNDED, MOST_PIXELS, THEMSELVES, names_files
from videosync.video.orientation import Orientation, frame_orientation
from videosync.video.packets import (
    ALL_KEYFRAMES,
    ONE_FRAME_PER_PACKET,
    Packets,
    empty_after_first,
    list_packets,
    listed_seconds,
    promises_more,
)

NO_PTS = int(np.iinfo(np.int64).min)  # a decoded frame without a timestamp
NO_STAMPS = 0x80  # of FFmpeg's flags of formats: raw streams
SOUND_ENDINGS = (".aac", ".ac3", ".aif", ".aiff", ".amr", ".caf", ".flac", ".m4a", ".m4b", ".mka", ".mp2", ".mp3",
                 ".oga", ".ogg", ".opus", ".w64", ".wav", ".wma", ".wv")  # fmt: skip
MAX_DECODER_THREADS = 4  # more gain little, and data-loading processes run beside each other
SMALL_PICTURE = 128 * 128  # pixels


@dataclass(frozen=True)
class Keyframe:
    """A packet where decoding can start."""

    frame: int  # the first frame shown from it on
    pts: int
    dts: int | None

    @property
    def decoded(self) -> int:
        """The time stamp to seek to."""
        return self.pts if self.dts is None else self.dts


@dataclass(frozen=True, eq=False)
class VideoIndex:
    """The frames of one file, in presentation order (T frames, K keyframes)."""

    path: str
    width: int  # pixels as stored, before the orientation is applied
    height: int
    codec: str
    # int64 [T] the decoder's timestamps, each once; None: the file has no such timestamps
    pts: np.ndarray | None
    # int64 [T] the frame numbers sorted by timestamp: 0, 1, … unless the container's are wrong
    order: np.ndarray
    keys: tuple[Keyframe, ...]  # by frame number
    times: np.ndarray  # float64 [T] presentation times in seconds
    fps: float
    orientation: Orientation
    truncated: bool  # the file ends before the frames its header lists
    starts_over: tuple[int, ...]  # frames at which time stamps start over; times are counted on there
    clock: str | None  # a clause, where the times are not what the file says, but counted or assumed
    listed: float | None = None  # seconds that the file lasts by its header; None: it does not say

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
    return _cached_index(*file_version(path))


def file_version(path: str | os.PathLike[str]) -> tuple[str, int, int]:
    """Absolute path, modification time (ns) and size. Raises VideoError if there is no such file."""
    name = os.path.abspath(os.fspath(path))
    try:
        status = os.stat(name)
    except (OSError, ValueError) as error:  # ValueError: half a surrogate pair, or a byte of 0
        why = getattr(error, "strerror", None) or "no file can have this name"
        raise VideoError(f"{name}: cannot be read ({why}); check the path.") from error
    return name, status.st_mtime_ns, status.st_size


@dataclass(frozen=True, eq=False)
class VideoScan:
    """What is known of a file before any frame is decoded."""

    path: str
    packets: Packets
    codec: str
    tells_frames: bool  # the packets are the frames; otherwise only decoding tells
    truncated: bool
    rate: Fraction | None  # the stream's own figure, frames/s
    time_base: Fraction
    rate_assumed: bool = False  # the file names no rate, and holds no times
    listed: float | None = None  # seconds, by the header
    late: int = 0  # ticks that the first picture's time stamp is too early by (packets.empty_after_first)

    @property
    def about(self) -> int:
        """How many frames there may be."""
        return self.packets.count

    @property
    def fps(self) -> float:
        stamps = np.sort(np.array(self.packets.stamps, np.int64))
        stamps[:1] += self.late
        return frame_rate(stamps * float(self.time_base), self.rate)


def scan_video(path: str | os.PathLike[str]) -> VideoScan:
    """List a file's packets. Raises VideoError: no such file, not a video, no video stream."""
    return _cached_scan(*file_version(path))


@lru_cache(maxsize=4)
def _cached_scan(path: str, mtime_ns: int, size: int) -> VideoScan:
    del mtime_ns  # only tells versions of a file apart
    with open_video(path) as container:
        stream = video_stream(container, path)
        packets = list_packets(container, stream, path)
        codec = stream.codec_context.name
        # AVI has no presentation times: they are guessed, and B-frames prove them wrong
        known = ALL_KEYFRAMES if container.format.name == "avi" else ONE_FRAME_PER_PACKET
        return VideoScan(
            path=path,
            packets=packets,
            codec=codec,
            tells_frames=packets.tell_frames and codec in known,
            truncated=packets.partial or promises_more(container, stream, packets, path, size),
            rate=_named_rate(container, stream),
            time_base=stream.time_base or Fraction(1, 1000),
            listed=listed_seconds(container, stream),
            rate_assumed=bool(container.format.flags & NO_STAMPS) and not stream.codec_context.framerate,
            late=empty_after_first(packets) if container.format.name == "avi" and container.streams.audio else 0,
        )


@lru_cache(maxsize=2048)
def _cached_index(path: str, mtime_ns: int, size: int) -> VideoIndex:
    scan = _cached_scan(path, mtime_ns, size)
    packets, rate, time_base = scan.packets, scan.rate, scan.time_base
    width, height, orientation = _first_frame(path)
    if scan.tells_frames:
        pts = np.sort(np.array(packets.shown, np.int64))
    else:
        pts = _decoded_timestamps(path, time_base)
    on = continued(pts, packets.shifts)
    if len(pts) == 0:
        raise VideoError(f"{path}: holds no frame that can be decoded; export the video again.")
    rising = bool((np.diff(pts) > 0).all())
    unique = rising or len(np.unique(pts)) == len(pts)
    has_clock = on is not None and bool((np.diff(on) > 0).all()) and NO_PTS not in pts
    if on is not None and has_clock:
        times = np.asarray(on * float(time_base), np.float64)
        times[0] += scan.late * float(time_base)
        fps = frame_rate(times, rate)
    else:  # frames are counted from the file's start
        fps = scan.fps
        times = np.arange(len(pts), dtype=np.float64) / fps
    joined = len(packets.shifts) > 1
    over = tuple((np.flatnonzero(np.diff(pts) < 0) + 1).tolist()) if joined else ()
    order = np.argsort(pts, kind="stable")
    return VideoIndex(
        path=path,
        width=width,
        height=height,
        codec=scan.codec,
        pts=pts if unique and NO_PTS not in pts else None,
        order=order,
        keys=_keyframes(packets, pts, order, rising) if unique else (),
        times=times,
        fps=fps,
        orientation=orientation,
        truncated=scan.truncated,
        starts_over=over,
        listed=scan.listed,
        clock=said_of_clock(scan.rate_assumed, fps, [times[frame] - times[0] for frame in over]),
    )


def _named_rate(container: InputContainer, stream: VideoStream) -> Fraction | None:
    """The rate that a file names. For raw streams FFmpeg has an average of its own, and the stream may have a rate."""
    if container.format.flags & NO_STAMPS:
        return (stream.guessed_rate if stream.codec_context.framerate else None) or Fraction(DEFAULT_RATE)
    return stream.average_rate or stream.guessed_rate or stream.base_rate


def _keyframes(packets: Packets, pts: np.ndarray, order: np.ndarray, rising: bool) -> tuple[Keyframe, ...]:
    keys = []
    for key_pts, key_dts in packets.keys:
        place = int(np.searchsorted(pts, key_pts, sorter=order))
        if place < len(pts) and (rising or pts[order[place]] == key_pts):
            keys.append(Keyframe(int(order[place]), key_pts, key_dts))
    return tuple(sorted(keys, key=lambda key: key.frame))


def open_video(path: str) -> InputContainer:
    """Open a file for reading, and no other file. Raises VideoError if it is no video container."""
    if special := special_kind(path):
        raise VideoError(f"{path}: is {special}, not a file; save what comes from it as a file first.")
    try:
        # an absolute path names no protocol; titles may be in any encoding
        return av.open(os.path.abspath(path), options=THEMSELVES, metadata_errors="replace")
    except (av.error.FFmpegError, OSError, ValueError) as error:
        if names_files(path):
            raise VideoError(
                f"{path}: is a list that names other files, not a video; name the videos themselves."
            ) from error
        empty = os.path.isfile(path) and os.path.getsize(path) == 0
        kind = "sound file" if path.lower().endswith(SOUND_ENDINGS) else "video"
        why = "it is empty" if empty else getattr(error, "strerror", None) or error
        raise VideoError(
            f"{path}: cannot be opened as a {kind} ({why}); it is "
            f"damaged, incomplete or no {kind}: copy or export it again."
        ) from error


def video_stream(container: InputContainer, path: str, threads: int | None = None) -> VideoStream:
    """The file's video stream (cover pictures of audio files do not count), ready for threaded decoding.

    ``threads``: decoder threads; None for one a core, up to four, or one where pictures are so small that handing them
    over costs more than it saves.
    """
    stream = video_stream_or_none(container)
    if stream is None:
        kinds = ", ".join(sorted({str(s.type) for s in container.streams})) or "nothing"
        raise VideoError(f"{path}: has no video stream (it holds {kinds}); name a video file.")
    if stream.codec_context is None:
        raise VideoError(f"{path}: its pictures are in a format that nothing here decodes; convert it to H.264.")
    width, height = stream.codec_context.width, stream.codec_context.height
    if width * height > MOST_PIXELS:
        raise VideoError(
            f"{path}: its pictures are said to have {width} x {height} pixels; at most {MOST_PIXELS // 10**6} million "
            "are decoded: convert it to a smaller size, or copy it again if it is damaged."
        )
    stream.thread_type = "AUTO"
    small = 0 < width * height <= SMALL_PICTURE
    stream.codec_context.thread_count = threads or (1 if small else min(MAX_DECODER_THREADS, os.cpu_count() or 1))
    return stream


def video_stream_or_none(container: InputContainer) -> VideoStream | None:
    """The file's video stream; None where it has only sound, perhaps with a cover picture."""
    stream = container.streams.best("video")
    if not isinstance(stream, VideoStream) or stream.disposition & Disposition.attached_pic:
        return None
    if stream.codec_context is not None:
        stream.codec_context.options = BOUNDED
    return stream


def _first_frame(path: str) -> tuple[int, int, Orientation]:
    """Width, height and orientation of the first frame that comes out."""
    with open_video(path) as container:
        stream = video_stream(container, path, threads=1)
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
