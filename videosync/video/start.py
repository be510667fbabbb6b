"""When the first picture of a file is shown, on the clock that its sound has too."""

from __future__ import annotations

import os
from itertools import islice
from statistics import median

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from videosync.errors import VideoError
from videosync.video.index import open_video, scan_video, video_stream

LOOKED_AT = 256  # packets of an AVI file


def first_shown(path: str | os.PathLike[str]) -> float:
    """Seconds on the file's clock. At most one frame is decoded. Raises VideoError: as ``scan_video``."""
    scan = scan_video(path)
    if scan.tells_frames and scan.packets.shown:
        return float(min(scan.packets.shown) * scan.time_base)
    with open_video(scan.path) as container:
        stream = video_stream(container, scan.path, threads=1)
        try:
            first = next(container.decode(stream), None)
            if first is not None and container.format.name == "avi":
                container.seek(0)
                return _first_of_avi(container, stream, (first.pts or 0) + scan.late)
        except av.error.FFmpegError as error:
            raise VideoError(
                f"{scan.path}: its first picture cannot be decoded ({error.strerror}); the file is damaged: copy it "
                "again or convert it to H.264."
            ) from error
    if first is None:
        raise VideoError(f"{scan.path}: holds no frame that can be decoded; export the video again.")
    return first.time or 0.0


def _first_of_avi(container: InputContainer, stream: VideoStream, first: int) -> float:
    """AVI counts chunks, not time, and FFmpeg guesses when their pictures are shown: what it added is taken off."""
    packets = [packet for packet in islice(container.demux(stream), LOOKED_AT) if packet.size]
    decoded = [packet.dts or 0 for packet in packets]
    if stream.codec_context.has_b_frames:  # no order of time is left: frames are counted
        chunk = median(dts - number for number, dts in enumerate(decoded))
    else:
        chunk = first - median((packet.pts or 0) - (packet.dts or 0) for packet in packets)
    return float(chunk * (stream.time_base or 0))


def makes_up_for_mp3(container: InputContainer, stream: VideoStream) -> bool:
    """Whether an AVI file begins with an empty chunk, as FFmpeg writes it where MP3 begins before the pictures."""
    first = [packet.dts or 0 for packet in islice(container.demux(stream), 2)]
    return len(first) == 2 and first[1] - first[0] > 1
