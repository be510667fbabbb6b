"""Cut recordings to the frames that all of them have in common: encoded anew, so that any frame can be the first.

Frames keep their times (also where these vary), rotation, colour tags, bit depth and chroma; sound is cut at the
sample and keeps its tracks, channels and rate; metadata stay, and timecode moves on by the frames that are cut off.
Where drift is corrected, frames of an even rate are repeated or left out, and sound is resampled.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.video.frame import VideoFrame

from videosync.audio.decode import Opening, opening, pieces
from videosync.edit import lossless
from videosync.edit.cuts import KEPT, Cut, even, plan_cuts
from videosync.edit.premiere import label
from videosync.edit.timed import TimedPictures
from videosync.errors import AudioError, ConfigError, VideoWriteError
from videosync.files import hidden_name, put_in_place, require_free
from videosync.video.color_tags import color_tags, with_known_matrix
from videosync.video.decode import decode_frames
from videosync.video.index import file_version, open_video, video_index, video_stream_or_none
from videosync.video.recorded import recorded
from videosync.video.write import as_rate

CRF = "14"  # hardly told from the source
PRESET = "fast"
BIT_RATE = 128_000  # bits/s of a channel of AAC
FINEST = 1_000_000  # of fractions by which sound is resampled: libswresample takes no finer ones
Progress = Callable[[str, int, int], None]  # path, frames done, frames in all


def trim(
    answer: Mapping[str, Any],
    folder: Path,
    *,
    keep_names: bool = False,
    fast: bool = False,
    correct_drift: bool = False,
    force: bool = False,
    progress: Progress | None = None,
) -> list[Path]:
    """Write the common stretch of all placed files into ``folder``: each file complete, or absent.

    Args:
        answer: what ``Timeline.to_json`` returns. folder, keep_names, correct_drift: as of ``plan_cuts``.
        fast: copy the streams of videos instead of encoding them anew (``edit.lossless``).
        force: replace files that are there already. progress: called with (path, frames done, frames in all).

    Returns:
        The files that were written, in the order of the answer.

    Raises:
        VideoError: as of ``plan_cuts``; a frame or sound that cannot be decoded.
        VideoWriteError: a file is there already, or cannot be written. ConfigError: ``fast`` and ``correct_drift``.
    """
    if fast and correct_drift:
        raise ConfigError("what is copied keeps its own clock; leave out --fast, or --correct-drift")
    endings = lossless.ENDINGS if fast else KEPT
    cuts = plan_cuts(answer, folder, keep_names=keep_names, correct_drift=correct_drift, endings=endings)
    require_free([cut.target for cut in cuts], force=force)
    for cut in cuts:
        _write(cut, progress, fast=fast and len(cut.numbers) > 0)
    return [cut.target for cut in cuts]


def _write(cut: Cut, progress: Progress | None, *, fast: bool) -> None:
    temporary = hidden_name(cut.target)
    try:
        cut.target.parent.mkdir(parents=True, exist_ok=True)
        edits = cut.target.suffix.lower() in (*lossless.ENDINGS, ".m4a")
        options = lossless.MUXER if fast else {"movie_timescale": str(lossless.TICKS)} if edits else {}
        output = av.open(str(temporary), "w", options=options)
        try:
            with open_video(cut.path) as source:
                (_copy if fast else _fill)(cut, source, output, progress)
            output.close()
        except BaseException:
            with suppress(av.error.FFmpegError, OSError):
                output.close()
            raise
        if fast:
            lossless.shorten(temporary, cut.seconds)
        put_in_place(temporary, cut.target)
    except (av.error.FFmpegError, OSError) as error:
        if fast and isinstance(error, ValueError):  # not of the disk
            why = f"{cut.target.suffix} cannot hold its streams ({error.strerror})"
            raise VideoWriteError(lossless.no_copy(cut, why)) from error
        raise VideoWriteError(
            f"{cut.target}: cannot be written ({error.strerror}); check that the folder is writable and the disk not "
            "full."
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def _copy(cut: Cut, source: InputContainer, output: OutputContainer, progress: Progress | None) -> None:
    _keep_metadata(source, output)
    total = len(cut.numbers)
    lossless.copy_streams(cut, source, output, lambda done: progress and progress(cut.path, done, total))


def _keep_metadata(source: InputContainer, output: OutputContainer) -> None:
    output.metadata.update({k: v for k, v in source.metadata.items() if k.lower() not in ("timecode", "encoder")})


def _fill(cut: Cut, source: InputContainer, output: OutputContainer, progress: Progress | None) -> None:
    _keep_metadata(source, output)
    stream = video_stream_or_none(source)
    shape = None if stream is None else stream.sample_aspect_ratio
    pictures = _Pictures(cut, output, shape) if len(cut.numbers) else None
    tracks = []
    for number in range(len(source.streams.audio)):
        with suppress(AudioError):  # a track that cannot be decoded is left out
            tracks.append(_Track(cut, output, number))
    if pictures is None:
        for track in tracks:
            track.write_until(math.inf)
        return
    total = len(cut.numbers)
    for number in range(total):
        time = pictures.write()
        for track in tracks:
            track.write_until(time)
        if progress is not None:
            progress(cut.path, number + 1, total)
    pictures.close()
    for track in tracks:
        track.write_until(math.inf)


class _Pictures:
    """The frames of one file, written with their times."""

    def __init__(self, cut: Cut, output: OutputContainer, shape: Fraction | None) -> None:
        self.cut = cut
        self.index = video_index(cut.path)
        self.frames = decode_frames(self.index, np.unique(cut.numbers).tolist())
        self.number, self.next = next(self.frames)
        codec, pixels = encoding(self.index.codec, self.next)
        rate = as_rate(self.index.fps)
        options = {"crf": CRF, "preset": PRESET} | ({"x265-params": "log-level=error"} if codec == "libx265" else {})
        size = self.next.height, self.next.width
        self.written = TimedPictures(output, codec, rate, size=size, pixels=pixels, options=options)
        stream = self.written.stream
        color_tags(with_known_matrix(self.next)).note_in(stream.codec_context)
        matrix: Any = self.next.side_data.get("DISPLAYMATRIX")
        if matrix is not None:
            stream.set_display_matrix(np.frombuffer(matrix, np.int32).tolist())
        if shape:
            stream.codec_context.sample_aspect_ratio = shape
        known = recorded(cut.path)
        at = known.timecode_seconds(float(rate))
        if at is not None:
            stream.metadata["timecode"] = label(
                round(at * rate) + int(cut.numbers[0]), rate, drop=";" in (known.timecode or "")
            )
        self.done = 0
        self.regular = even(cut.times, float(rate))
        self.rate = rate

    def write(self) -> float:
        """Write the next frame; when it ends, seconds."""
        number = self.done
        if self.cut.numbers[number] != self.number:
            self.number, self.next = next(self.frames)
        time = number / self.rate if self.regular else float(self.cut.times[number])
        self.written.write(self.next, time)
        self.done += 1
        ends = self.done < len(self.cut.times)
        return float(self.cut.times[self.done]) if ends else self.cut.seconds

    def close(self) -> None:
        self.written.close()


def encoding(codec: str, frame: VideoFrame) -> tuple[str, str]:
    """Encoder and pixel format for frames like this one: bit depth and chroma stay where the encoder has them."""
    wanted = frame.format.name.replace("yuvj", "yuv")  # full range is in the colour tags
    deep = any(component.bits > 8 for component in frame.format.components)
    encoder = "libx265" if codec == "hevc" or deep else "libx264"
    known = [str(one.name) for one in av.Codec(encoder, "w").video_formats or []]
    if wanted not in known:
        wanted = "yuv422p10le" if deep else "yuv420p"
    if wanted.startswith(("yuv420", "nv")) and (frame.width % 2 or frame.height % 2):
        wanted = wanted.replace("420", "444")
    return encoder, wanted


class _Track:
    """One sound track of a file, cut at the sample."""

    def __init__(self, cut: Cut, output: OutputContainer, number: int) -> None:
        version = file_version(cut.path)
        self.at: Opening = opening(*version, track=number)
        self.cut, self.output = cut, output
        codec, rate = sound_encoding(cut.target, self.at)
        stream = output.add_stream(codec, rate=rate)
        assert isinstance(stream, AudioStream)
        self.stream, context = stream, stream.codec_context
        self.layout = self.at.layout
        context.layout = self.layout
        if codec == "aac":
            context.bit_rate = BIT_RATE * self.at.channels
        if self.at.language:
            stream.metadata["language"] = self.at.language
        first, self.count = round(cut.begin * self.at.rate), round(cut.seconds * self.at.rate)
        lasts, own = cut.seconds / cut.pace, round(cut.seconds / cut.pace * self.at.rate)  # on the file's own clock
        found = pieces(version[0], self.at, cut.begin, cut.begin + lasts, lost=[], track=number)
        self.blocks = exactly(found, first, own, self.at.channels)
        if cut.pace != 1:
            self.blocks = exactly(stretched(self.blocks, cut.pace, self.layout), 0, self.count, self.at.channels)
        self.done = 0
        self.resampler: AudioResampler | None = None

    def write_until(self, seconds: float) -> None:
        """Encode what sounds up to this time; infinite: all there is, and complete the stream."""
        context = self.stream.codec_context
        if self.resampler is None:
            self.output.start_encoding()
            self.resampler = AudioResampler(
                format=context.format, layout=self.layout, rate=context.rate, frame_size=context.frame_size or None
            )
        while self.done < min(seconds * self.at.rate, self.count):
            block = next(self.blocks)
            frame = AudioFrame.from_ndarray(np.ascontiguousarray(block), format="fltp", layout=self.layout)
            frame.sample_rate, frame.pts, frame.time_base = self.at.rate, self.done, Fraction(1, self.at.rate)
            self._encode(self.resampler.resample(frame))
            self.done += block.shape[1]
        if seconds == math.inf:
            if self.done:
                self._encode(self.resampler.resample(None))
            self.output.mux(self.stream.encode(None))

    def _encode(self, frames: Sequence[AudioFrame]) -> None:
        for frame in frames:
            self.output.mux(self.stream.encode(frame))


def sound_encoding(target: Path, at: Opening) -> tuple[str, int]:
    """Encoder and samples/s of a cut sound track: uncompressed stays so where the container can hold it."""
    ending = target.suffix.lower()
    if ending == ".flac":
        return "flac", at.rate
    if ending == ".wav" or (at.codec.startswith("pcm_") and ending in (".mov", ".mkv")):
        kept = at.codec in ("pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le")
        return at.codec if kept else "pcm_s16le", at.rate
    known = sorted(av.Codec("aac", "w").audio_rates or [])
    return "aac", next((one for one in known if one >= at.rate), known[-1])


def stretched(blocks: Iterator[np.ndarray], pace: float, layout: str) -> Iterator[tuple[int, np.ndarray]]:
    """Samples, resampled (libswresample, band limited) so that what lasted a second lasts ``pace`` seconds.

    Args:
        blocks: float32 [C, n], one after the other. layout: FFmpeg's name of how the channels lie.

    Returns:
        (place of the first sample, float32 [C, n]), one after the other.
    """
    ratio = Fraction(pace).limit_denominator(FINEST)
    usual = math.ceil(1000 / min(ratio.numerator, ratio.denominator))  # rates in the library are whole numbers
    before, after = ratio.denominator * usual, ratio.numerator * usual
    resampler, taken, given = AudioResampler(format="fltp", layout=layout, rate=after), 0, 0
    for block in chain(blocks, [None]):
        frame = None
        if block is not None:
            frame = AudioFrame.from_ndarray(np.ascontiguousarray(block), format="fltp", layout=layout)
            frame.sample_rate, frame.pts, frame.time_base = before, taken, Fraction(1, before)
            taken += block.shape[1]
        for done in resampler.resample(frame):
            yield given, done.to_ndarray()
            given += done.samples


def exactly(
    blocks: Iterator[tuple[int, np.ndarray]], first: int, count: int, channels: int, block: int = 4096
) -> Iterator[np.ndarray]:
    """The samples ``first … first + count - 1``, float32 [C, n] at a time, with zeros where there are none.

    Args:
        blocks: (place of the first sample, float32 [C, n]), by place.
    """
    place, stop = first, first + count
    for at, samples in blocks:
        if samples.shape[0] != channels or at + samples.shape[1] <= place:
            continue
        if at >= stop:
            break
        while place < at:  # a gap
            size = min(block, at - place)
            yield np.zeros((channels, size), np.float32)
            place += size
        kept = samples[:, place - at : stop - at]
        yield kept
        place += kept.shape[1]
    while place < stop:
        size = min(block, stop - place)
        yield np.zeros((channels, size), np.float32)
        place += size
