"""Write video files with the encoders that come with PyAV. A file is complete or absent."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import OutputContainer
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream

from videosync.errors import VideoWriteError
from videosync.files import hidden_name, put_in_place
from videosync.video.color_tags import ColorTags, color_tags
from videosync.video.encoders import add_stream, check_encoder, open_output, quality
from videosync.video.sound_track import Sound, SoundTrack

# For clips that are read often: two to three times as quick to write and to decode as with the usual settings, for
# a third more bytes. Without mbtree (which reads memory it never wrote) and with threads=1, bytes are reproducible.
CLIP_OPTIONS: dict[str, Any] = {
    "preset": "superfast",
    "options": {"x264-params": "mbtree=0:rc-lookahead=0:scenecut=0:weightp=0:cabac=0"},
}


class VideoWriter:
    """Write one video file frame by frame, at a constant rate; the suffix of its name names the container.

    The file appears under its name when the writer is closed, and only then. A context left by an exception, and
    a writer that was given no frame, leave nothing behind (and an older file as it was). Missing folders are made::

        with VideoWriter("clip.mp4", 29.97, size=(224, 224)) as writer:
            for frame in frames:
                writer.write(frame)

    Args:
        fps: frames/s; a float near 24000/1001, 30000/1001 or 60000/1001 means exactly that.
        size: (height, width) of all frames, pixels.
        crf: constant quality (smaller is better), for encoders that have it, unless ``bit_rate`` is given.
        bit_rate: bits/s.
        gop: largest distance between keyframes, in frames; small values make random access quick.
        b_frames: largest run of B-frames; None leaves it to the encoder.
        keyframes: frame numbers, rising, that become keyframes in addition; read as frames come, so may be endless.
        preset: the encoder's speed preset.
        options: further encoder options, which win over the above.
        threads: encoder threads; 0 for as many as there are cores.
        sound: what is heard, from the first frame on.

    Raises:
        VideoWriteError: a frame or sound of another kind, an (with subsampled colour) odd size, unknown encoder or
            container, a place that cannot be written or is full.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        fps: float | Fraction,
        *,
        size: tuple[int, int],
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
        sound: Sound | None = None,
    ) -> None:
        self.path = Path(path)
        self.rate = as_rate(fps)
        self.size = size
        self.num_frames = 0
        self._codec, self._pixel_format, self._threads = codec, pixel_format, threads
        self._gop, self._b_frames, self._bit_rate = gop, b_frames, bit_rate
        _check_even(self.path, size, pixel_format)
        check_encoder(self.path, codec)
        preset_option = {"preset": preset} if preset else {}
        self._settings = {**quality(codec, crf, bit_rate), **preset_option, **(options or {})}
        self._keyframes = iter(keyframes)
        self._next_keyframe = next(self._keyframes, None)
        self._temporary = hidden_name(self.path)
        self._container: OutputContainer | None = None
        self._stream: VideoStream | None = None
        self._sound = sound
        self._track: SoundTrack | None = None
        self._tags: ColorTags | None = None  # how the first frame's colours are to be read
        self._closed = False

    def write(self, frame: np.ndarray | VideoFrame) -> None:
        """Append a frame: RGB uint8 [H,W,3], or one of the size and pixel format of the file.

        Of a ``VideoFrame``, the first one's colour matrix and range are noted in the file; its time and picture
        type are set anew (in the object itself). It may be given to several writers, one after the other.
        """
        if self._closed:
            raise ValueError(f"{self.path}: the writer is closed; make a new one")
        picture = self._picture(frame)
        with self._failing():
            if self._stream is None or self._container is None:
                self._container, self._stream = self._open(picture)
            picture.pts, picture.duration, picture.time_base = self.num_frames, 1, 1 / self.rate
            picture.pict_type = PictureType.I if self._is_keyframe() else PictureType.NONE
            self._container.mux(self._stream.encode(picture))
            if self._track is not None:
                self._track.write_until((self.num_frames + 1) / self.rate)
        self.num_frames += 1

    def close(self) -> None:
        """Complete the file, and let it appear under its name. Without frames there is none."""
        if self._closed or self._container is None or self._stream is None:
            self._closed = True
            return
        with self._failing():
            self._container.mux(self._stream.encode(None))
            if self._track is not None:
                self._track.write_until(None)
            self._container.close()
            put_in_place(self._temporary, self.path)
        self._closed = True

    def discard(self) -> None:
        """Stop, and leave no file."""
        if not self._closed and self._container is not None:
            # Half a file is thrown away: that it cannot be completed does not matter.
            with suppress(av.error.FFmpegError, OSError):
                self._container.close()
            self._temporary.unlink(missing_ok=True)
        self._closed = True

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, traceback: object) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()

    def _picture(self, frame: np.ndarray | VideoFrame) -> VideoFrame:
        if isinstance(frame, VideoFrame):
            found = frame.format.name
            if found != self._pixel_format:
                raise VideoWriteError(
                    f"{self.path}: frame {self.num_frames} is {found}, the file {self._pixel_format}; "
                    "convert the frame, or write the file in its pixel format."
                )
            self._check_size(frame.height, frame.width)
            tags = color_tags(frame)
            if self._tags is not None and tags != self._tags:
                raise VideoWriteError(
                    f"{self.path}: the colours of frame {self.num_frames} are coded in another way than those of "
                    f"frame 0 (tags {tags} instead of {self._tags}); convert all frames to one."
                )
            return frame
        _check_array(self.path, self.num_frames, frame)
        self._check_size(*frame.shape[:2])
        return VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")

    def _check_size(self, height: int, width: int) -> None:
        if (height, width) != self.size:
            whose = "the first one" if self.num_frames else "the writer is for"
            raise VideoWriteError(
                f"{self.path}: frame {self.num_frames} is {width}x{height}, {whose} "
                f"{self.size[1]}x{self.size[0]}; all frames of a video must have one size."
            )

    def _open(self, first: VideoFrame) -> tuple[OutputContainer, VideoStream]:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise VideoWriteError(
                f"{self.path}: cannot be written ({error.strerror}); choose another folder."
            ) from error
        container = open_output(self.path, self._temporary)
        self._container = container
        stream = add_stream(self.path, container, self._codec, self.rate, self._settings)
        stream.height, stream.width = self.size
        stream.pix_fmt = self._pixel_format
        context = stream.codec_context
        context.thread_count = self._threads
        context.gop_size = self._gop
        if self._b_frames is not None:
            context.max_b_frames = self._b_frames
        if self._bit_rate is not None:
            context.bit_rate = self._bit_rate
        if first.format.name == self._pixel_format:
            self._tags = color_tags(first)
            self._tags.note_in(context)
        if self._sound is not None:
            self._track = SoundTrack(self.path, container, self._sound)
        return container, stream

    def _is_keyframe(self) -> bool:
        while self._next_keyframe is not None and self._next_keyframe < self.num_frames:
            following = next(self._keyframes, None)
            if following is not None and following < self._next_keyframe:
                raise ValueError(f"keyframes must rise, got {following} after {self._next_keyframe}")
            self._next_keyframe = following
        return self._next_keyframe == self.num_frames

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """What fails leaves no file; the encoder's and the system's errors become a sentence."""
        try:
            yield
        except (av.error.FFmpegError, OSError) as error:
            self.discard()
            raise VideoWriteError(
                f"{self.path}: cannot be written with {self._codec} at {self.rate} frames/s ({error.strerror}); check "
                "that the folder is writable, the disk not full, and that the suffix (.mp4, .mkv, .avi, .webm) fits "
                "the encoder."
            ) from error
        except BaseException:
            self.discard()
            raise


