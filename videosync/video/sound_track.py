"""The sound track of a video file that is being written, in step with its pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import OutputContainer

from videosync.errors import VideoWriteError
from videosync.video.encoders import check_encoder

ENCODERS = {"webm": "libopus", "avi": "pcm_s16le"}  # by the container's name; AVI keeps MP3 in step to 20 ms only
OTHERWISE = "aac"
BLOCK = 4096  # samples that are handed to the encoder at once
LAYOUTS = {1: "mono", 2: "stereo", 3: "2.1", 4: "quad", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}


@dataclass(frozen=True, eq=False)
class Sound:
    """What is heard from the first picture on.

    Sample 0 sounds when frame 0 is shown. It may be shorter or longer than the pictures, and is written whole.
    """

    samples: np.ndarray  # float [n] or [n, channels], -1 … 1 (what is louder is clipped)
    rate: int  # samples/s; encoders that do not know it are given the next one they know
    codec: str = ""  # "": AAC; Opus in WebM, uncompressed in AVI
    bit_rate: int | None = None  # bits/s; None leaves it to the encoder
    options: Mapping[str, str] = field(default_factory=dict)  # further ones of the encoder


class SoundTrack:
    """The sound stream of ``container``. Raises VideoWriteError for samples or an encoder that cannot be written."""

    def __init__(self, target: Path, container: OutputContainer, sound: Sound) -> None:
        self.samples, self.rate, self.layout = _checked(target, sound)
        codec = sound.codec or ENCODERS.get(container.format.name, OTHERWISE)
        check_encoder(target, codec, "audio")
        rate = _known_rate(codec, sound.rate)
        try:
            stream = container.add_stream(codec, rate=rate, options=dict(sound.options))
        except ValueError as error:
            raise VideoWriteError(
                f"{target}: cannot be written, as {target.suffix} files take no {codec} sound; use .mkv, which takes "
                "any."
            ) from error
        assert isinstance(stream, AudioStream)
        context = stream.codec_context
        context.layout = self.layout
        if sound.bit_rate is not None:
            context.bit_rate = sound.bit_rate
        self.container, self.stream = container, stream
        self.resampler: AudioResampler | None = None
        self.done = 0  # samples that were given to the encoder

    def write_until(self, seconds: Fraction | None) -> None:
        """Encode what sounds up to this time, in whole blocks; None: all there is, and complete the stream."""
        context = self.stream.codec_context
        if self.resampler is None:  # frame_size is known once the container has begun
            self.container.start_encoding()
            size = context.frame_size or BLOCK
            self.resampler = AudioResampler(
                format=context.format, layout=self.layout, rate=context.rate, frame_size=size
            )
        stop = len(self.samples) if seconds is None else min(int(seconds * self.rate), len(self.samples))
        for begin in range(self.done, stop if seconds is None else stop - BLOCK + 1, BLOCK):
            block = self.samples[begin : min(begin + BLOCK, stop)]
            self._encode(self.resampler.resample(self._frame(block, begin)))
            self.done = begin + len(block)
        if seconds is None:
            if self.done:
                self._encode(self.resampler.resample(None))
            self.container.mux(self.stream.encode(None))

    def _encode(self, frames: list[AudioFrame]) -> None:
        for frame in frames:
            self.container.mux(self.stream.encode(frame))

    def _frame(self, block: np.ndarray, begin: int) -> AudioFrame:
        planes = np.ascontiguousarray(block.T, np.float32).clip(-1, 1)  # [channels, n]
        frame = AudioFrame.from_ndarray(planes, format="fltp", layout=self.layout)
        frame.sample_rate, frame.pts, frame.time_base = self.rate, begin, Fraction(1, self.rate)
        return frame


def _checked(target: Path, sound: Sound) -> tuple[np.ndarray, int, str]:
    samples = np.asarray(sound.samples)
    samples = samples[:, None] if samples.ndim == 1 else samples
    if samples.dtype.kind != "f" or samples.ndim != 2 or samples.shape[1] not in LAYOUTS:
        raise VideoWriteError(
            f"{target}: the sound is {samples.dtype} {sound.samples.shape}; it must be float [samples] or "
            f"[samples, channels] with 1 to {max(LAYOUTS)} channels."
        )
    if not np.isfinite(samples).all():
        raise VideoWriteError(f"{target}: the sound holds values that are not finite; give numbers from -1 to 1.")
    if sound.rate < 1:
        raise VideoWriteError(f"{target}: a sound of {sound.rate} samples/s is not possible; give a positive number.")
    return samples, sound.rate, LAYOUTS[samples.shape[1]]


def _known_rate(codec: str, rate: int) -> int:
    """The lowest rate the encoder knows that is no lower than ``rate``, else its highest."""
    known = sorted(av.Codec(codec, "w").audio_rates or [])
    return next((one for one in known if one >= rate), known[-1] if known else rate)
