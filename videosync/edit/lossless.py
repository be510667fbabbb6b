"""Cut recordings at any frame without encoding anything: streams are copied from the keyframe before, and an edit list
says which of the frames are shown (ISO/IEC 14496-12, 8.6.6).

Players and editors that heed edit lists show exactly the frames that are kept, bit by bit those of the source. What is
needed to decode the first and the last of them stays hidden in the file.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from videosync.audio.decode import opening
from videosync.edit.cuts import Cut
from videosync.edit.premiere import label
from videosync.errors import AudioError, VideoWriteError
from videosync.video.index import VideoIndex, file_version, video_index, video_stream_or_none
from videosync.video.recorded import recorded
from videosync.video.write import as_rate

ENDINGS = (".mp4", ".mov", ".m4v")  # containers with edit lists
TICKS = (
    48_000  # a second of the movie's clock, in which edit lists are written; the usual 1000 would round them to a ms
)
MUXER = {"avoid_negative_ts": "disabled", "movie_timescale": str(TICKS), "use_editlist": "1"}
UNNAMED = {"1 channels": "mono", "2 channels": "stereo"}  # how FFmpeg calls sound whose channels no one named
PREROLL = 0.5  # seconds of sound before the first picture, which decoders need to be right from its first sample on
BOXES = (b"moov", b"trak", b"edts")  # that hold the boxes that are changed


def copy_streams(cut: Cut, source: InputContainer, output: OutputContainer, progress: Callable[[int], None]) -> None:
    """Copy pictures and sound of ``cut`` into an output that was opened with ``MUXER``; then ``shorten`` the file.

    Args:
        progress: called with the number of frames that are copied.

    Raises:
        VideoWriteError: the source has no usable time stamps, or the output cannot hold its codecs.
    """
    index, stream = video_index(cut.path), video_stream_or_none(source)
    frames = range(int(cut.numbers[0]), int(cut.numbers[-1]) + 1)
    first, stop = _stamps(index, frames, cut)
    assert stream is not None
    assert stream.time_base is not None
    key = index.keys[index.key_before(frames[0])]
    zero, rate = first * stream.time_base, as_rate(index.fps)
    # of the source → of the output, its tick, the source's time that becomes 0
    tracks: dict[int, tuple[VideoStream | AudioStream, Fraction, Fraction]] = {}
    for number, one in enumerate((stream, *source.streams.audio), start=-1):
        try:
            copy = output.add_stream_from_template(one)
        except ValueError as error:
            raise VideoWriteError(no_copy(cut, f"{cut.target.suffix} cannot hold its {one.name}")) from error
        assert isinstance(copy, VideoStream | AudioStream)
        assert one.time_base is not None
        tick, origin = one.time_base, zero
        if isinstance(one, AudioStream):
            with suppress(AudioError):  # a track that cannot be decoded keeps its time stamps
                at = opening(*file_version(cut.path), track=number)
                # ticks of AVI may be 24 ms, and its sound need not be where its time stamps are
                tick, origin = Fraction(1, at.rate), Fraction(at.zero + cut.begin)
        copy.time_base = tick
        if isinstance(copy, VideoStream):
            copy.codec_context.framerate = rate  # by which the timecode counts
        tracks[one.index] = copy, tick, origin
        if isinstance(one, AudioStream) and one.language:
            copy.metadata["language"] = one.language
        if isinstance(copy, AudioStream) and copy.codec_context.layout.name in UNNAMED:  # as in AVI; MP4 has to name it
            copy.codec_context.layout = UNNAMED[copy.codec_context.layout.name]
    known = recorded(cut.path)
    begins = known.timecode_seconds(float(rate))
    if begins is not None:
        tracks[stream.index][0].metadata["timecode"] = label(
            round(begins * rate) + frames[0], rate, drop=";" in (known.timecode or "")
        )
    last = _last_needed(source, stream, key.decoded, stop)
    source.seek(max(key.decoded - round(PREROLL / stream.time_base), index.keys[0].decoded), stream=stream)
    begun, ended, done = False, False, 0
    frame = round(1 / rate / stream.time_base)
    for packet in _with_dts(source.demux([stream, *source.streams.audio]), stream, frame):
        assert packet.dts is not None
        assert packet.pts is not None
        assert packet.time_base is not None
        copy, tick, origin = tracks[packet.stream_index]
        time = packet.pts * packet.time_base - origin
        if packet.stream_index == stream.index:
            begun = begun or packet.pts == key.pts
            if not begun or ended:
                continue
            ended = packet.pts == last
            done += first <= packet.pts < stop
            progress(done)
        elif not -PREROLL <= time < cut.seconds:
            if ended and time > cut.seconds + PREROLL:
                break
            continue
        early = packet.pts - packet.dts
        packet.pts = round(time / tick)
        packet.dts = packet.pts - round(early * packet.time_base / tick)
        packet.duration = round((packet.duration or 0) * packet.time_base / tick)
        packet.time_base, packet.stream = tick, copy
        output.mux(packet)
        if ended and not source.streams.audio:
            break
    if done != len(frames):
        raise VideoWriteError(no_copy(cut, "its packets do not tell its frames"))


def shorten(path: Path, seconds: float) -> None:
    """Let the edit lists of a file end after ``seconds``, in place."""
    duration = round(seconds * TICKS)
    with path.open("r+b") as file:
        for kind, place, size in _boxes(file, 0, path.stat().st_size):
            file.seek(place)
            version = file.read(1)[0]
            if kind == b"elst":
                _shorten_list(file, place, size, version, duration)
            elif kind in (b"mvhd", b"tkhd"):
                after = {b"mvhd": (16, 24), b"tkhd": (20, 28)}[kind][version]
                _write(file, place + after, version, duration)


def _stamps(index: VideoIndex, frames: range, cut: Cut) -> tuple[int, float]:
    """Time stamps of the first frame that is kept, and of the first that is not."""
    pts = index.pts
    if pts is None or index.starts_over or index.clock is not None or (pts[1:] <= pts[:-1]).any():
        raise VideoWriteError(no_copy(cut, "its time stamps are not in order"))
    if index.key_before(frames[0]) < 0:
        raise VideoWriteError(no_copy(cut, "no keyframe comes before its first frame"))
    return int(pts[frames[0]]), int(pts[frames.stop]) if frames.stop < len(pts) else math.inf


def _last_needed(source: InputContainer, stream: VideoStream, key: int, stop: float) -> int | None:
    """Time stamp of the packet that is decoded last of those of frames before ``stop``."""
    source.seek(key, stream=stream)
    last, behind = None, 0
    for packet in source.demux(stream):
        if packet.pts is None:
            continue
        if packet.pts < stop:
            last, behind = packet.pts, 0
        behind += packet.pts >= stop
        if behind > 64:  # more than frames are ever out of order
            break
    return last


def _with_dts(packets: Iterator[Packet], stream: VideoStream, frame: int) -> Iterator[Packet]:
    """Packets that have time stamps; Matroska leaves out when the first pictures are decoded, ``frame`` ticks apart."""
    waiting: list[Packet] = []
    for packet in packets:
        if packet.pts is None or (packet.dts is None and packet.stream_index != stream.index):
            continue
        if packet.dts is None:
            waiting.append(packet)
            continue
        if packet.stream_index == stream.index:
            for number, early in enumerate(waiting):
                early.dts = packet.dts - (len(waiting) - number) * frame
            yield from waiting
            waiting.clear()
        yield packet


def _boxes(file: BinaryIO, start: int, stop: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, place and size of what boxes hold, in ``BOXES`` too."""
    while start + 8 <= stop:
        file.seek(start)
        size, kind = struct.unpack(">I4s", file.read(8))
        head = 8
        if size == 1:
            (size,), head = struct.unpack(">Q", file.read(8)), 16
        if size < head:
            return
        yield kind, start + head, size - head
        if kind in BOXES:
            yield from _boxes(file, start + head, start + size)
        start += size


def _shorten_list(file: BinaryIO, place: int, size: int, version: int, duration: int) -> None:
    """Empty edits, which delay a track, stay; the last entry, which shows it, lasts until ``duration``."""
    width = 20 if version else 12
    entries = [place + 8 + width * number for number in range((size - 8) // width)]
    for entry in entries[:-1]:
        duration -= _read(file, entry, version)
    _write(file, entries[-1], version, max(0, duration))


def _read(file: BinaryIO, place: int, version: int) -> int:
    file.seek(place)
    (value,) = struct.unpack(">Q" if version else ">I", file.read(8 if version else 4))
    return int(value)


def _write(file: BinaryIO, place: int, version: int, value: int) -> None:
    file.seek(place)
    file.write(struct.pack(">Q" if version else ">I", value))


def no_copy(cut: Cut, why: str) -> str:
    return f"{cut.path}: cannot be copied without encoding it: {why}; leave out --fast."
