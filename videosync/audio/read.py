"""Read the sound of a file, in step with its pictures.

Time 0 is the first picture (or, where there are none, the first sample). Samples lie where their time stamps say;
where there are none is silence. Containers whose stamps are whole milliseconds (Matroska, WebM) keep sound and pictures
in step to 1 ms; AVI has no stamps, so that MP3 in AVI may be 20 ms off (half a frame, at 25 frames/s).
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet

from videosync.audio.resample import Piece, resampled
from videosync.errors import AudioError, NoSoundError, VideoError
from videosync.video.index import file_version, open_video, video_stream_or_none
from videosync.video.start import first_shown, makes_up_for_mp3

# A decoder that starts in the middle needs some packets before its samples are right: seconds that are thrown away.
PREROLL = 0.5
# Frames follow each other without a gap unless their stamps say otherwise by more than this (and their rounding).
TOLERANCE = 0.002  # seconds
FILTER = 0.05  # seconds before and after a window that resampling may look at
LONGEST_GAP = 3600.0  # seconds; what claims more is a wrong time stamp, which would fill the memory with silence
MP3_DELAY = 1105  # samples that encoding and decoding add (LAME's 576, and 529); AVI does not say so, others do


@dataclass(frozen=True)
class SoundInfo:
    """The sound of one file."""

    path: str  # absolute
    rate: int  # samples/s
    channels: int
    codec: str
    start: float  # seconds from the first picture to the first sample; 0 where the file has no pictures
    seconds: float  # length by time stamps


@dataclass(frozen=True)
class _Opening:
    """What the first samples tell."""

    rate: int
    channels: int
    codec: str
    first: float  # time stamp of the first sample, seconds
    zero: float  # time stamp of the first picture; without pictures, of the first sample


def decoder_version() -> str:
    """What decodes: e.g. ``"PyAV 18.1.0, FFmpeg 8.0.1"``."""
    return f"PyAV {av.__version__}, FFmpeg {av.ffmpeg_version_info}"


def probe_sound(path: str | os.PathLike[str]) -> SoundInfo:
    """What sound the file holds, from its packets. Raises AudioError: no such file, nothing decodable; NoSoundError."""
    with _as_audio_error():
        version = file_version(path)
        opening = _opening(*version)
        end = _end(*version)
    seconds = max(end - opening.first, 0.0)
    start = opening.first - opening.zero
    return SoundInfo(version[0], opening.rate, opening.channels, opening.codec, start, seconds)


def read_sound(
    path: str | os.PathLike[str], start: float = 0.0, seconds: float | None = None, *, rate: int = 16_000
) -> np.ndarray:
    """Mono sound, float32 [round(seconds · rate)], the mean of all channels, from ``start`` seconds on.

    Time 0 is the first picture shown; in a file without pictures, the first sample. Gaps, and what lies outside of
    the sound, are zeros. ``seconds`` None: to the end of the sound. Only what is asked for is decoded.

    Raises AudioError: no such file, sound that is damaged there or changes its rate; NoSoundError: no sound track.
    """
    if seconds is not None and seconds < 0:
        raise ValueError(f"seconds is {seconds}; a stretch of sound has a length of 0 or more")
    with _as_audio_error():
        version = file_version(path)
        opening = _opening(*version)
        stop = None if seconds is None else start + seconds
        pieces = _pieces(version[0], opening, start, stop)
        count = None if seconds is None else round(seconds * rate)
        return resampled(pieces, opening.rate, rate, round(start * rate), count)


@contextmanager
def _as_audio_error() -> Iterator[None]:
    """Also what is wrong with the file or its pictures is an AudioError to those who ask for sound."""
    try:
        yield
    except AudioError:
        raise
    except VideoError as error:
        raise AudioError(str(error)) from error.__cause__


@contextmanager
def _open_sound(path: str) -> Iterator[tuple[InputContainer, AudioStream]]:
    with open_video(path) as container:
        stream = container.streams.best("audio") or next(iter(container.streams.audio), None)
        if not isinstance(stream, AudioStream):
            kinds = ", ".join(sorted({str(s.type) for s in container.streams})) or "nothing"
            raise NoSoundError(f"{path}: has no sound (it holds {kinds}); name a file with a sound track.")
        if stream.codec_context is None:
            raise AudioError(f"{path}: its sound is in a format that nothing here decodes; convert it to AAC.")
        yield container, stream


@lru_cache(maxsize=2048)
def _opening(path: str, mtime_ns: int, size: int) -> _Opening:
    del mtime_ns, size  # only tell versions of a file apart
    with _open_sound(path) as (container, stream):
        codec, pictures = stream.codec_context.name, video_stream_or_none(container)
        frame = next(_frames(path, container, stream, wanted=(math.inf, math.inf)), None)
        if frame is None:
            raise AudioError(f"{path}: its sound ({codec}) cannot be decoded; it is damaged: copy or export it again.")
        first = frame.time if frame.time is not None else 0.0
        zero = first_shown(path) if pictures is not None else first
        if pictures is not None and container.format.name == "avi" and codec.startswith("mp3"):
            container.seek(0)
            zero += 0 if makes_up_for_mp3(container, pictures) else MP3_DELAY / frame.sample_rate
        return _Opening(frame.sample_rate, frame.layout.nb_channels, codec, first, zero)


@lru_cache(maxsize=2048)
def _end(path: str, mtime_ns: int, size: int) -> float:
    """Time stamp of the end of the last packet."""
    opening = _opening(path, mtime_ns, size)
    end = opening.first
    with _open_sound(path) as (container, stream):
        for packet, time in _packets(path, container, stream):
            if time is not None:
                end = max(end, time + float((packet.duration or 0) * (packet.time_base or 0)))
    return end


def _pieces(path: str, opening: _Opening, start: float, stop: float | None) -> Iterator[Piece]:
    """The sound from ``start`` to ``stop`` seconds (and some before and after), at its own rate, one channel."""
    begin = start + opening.zero - PREROLL
    if begin > opening.first + 2 * PREROLL:
        pieces = _decoded(path, opening, begin, (start, stop))
        reached = next(pieces, None)
        if reached is not None and reached[0] <= (start - PREROLL / 2) * opening.rate:
            yield reached
            yield from pieces
            return
    yield from _decoded(path, opening, None, (start, stop))


def _decoded(path: str, opening: _Opening, seek: float | None, span: tuple[float, float | None]) -> Iterator[Piece]:
    """Decoded samples and their places, samples from time 0.

    They begin no later than the time stamp ``seek`` (None: with the first), and end after ``span``, seconds.
    """
    place = None
    start, stop = span[0] - FILTER, math.inf if span[1] is None else span[1] + FILTER
    with _open_sound(path) as (container, stream):
        tolerance = max(TOLERANCE, 1.5 * float(stream.time_base or 0)) * opening.rate
        if seek is not None and stream.time_base:
            try:
                container.seek(int(seek / stream.time_base), stream=stream, backward=True)
            except av.error.FFmpegError:
                return  # cannot be sought: the caller reads from the beginning
        for frame in _frames(path, container, stream, wanted=(start + opening.zero, stop + opening.zero)):
            if frame.sample_rate != opening.rate:
                raise AudioError(
                    f"{path}: its sound changes from {opening.rate} to {frame.sample_rate} samples/s at "
                    f"{frame.time or 0:.3f} s; convert it to one rate."
                )
            if frame.time is not None:
                stamped = (frame.time - opening.zero) * opening.rate
                if place is not None and stamped - place > LONGEST_GAP * opening.rate:
                    raise AudioError(
                        f"{path}: the time stamps of its sound jump from {place / opening.rate:.3f} s to "
                        f"{stamped / opening.rate:.3f} s; convert it, which writes them anew."
                    )
                if place is None or abs(stamped - place) > tolerance:
                    place = round(stamped)
            elif place is None:
                if seek is not None:
                    return  # lost in the file: the caller reads from the beginning
                place = round((opening.first - opening.zero) * opening.rate)
            samples = _mono(path, frame)
            yield place, samples
            place += len(samples)
            if place > stop * opening.rate:
                return


def _frames(
    path: str, container: InputContainer, stream: AudioStream, wanted: tuple[float, float]
) -> Iterator[AudioFrame]:
    """Decoded frames. Damage before and after the time stamps ``wanted`` is passed over."""
    for packet, time in _packets(path, container, stream):
        try:
            yield from packet.decode()
        except av.error.FFmpegError as error:
            if time is None or wanted[0] <= time <= wanted[1]:
                raise AudioError(_damaged(path, time, str(error.strerror))) from error


def _packets(
    path: str, container: InputContainer, stream: AudioStream
) -> Iterator[tuple[Packet[AudioStream], float | None]]:
    """Whole packets, and their time stamps in seconds (of one without, that of the one before)."""
    time = None
    try:
        for packet in container.demux(stream):
            stamp = packet.dts if packet.pts is None else packet.pts
            if stamp is not None and packet.time_base is not None:
                time = float(stamp * packet.time_base)
            if not packet.is_corrupt:
                yield packet, time
    except av.error.FFmpegError as error:
        raise AudioError(_damaged(path, time, str(error.strerror))) from error
    except IndexError as error:  # of PyAV
        raise AudioError(_damaged(path, time, "a stream begins there that its header does not list")) from error


def _damaged(path: str, time: float | None, why: str) -> str:
    about = "" if time is None else f" near {time:.3f} s"
    return f"{path}: its sound{about} cannot be decoded ({why}); the file is damaged there: copy or export it again."


def _mono(path: str, frame: AudioFrame) -> np.ndarray:
    """float32 [n]: the mean of the channels, whole numbers scaled to -1 … 1."""
    samples = frame.to_ndarray()
    if not frame.format.is_planar:
        samples = samples.reshape(-1, frame.layout.nb_channels).T
    if samples.dtype.kind in "iu":
        half = float(2 ** (8 * samples.dtype.itemsize - 1))
        samples = (samples.astype(np.float64) - (half if samples.dtype.kind == "u" else 0.0)) / half
    mono = samples.mean(axis=0, dtype=np.float64).astype(np.float32)
    if not np.isfinite(mono).all():
        raise AudioError(
            f"{path}: its sound near {frame.time or 0:.3f} s holds values that are not finite; export it again."
        )
    return mono
