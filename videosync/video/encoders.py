"""Encoders and containers by name, and what each needs to be asked for."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Literal

import av
from av.container import OutputContainer
from av.video.stream import VideoStream

from videosync.errors import VideoWriteError, did_you_mean

# Encoders that know constant quality (crf), and what they need beside it.
CRF_OPTIONS: dict[str, dict[str, str]] = {
    "libx264": {},
    "libx265": {"x265-params": "log-level=error"},
    "libvpx": {"b": "0"},
    "libvpx-vp9": {"b": "0"},
    "libsvtav1": {},
    "libaom-av1": {"b": "0"},
}


def check_encoder(target: Path, codec: str, wanted: Literal["video", "audio"] = "video") -> None:
    """Raises VideoWriteError, with the nearest name, if there is no such encoder for pictures (or for sound)."""
    usual = {"video": "libx264", "audio": "aac"}[wanted]
    try:
        kind = av.Codec(codec, "w").type
    except av.codec.codec.UnknownCodecError as error:
        hint = did_you_mean(codec, sorted(av.codecs_available), f"Use {usual}.")
        raise VideoWriteError(f"{target}: unknown encoder '{codec}'.{hint}") from error
    if kind != wanted:
        raise VideoWriteError(f"{target}: {codec} is no {wanted} encoder but one for {kind}; use {usual}.")


def open_output(target: Path, temporary: Path) -> OutputContainer:
    """The container that the suffix names, written to ``temporary``; messages speak of ``target``."""
    try:
        return av.open(str(temporary), "w")
    except ValueError as error:
        raise VideoWriteError(
            f"{target}: cannot be written, as no video container has the suffix '{target.suffix}'; use .mp4, .mkv, "
            ".avi or .webm."
        ) from error


def add_stream(
    target: Path, container: OutputContainer, codec: str, rate: Fraction, settings: dict[str, str]
) -> VideoStream:
    """The container's video stream. Raises VideoWriteError if it cannot hold this encoder's."""
    try:
        stream = container.add_stream(codec, rate=rate, options=settings)
    except ValueError as error:
        raise VideoWriteError(
            f"{target}: cannot be written, as {target.suffix} files take no {codec} video; use .mkv, which takes any."
        ) from error
    assert isinstance(stream, VideoStream)
    return stream


def quality(codec: str, crf: int | None, bit_rate: int | None) -> dict[str, str]:
    """Encoder options for constant quality (or for a bit rate, where one is given)."""
    if codec not in CRF_OPTIONS:
        return {}
    extra = CRF_OPTIONS[codec]
    if crf is None or bit_rate is not None:
        return {key: value for key, value in extra.items() if key != "b"}
    return {**extra, "crf": str(crf)}
