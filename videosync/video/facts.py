"""What a file's header and first picture say of it: container, pictures, sound tracks, tags."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from videosync.video.color_tags import UNSPECIFIED
from videosync.video.index import file_version, open_video, video_stream_or_none
from videosync.video.orientation import frame_orientation

LOOKED_AT = 5  # frames: the first one of an interlaced stream may be whole
# ITU-T H.273, transfer characteristics: those of files as cameras write them
CURVES = {1: "BT.709", 4: "gamma 2.2", 5: "gamma 2.8", 6: "BT.601", 7: "SMPTE 240M", 8: "linear", 11: "xvYCC",
          13: "sRGB", 14: "BT.2020", 15: "BT.2020", 16: "PQ", 18: "HLG"}  # fmt: skip
HDR = ("PQ", "HLG")
FASTEST = 1e6  # frames/s
# Tags in which cameras write how many frames a second they took: com.android.capture.fps and its like. What Apple calls
# full-frame-rate-playback-intent is 0 in ordinary clips as well, and tells nothing.
CAPTURE_RATE = re.compile(r"(.*\.)?capture[._ -]?(fps|frame[._ -]?rate)")


@dataclass(frozen=True)
class PictureFacts:
    """The main picture stream."""

    codec: str
    profile: str | None
    stored_size: tuple[int, int]  # (width, height) pixels
    size: tuple[int, int]  # as shown: turned, with square pixels
    rotation: int  # clockwise degrees by which it is turned: 0, 90, 180, 270
    mirrored: bool
    pixel_aspect: float  # width of a pixel by its height
    pixel_format: str | None
    bits: int | None  # a channel
    transfer: str | None  # its transfer characteristics; None: not said
    interlaced: bool

    @property
    def hdr(self) -> bool:
        return self.transfer in HDR


@dataclass(frozen=True)
class SoundFacts:
    """One sound track."""

    codec: str
    rate: int  # samples/s
    channels: int
    layout: str
    language: str | None
    start_seconds: float | None  # on the file's clock


@dataclass(frozen=True)
class FileFacts:
    """A file."""

    path: str  # absolute
    bytes: int
    container: str
    start_seconds: float | None  # of the first of its streams, on its own clock
    duration_seconds: float | None  # by its header
    pictures: PictureFacts | None
    other_pictures: int  # further picture streams, cover pictures left out
    sounds: tuple[SoundFacts, ...]
    tags: Mapping[str, str]  # of the container and its streams, names in lower case

    @property
    def capture_fps(self) -> float | None:
        """Frames/s that were taken, where a tag says it."""
        for key, value in self.tags.items():
            if CAPTURE_RATE.fullmatch(key) and (rate := _number(value)) is not None and 0 < rate <= FASTEST:
                return rate
        return None


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def file_facts(path: str | os.PathLike[str]) -> FileFacts:
    """Read the header and a few pictures. Raises VideoError: no such file, or no video or sound container."""
    name, _, size = file_version(path)
    with open_video(name) as container:
        tags: dict[str, str] = {}
        for said in (container.metadata, *(stream.metadata for stream in container.streams)):
            for key, value in said.items():
                tags.setdefault(key.lower(), value.strip())
        main = video_stream_or_none(container)
        others = [s for s in container.streams.video if s != main and not s.disposition & Disposition.attached_pic]
        return FileFacts(
            path=name,
            bytes=size,
            container=container.format.name,
            start_seconds=None if container.start_time is None else container.start_time / av.time_base,
            duration_seconds=None if container.duration is None else container.duration / av.time_base,
            pictures=None if main is None else _pictures(container, main),
            other_pictures=len(others),
            sounds=tuple(_sounds(container)),
            tags=tags,
        )


def _sounds(container: InputContainer) -> list[SoundFacts]:
    found = []
    for stream in container.streams.audio:
        context = stream.codec_context
        start = None if stream.start_time is None or stream.time_base is None else stream.start_time * stream.time_base
        begins = None if start is None else float(start)
        if context is None:  # no decoder for it
            found.append(SoundFacts("unknown", 0, 0, "unknown", stream.language, begins))
        else:
            facts = context.name, context.sample_rate or 0, context.channels, context.layout.name
            found.append(SoundFacts(*facts, stream.language, begins))
    return found


def _pictures(container: InputContainer, stream: VideoStream) -> PictureFacts:
    context = stream.codec_context
    if context is None:
        return PictureFacts("unknown", None, (0, 0), (0, 0), 0, False, 1.0, None, None, None, False)
    frames = []
    with suppress(av.error.FFmpegError):  # what the header says is left; who reads the frames says what is wrong
        frames = list(islice(container.decode(stream), LOOKED_AT))
    aspect = float(stream.sample_aspect_ratio or 1) or 1.0
    stored = (frames[0].width, frames[0].height) if frames else (context.width, context.height)
    turn = frame_orientation(frames[0]) if frames else None
    shown = round(stored[0] * aspect), stored[1]
    curve = frames[0].color_trc if frames else context.color_trc
    return PictureFacts(
        codec=context.name,
        profile=context.profile or None,
        stored_size=stored,
        size=(shown[1], shown[0]) if turn is not None and turn.transpose else shown,
        rotation=0 if turn is None else turn.rotation,
        mirrored=turn is not None and (turn.mirror_x != turn.mirror_y) != turn.transpose,
        pixel_aspect=aspect,
        pixel_format=None if context.format is None else context.format.name,
        bits=None if context.format is None else max(part.bits for part in context.format.components),
        transfer=None if curve in (0, UNSPECIFIED, None) else CURVES.get(int(curve), f"code {int(curve)}"),
        interlaced=any(frame.interlaced_frame for frame in frames),
    )
