"""Write video files with the encoders that come with PyAV. A file is complete or absent."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av
import numpy as np
from av.container import OutputContainer
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream

from videosync.errors import VideoError

# Encoders that know constant quality (crf), and what they need beside it.
CRF_OPTIONS: dict[str, dict[str, str]] = {
    "libx264": {},
    "libx265": {"x265-params": "log-level=error"},
    "libvpx": {"b": "0"},
    "libvpx-vp9": {"b": "0"},
    "libsvtav1": {},
    "libaom-av1": {"b": "0"},
}


def write_video(
    path: str | os.PathLike[str],
    frames: Iterable[np.ndarray],
    fps: float | Fraction,
    *,
    codec: str = "libx264",
    crf: int | None = 18,
    bit_rate: int | None = None,
    gop: int = 12,
    b_frames: int | None = None,
    keyframes: Iterable[int] = (),
    preset: str | None = None,
    pixel_format: str = "yuv420p",
    options: Mapping[str, str] | None = None,
    threads: int = 0,
) -> None:
    """Encode ``frames`` (uint8 RGB [H,W,3] of one size) at a constant rate; the suffix names the container.

    The file appears under its name only when it is complete. Missing folders are made.

    Args:
        fps: frames/s; a float near 24000/1001, 30000/1001 or 60000/1001 means exactly that.
        crf: constant quality (smaller is better), for encoders that have it, unless ``bit_rate`` is given.
        bit_rate: bits/s.
        gop: largest distance between keyframes, in frames; small values make random access quick.
        b_frames: largest run of B-frames; None leaves it to the encoder.
        keyframes: frame numbers that become keyframes in addition.
        preset: the encoder's speed preset.
        options: further encoder options, which win over the above.
        threads: encoder threads; 0 for as many as there are cores.

    Raises:
        VideoError: no frames, frames of different or (with subsampled colour) odd size, unknown encoder or
            container, or a place that cannot be written.
    """
    target = Path(path)
    rate = as_rate(fps)
    pictures = iter(frames)
    first = next(pictures, None)
    if first is None:
        raise VideoError(f"{target}: there are no frames to write; pass at least one.")
    _check_frame(target, 0, first, None)
    _check_even(target, first, pixel_format)
    _check_encoder(target, codec)
    settings = {**_quality(codec, crf, bit_rate), **({"preset": preset} if preset else {}), **(options or {})}
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise VideoError(f"{target}: cannot be written ({error.strerror}); choose another folder.") from error
    temporary = target.with_name(f".{target.stem}.{uuid.uuid4().hex[:8]}{target.suffix}")
    try:
        with _open_output(target, temporary) as container:
            stream = _add_stream(target, container, codec, rate, settings)
            stream.height, stream.width = first.shape[:2]
            stream.pix_fmt = pixel_format
            stream.codec_context.thread_count = threads
            stream.codec_context.gop_size = gop
            if b_frames is not None:
                stream.codec_context.max_b_frames = b_frames
            if bit_rate is not None:
                stream.codec_context.bit_rate = bit_rate
            forced = frozenset(keyframes)
            for number, picture in enumerate(chain([first], pictures)):
                _check_frame(target, number, picture, first)
                frame = VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
                frame.pts, frame.time_base = number, 1 / rate
                if number in forced:
                    frame.pict_type = PictureType.I
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        os.replace(temporary, target)
    except (av.error.FFmpegError, OSError) as error:
        raise VideoError(
            f"{target}: cannot be written with {codec} at {rate} frames/s ({error.strerror}); check that the "
            "folder is writable and the suffix (.mp4, .mkv, .avi, .webm) fits the encoder."
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def as_rate(fps: float | Fraction) -> Fraction:
    """A frame rate as a fraction: 29.97 → 30000/1001, 12.5 → 25/2. Raises VideoError unless positive."""
    if not 0 < fps < 1e6:
        raise VideoError(f"a frame rate of {fps} frames/s is not possible; give a positive number.")
    if isinstance(fps, Fraction):
        return fps
    ntsc = Fraction(round(fps * 1.001) * 1000, 1001)
    if ntsc and fps != round(fps) and abs(float(ntsc) - fps) < 1e-3 * fps / 4:
        return ntsc
    return Fraction(fps).limit_denominator(1001)


def pad_to_even(frame: np.ndarray) -> np.ndarray:
    """Repeat the last row and column of uint8 [H,W,3] where needed, so that height and width are even."""
    height, width = frame.shape[:2]
    if height % 2 == 0 and width % 2 == 0:
        return frame
    return np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")


def _check_encoder(target: Path, codec: str) -> None:
    try:
        kind = av.Codec(codec, "w").type
    except av.codec.codec.UnknownCodecError as error:
        near = get_close_matches(codec, sorted(av.codecs_available), 1) or ["libx264"]
        raise VideoError(f"{target}: unknown encoder '{codec}'. Did you mean '{near[0]}'?") from error
    if kind != "video":
        raise VideoError(f"{target}: {codec} is no video encoder but one for {kind}; use libx264.")


def _open_output(target: Path, temporary: Path) -> OutputContainer:
    try:
        return av.open(str(temporary), "w")
    except ValueError as error:
        raise VideoError(
            f"{target}: cannot be written, as no video container has the suffix '{target.suffix}'; use .mp4, .mkv, "
            ".avi or .webm."
        ) from error


def _add_stream(
    target: Path, container: OutputContainer, codec: str, rate: Fraction, settings: dict[str, str]
) -> VideoStream:
    try:
        stream = container.add_stream(codec, rate=rate, options=settings)
    except ValueError as error:
        raise VideoError(
            f"{target}: cannot be written, as {target.suffix} files take no {codec} video; use .mkv, which takes any."
        ) from error
    assert isinstance(stream, VideoStream)
    return stream


def _quality(codec: str, crf: int | None, bit_rate: int | None) -> dict[str, str]:
    if codec not in CRF_OPTIONS:
        return {}
    extra = CRF_OPTIONS[codec]
    if crf is None or bit_rate is not None:
        return {key: value for key, value in extra.items() if key != "b"}
    return {**extra, "crf": str(crf)}


def _check_frame(target: Path, number: int, frame: np.ndarray, first: np.ndarray | None) -> None:
    if not isinstance(frame, np.ndarray) or frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
        found = f"{frame.dtype} {frame.shape}" if isinstance(frame, np.ndarray) else type(frame).__name__
        raise VideoError(f"{target}: frame {number} is {found}; frames must be uint8 [height, width, 3].")
    if first is not None and frame.shape != first.shape:
        raise VideoError(
            f"{target}: frame {number} is {frame.shape[1]}x{frame.shape[0]}, the first one "
            f"{first.shape[1]}x{first.shape[0]}; all frames of a video must have one size."
        )


def _check_even(target: Path, frame: np.ndarray, pixel_format: str) -> None:
    height, width = frame.shape[:2]
    if pixel_format.startswith("yuv420") and (height % 2 or width % 2):
        raise VideoError(
            f"{target}: frames of {width}x{height} pixels cannot be stored as {pixel_format}, which needs "
            "even sizes; put them through pad_to_even, or choose pixel_format='yuv444p'."
        )
