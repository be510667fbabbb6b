"""JPEG files → a video, without the detour over RGB: the encoder gets the planes that the JPEG files store.

JPEG colours are BT.601 in the full range 0 … 255; the video is tagged so, and reads as the same RGB.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import av
from av.codec.context import CodecContext
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

from videosync.errors import VideoError

HALF_COLOR, FULL_COLOR = "yuvj420p", "yuvj444p"  # full range; colour of half or full resolution


def decode_jpegs(images: Sequence[memoryview], where: str) -> Iterator[VideoFrame]:
    """The pictures as frames of one size and pixel format (that of the first, see :func:`pixel_format`).

    Raises VideoError (``where``, frame) for a file that does not decode whole, or has another size than the first.
    """
    decoder = CodecContext.create("mjpeg", "r")
    assert isinstance(decoder, VideoCodecContext)
    decoder.options = {"err_detect": "explode"}  # half a picture is an error
    decoder.thread_count = 1
    convert = VideoReformatter()
    size: tuple[int, int] | None = None
    target = ""
    for number, image in enumerate(images):
        frame = _decode(decoder, image, f"{where}: frame {number}")
        if size is None:
            size, target = (frame.width, frame.height), pixel_format(frame)
        if (frame.width, frame.height) != size:
            raise VideoError(
                f"{where}: frame {number} has {frame.width}x{frame.height} pixels, frame 0 {size[0]}x{size[1]}; all "
                "frames of a video must have one size."
            )
        if frame.format.name != target:
            frame = convert.reformat(frame, format=target, dst_colorspace=Colorspace.ITU601)
        frame.colorspace, frame.color_range = Colorspace.ITU601, ColorRange.JPEG
        yield frame


def pixel_format(first: VideoFrame) -> str:
    """The format that keeps what the pictures have: colour of half resolution, if that is all and the size is even."""
    halved = first.format.name in (HALF_COLOR, "gray")
    return HALF_COLOR if halved and first.width % 2 == 0 and first.height % 2 == 0 else FULL_COLOR


def _decode(decoder: VideoCodecContext, image: memoryview, where: str) -> VideoFrame:
    try:
        frames = decoder.decode(av.Packet(bytes(image)))
    except (av.error.FFmpegError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise VideoError(
            f"{where}: its {len(image)} bytes cannot be decoded, expected a JPEG file ({reason})."
        ) from error
    if len(frames) != 1:
        raise VideoError(f"{where}: its {len(image)} bytes hold {len(frames)} pictures, expected a JPEG file of one.")
    return frames[0]
