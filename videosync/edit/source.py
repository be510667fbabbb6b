"""What a project needs to know of a recording, from its header: picture, sound tracks, timecode."""

from __future__ import annotations

import os
from dataclasses import dataclass

import av

from videosync.errors import VideoError
from videosync.video.index import open_video, video_stream_or_none
from videosync.video.orientation import frame_orientation


@dataclass(frozen=True)
class SoundTrack:
    """One sound track of a file."""

    channels: int
    rate: int  # samples/s


@dataclass(frozen=True)
class Header:
    """What a file holds."""

    size: tuple[int, int] | None = None  # (width, height) of its pictures as they are shown, pixels; None: no pictures
    sounds: tuple[SoundTrack, ...] = ()


def read_header(path: str) -> Header | None:
    """The header of a video or a sound file, from its first frame at most; None: it is not there, or damaged."""
    if not os.path.isfile(path):
        return None
    try:
        container = open_video(os.path.abspath(path))
    except VideoError:
        return None
    with container:
        tracks = [stream.codec_context for stream in container.streams.audio]
        sounds = tuple(SoundTrack(track.channels, track.rate) for track in tracks if track is not None and track.rate)
        stream = video_stream_or_none(container)
        if stream is None or stream.codec_context is None:
            return Header(None, sounds)
        try:
            frame = next(container.decode(stream), None)
        except (av.error.FFmpegError, OSError):
            frame = None
    if frame is None:
        return Header((stream.codec_context.width, stream.codec_context.height), sounds)
    height, width = frame_orientation(frame).stored_size((frame.height, frame.width))
    return Header((width, height), sounds)
