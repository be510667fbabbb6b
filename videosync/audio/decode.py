"""Decoded samples of a file's sound, and their places on the clock of its pictures."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain, pairwise

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet

from videosync.errors import AudioError, NoSoundError, VideoError
from videosync.video.index import open_video, video_stream_or_none
from videosync.video.packets import end_by_tag, riff_promises_more
from videosync.video.start import first_shown, makes_up_for_mp3

# A decoder that starts in the middle needs some packets before its samples are right: seconds that are thrown away.
PREROLL = 0.5
# Frames follow each other without a gap unless their stamps say otherwise by more than this (and their rounding).
TOLERANCE = 0.002  # seconds
FILTER = 0.05  # seconds before and after a window that resampling may look at
LONGEST_GAP = 3600.0  # seconds; what claims more is a wrong time stamp, which would fill the memory with silence
RATES = 1_000, 1_500_000  # samples/s of recordings of sound; a damaged header may say anything
NO_PICTURES = "it has none"
MOST_PLANES = 8  # channels that lie apart; beyond the eighth, PyAV does not see where they end
MP3_DELAY = 1105  # samples that encoding and decoding add (LAME's 576, and 529); AVI does not say so, others do


Channels = tuple[
    int, np.ndarray
]  # place of the first sample, counted from time 0 at the rate of the file; float32 [C, n]


@dataclass(frozen=True)
class Opening:
    """What the first samples tell."""

    rate: int
    channels: int
    codec: str
    first: float  # time stamp of the first sample, seconds
    zero: float  # time stamp of the first picture; without pictures, of the first sample
    # time stamp of the end of the sound that the header lists; None: unknown, infinite: behind the end of the file
    promised: float | None = None
    # why pictures do not give time 0: there are none, or they are damaged; None: they do
    pictures: str | None = None
    layout: str = "mono"  # FFmpeg's name of how the channels lie
    language: str | None = None
    counted: bool = False  # MP3 has no time stamps but the count of its frames: what follows lost ones is early

    @property
    def start(self) -> float:
        """Seconds from time 0 to the first sample."""
        return self.first - self.zero


@dataclass(frozen=True)
class Lost:
    """A stretch of sound that is damaged, or left out."""

    time: float  # time stamp, seconds
    seconds: float  # 0: unknown; infinite: all that follows
    why: str


@contextmanager
def as_audio_error() -> Iterator[None]:
    """Also what is wrong with the file or its pictures is an AudioError to those who ask for sound."""
    try:
        yield
    except AudioError:
        raise
    except VideoError as error:
        raise AudioError(str(error)) from error.__cause__


@contextmanager
def open_sound(path: str, track: int | None = None) -> Iterator[tuple[InputContainer, AudioStream]]:
    """``track``: number of the sound track; None: the one that a player would choose."""
    with open_video(path) as container:
        streams = container.streams.audio
        stream = container.streams.best("audio") or next(iter(streams), None) if track is None else streams[track]
        if not isinstance(stream, AudioStream):
            kinds = ", ".join(sorted({str(s.type) for s in container.streams})) or "nothing"
            raise NoSoundError(f"{path}: has no sound (it holds {kinds}); name a file with a sound track.")
        if stream.codec_context is None:
            raise AudioError(f"{path}: its sound is in a format that nothing here decodes; convert it to AAC.")
        yield container, stream


@lru_cache(maxsize=2048)
def opening(path: str, mtime_ns: int, size: int, whatever: bool = False, track: int | None = None) -> Opening:
    """Of a sound track, as of ``open_sound``. Raises AudioError; ``whatever`` the pictures are like, if so: then time 0
    of a file whose pictures are damaged is its first sample.
    """
    del mtime_ns, size  # only tell versions of a file apart
    with open_sound(path, track) as (container, stream):
        codec, pictures = stream.codec_context.name, video_stream_or_none(container)
        lost: list[Lost] = []
        frame = next(_frames(path, container, stream, wanted=(-math.inf, math.inf), lost=lost), None)
        if frame is None and not lost:
            raise AudioError(f"{path}: its sound track ({codec}) is empty; export it again, with its sound.")
        if frame is None:
            raise AudioError(f"{path}: its sound ({codec}) cannot be decoded; it is damaged: copy or export it again.")
        if not RATES[0] <= frame.sample_rate <= RATES[1]:
            raise AudioError(
                f"{path}: its header says {frame.sample_rate} samples/s, expected {RATES[0]} to {RATES[1]}; if that is "
                "wrong, export it again."
            )
        first = frame.time if frame.time is not None else 0.0
        facts = frame.sample_rate, frame.layout.nb_channels, codec, first
        promised = _promised_end(path, container, stream)
        found = Opening(*facts, first, promised, NO_PICTURES, frame.layout.name, stream.language)
        if pictures is None:
            return replace(found, counted=container.format.name == "mp3")
        try:
            zero = first_shown(path)
        except VideoError as error:
            if not whatever:
                raise
            return replace(found, pictures=str(error).removeprefix(f"{path}: ").rstrip("."))
        if container.format.name == "avi" and codec.startswith("mp3"):
            container.seek(0)
            zero += 0 if makes_up_for_mp3(container, pictures) else MP3_DELAY / frame.sample_rate
        return replace(found, zero=zero, pictures=None)


def _promised_end(path: str, container: InputContainer, stream: AudioStream) -> float | None:
    """Only from headers that count; others are estimated from the size of the file."""
    kind = container.format.name
    if kind in ("avi", "wav"):
        return math.inf if riff_promises_more(path, os.path.getsize(path)) else None
    if "matroska" in kind:
        return end_by_tag(stream)
    counts = "mp4" in kind or kind in ("flac", "aiff") or (kind == "mp3" and stream.start_time)
    if not counts or stream.duration is None or stream.time_base is None:
        return None
    return float(((stream.start_time or 0) + stream.duration) * stream.time_base)


@lru_cache(maxsize=2048)
def end(path: str, mtime_ns: int, size: int) -> float:
    """Time stamp of the end of the last packet."""
    last = opening(path, mtime_ns, size).first
    with open_sound(path) as (container, stream):
        for packet, time in _packets(path, container, stream):
            if time is not None:
                last = max(last, time + _seconds(packet))
    return last


def pieces(
    path: str, at: Opening, start: float, stop: float | None, lost: list[Lost] | None = None, track: int | None = None
) -> Iterator[Channels]:
    """The sound from ``start`` to ``stop`` seconds (and some before and after), at its own rate.

    What is damaged there is an AudioError; with ``lost``, it is passed over and listed there.
    """
    begin = start + at.zero - PREROLL
    if begin > at.first + 2 * PREROLL:
        found = _decoded(path, at, begin, (start, stop), lost, track)
        reached = next(found, None)
        if reached is not None and reached[0] <= (start - PREROLL / 2) * at.rate:
            yield reached
            yield from found
            return
    yield from _decoded(path, at, None, (start, stop), lost, track)


def _decoded(
    path: str,
    at: Opening,
    seek: float | None,
    span: tuple[float, float | None],
    lost: list[Lost] | None,
    track: int | None,
) -> Iterator[Channels]:
    """Decoded samples and their places, samples from time 0.

    They begin no later than the time stamp ``seek`` (None: with the first), and end after ``span``, seconds.
    """
    place = None
    start, stop = span[0] - FILTER, math.inf if span[1] is None else span[1] + FILTER
    with open_sound(path, track) as (container, stream):
        tolerance = max(TOLERANCE, 1.5 * float(stream.time_base or 0)) * at.rate
        if seek is not None and stream.time_base:
            try:
                container.seek(int(seek / stream.time_base), stream=stream, backward=True)
            except av.error.FFmpegError:
                return  # cannot be sought: the caller reads from the beginning
        frames = _frames(path, container, stream, wanted=(start + at.zero, stop + at.zero), lost=lost)
        for frame, following in pairwise(chain(frames, (None,))):
            assert frame is not None
            if frame.sample_rate != at.rate:
                time = frame.time or 0
                why = f"its sound changes from {at.rate} to {frame.sample_rate} samples/s at {time:.3f} s"
                if lost is None:
                    raise AudioError(f"{path}: {why}; convert it to one rate.")
                if following is not None and following.sample_rate == at.rate:  # a damaged frame
                    lost.append(Lost(time, frame.samples / frame.sample_rate, why))
                    continue
                lost.append(Lost(time, math.inf, why))
                return
            stamped = _place(frame, at)
            if stamped is not None:
                if place is not None and stamped - place > LONGEST_GAP * at.rate:
                    why = f"the time stamps of its sound jump from {place / at.rate:.3f} s to {stamped / at.rate:.3f} s"
                    if lost is None:
                        raise AudioError(f"{path}: {why}; convert it, which writes them anew.")
                    lost.append(Lost(place / at.rate + at.zero, math.inf, why))
                    return
                if place is None or (
                    abs(stamped - place) > tolerance and not _stray(stamped, place, frame, following, at)
                ):
                    place = round(stamped)
            elif place is None:
                if seek is not None:
                    return  # lost in the file: the caller reads from the beginning
                place = round(at.start * at.rate)
            samples = _channels(path, frame, lost)
            yield place, samples
            place += samples.shape[1]
            if place > stop * at.rate:
                return


def _place(frame: AudioFrame, at: Opening) -> float | None:
    """Where the time stamp puts its first sample, samples from time 0."""
    return None if frame.time is None else (frame.time - at.zero) * at.rate


def _stray(stamped: float, place: float, frame: AudioFrame, following: AudioFrame | None, at: Opening) -> bool:
    """Whether the next frame goes on from ``place``, and not from where the time stamp puts this one."""
    after = None if following is None else _place(following, at)
    return after is not None and abs(after - frame.samples - place) < abs(after - frame.samples - stamped)


def _frames(
    path: str,
    container: InputContainer,
    stream: AudioStream,
    *,
    wanted: tuple[float, float],
    lost: list[Lost] | None = None,
) -> Iterator[AudioFrame]:
    """Decoded frames. Damage before and after the time stamps ``wanted`` is passed over."""
    for packet, time in _packets(path, container, stream, lost):
        try:
            for frame in packet.decode():
                if not frame.format.is_planar or frame.layout.nb_channels <= MOST_PLANES:
                    yield frame
                    continue
                why = f"it has {frame.layout.nb_channels} channels; at most {MOST_PLANES} of a compressed kind are read"
                if lost is None:
                    raise AudioError(_damaged(path, time, why))
                lost.append(Lost(time or 0.0, _seconds(packet), why))
        except av.error.FFmpegError as error:
            if time is None or wanted[0] <= time <= wanted[1]:
                if lost is None:
                    raise AudioError(_damaged(path, time, str(error.strerror))) from error
                lost.append(Lost(time or 0.0, _seconds(packet), str(error.strerror)))


def _packets(
    path: str, container: InputContainer, stream: AudioStream, lost: list[Lost] | None = None
) -> Iterator[tuple[Packet[AudioStream], float | None]]:
    """Whole packets, and their time stamps in seconds (of one without, that of the one before)."""
    time, tick = None, float(stream.time_base or 0)
    try:
        for packet in container.demux(stream):
            stamp = packet.dts if packet.pts is None else packet.pts
            if stamp is not None and tick:
                time = stamp * tick
            if not packet.is_corrupt:
                yield packet, time
            elif lost is not None:
                lost.append(Lost(time or 0.0, _seconds(packet), "a packet is incomplete"))
        return
    except (av.error.FFmpegError, IndexError) as error:  # IndexError: of PyAV
        cause, why = error, str(getattr(error, "strerror", "a stream begins there that its header does not list"))
    if lost is None:
        raise AudioError(_damaged(path, time, why)) from cause
    lost.append(Lost(time or 0.0, math.inf, why))


def _seconds(packet: Packet[AudioStream]) -> float:
    return float((packet.duration or 0) * (packet.time_base or 0))


def _damaged(path: str, time: float | None, why: str) -> str:
    about = "" if time is None else f" near {time:.3f} s"
    return f"{path}: its sound{about} cannot be decoded ({why}); the file is damaged there: copy or export it again."


def _channels(path: str, frame: AudioFrame, lost: list[Lost] | None) -> np.ndarray:
    """float32 [C, n], whole numbers scaled to -1 … 1."""
    wide = frame.format.name.startswith("s64")  # of which PyAV makes no array
    samples = np.stack([np.frombuffer(bytes(plane), "i8") for plane in frame.planes]) if wide else frame.to_ndarray()
    if not frame.format.is_planar:
        samples = samples.reshape(-1, frame.layout.nb_channels).T
    if samples.dtype.kind in "iu":
        half = float(2 ** (8 * samples.dtype.itemsize - 1))
        samples = (samples.astype(np.float64) - (half if samples.dtype.kind == "u" else 0.0)) / half
    samples = samples.astype(np.float32, copy=False)
    finite = np.isfinite(samples)
    if finite.all():
        return samples
    time, why = frame.time or 0.0, "holds values that are not finite"
    if lost is None:
        raise AudioError(f"{path}: its sound near {time:.3f} s {why}; export it again.")
    lost.append(Lost(time, float((~finite).any(axis=0).sum()) / frame.sample_rate, f"it {why}"))
    return np.where(finite, samples, np.float32(0))