def write_video(
    path: str | os.PathLike[str], frames: Iterable[np.ndarray], fps: float | Fraction, **options: Any
) -> None:
    """Encode ``frames`` (uint8 RGB [H,W,3] of one size); ``options`` are the keyword arguments of ``VideoWriter``.

    Raises VideoWriteError: as ``VideoWriter``, and if there are no frames.
    """
    rate = as_rate(fps)
    pictures = iter(frames)
    first = next(pictures, None)
    if first is None:
        raise VideoWriteError(f"{Path(path)}: there are no frames to write; pass at least one.")
    _check_array(Path(path), 0, first)
    height, width = first.shape[:2]
    with VideoWriter(path, rate, size=(height, width), **options) as writer:
        for picture in chain([first], pictures):
            writer.write(picture)


def as_rate(fps: float | Fraction) -> Fraction:
    """A frame rate as a fraction: 29.97 → 30000/1001, 12.5 → 25/2. Raises VideoWriteError unless positive."""
    if not 0 < fps < 1e6:
        raise VideoWriteError(f"a frame rate of {fps} frames/s is not possible; give a positive number.")
    if isinstance(fps, Fraction):
        return fps
    ntsc = Fraction(round(fps * 1.001) * 1000, 1001)
    if ntsc and fps in (float(ntsc), *(round(float(ntsc), digits) for digits in range(2, 6))):
        return ntsc
    if fps < 1:
        return 1 / Fraction(1 / fps).limit_denominator(1001)
    return Fraction(fps).limit_denominator(1001)


def pad_to_even(frame: np.ndarray) -> np.ndarray:
    """Repeat the last row and column of uint8 [H,W,3] where needed, so that height and width are even."""
    height, width = frame.shape[:2]
    if height % 2 == 0 and width % 2 == 0:
        return frame
    return np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")


def _check_array(target: Path, number: int, frame: np.ndarray) -> None:
    if not isinstance(frame, np.ndarray) or frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
        found = f"{frame.dtype} {frame.shape}" if isinstance(frame, np.ndarray) else type(frame).__name__
        raise VideoWriteError(f"{target}: frame {number} is {found}; frames must be uint8 [height, width, 3].")


def _check_even(target: Path, size: tuple[int, int], pixel_format: str) -> None:
    height, width = size
    if pixel_format.startswith("yuv420") and (height % 2 or width % 2):
        raise VideoWriteError(
            f"{target}: frames of {width}x{height} pixels cannot be stored as {pixel_format}, which needs "
            "even sizes; put them through pad_to_even, or choose pixel_format='yuv444p'."
        )
