"""Frames written at the times that they are given, also where these are not even."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

from av.container import OutputContainer
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream

TICKS = 90_000  # a second, at least


class TimedPictures:
    """The video stream of a file that is written frame by frame.

    Args:
        rate: frames/s, usual ones: on the stream's clock, frames of this rate lie exactly.
        size: (height, width). pixels: FFmpeg's name of the pixel format. options: of the encoder.
    """

    def __init__(
        self,
        output: OutputContainer,
        codec: str,
        rate: Fraction,
        *,
        size: tuple[int, int],
        pixels: str,
        options: dict[str, str],
    ) -> None:
        stream = output.add_stream(codec, rate=rate, options=options)
        assert isinstance(stream, VideoStream)
        self.output, self.stream, self.rate, self.pixels = output, stream, rate, pixels
        stream.height, stream.width, stream.pix_fmt = *size, pixels
        self.clock = Fraction(1, rate.numerator * math.ceil(TICKS / rate.numerator))
        stream.codec_context.time_base = self.clock
        if codec == "libx265":
            stream.codec_context.codec_tag = "hvc1"

    def write(self, frame: VideoFrame, time: float | Fraction) -> None:
        """Encode a frame that is shown at ``time``, seconds after the first one."""
        if frame.format.name != self.pixels:
            frame = frame.reformat(format=self.pixels)
        frame.pts, frame.time_base = round(Fraction(time) / self.clock), self.clock
        frame.pict_type = PictureType.NONE
        for packet in self.stream.encode(frame):
            self._mux(packet)

    def close(self) -> None:
        """Complete the stream."""
        for packet in self.stream.encode(None):
            self._mux(packet)

    def _mux(self, packet: Any) -> None:
        if not packet.duration:
            packet.duration = round(1 / self.rate / self.clock)
        self.output.mux(packet)
