"""Small videos and sounds of many containers and codecs, made by PyAV itself."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

FRAMES, FPS, RATE = 24, 25, 16000
WIDTH, HEIGHT = 128, 96  # H.263 knows few sizes
# name → container, codec of the pictures, of the sound; "": none
CONTAINERS = {
    "h264_aac.mp4": ("mp4", "libx264", "aac"),
    "mpeg4_pcm.mov": ("mov", "mpeg4", "pcm_s16le"),
    "prores.mov": ("mov", "prores_ks", ""),
    "h264_opus.mkv": ("matroska", "libx264", "libopus"),
    "ffv1_pcm.mkv": ("matroska", "ffv1", "pcm_s16le"),
    "vp8_opus.webm": ("webm", "libvpx", "libopus"),
    "vp9_opus.webm": ("webm", "libvpx-vp9", "libopus"),
    "mpeg4_mp3.avi": ("avi", "mpeg4", "libmp3lame"),
    "mjpeg_pcm.avi": ("avi", "mjpeg", "pcm_s16le"),
    "h264_aac.ts": ("mpegts", "libx264", "aac"),
    "hevc.m2ts": ("mpegts", "libx265", ""),
    "mpeg2_mp2.mpg": ("mpeg", "mpeg2video", "mp2"),
    "h264_aac.flv": ("flv", "libx264", "aac"),
    "wmv2_wma.wmv": ("asf", "wmv2", "wmav2"),
    "mpeg2.mxf": ("mxf", "mpeg2video", ""),
    "vp8.ogv": ("ogg", "libvpx", "libopus"),
    "h263_aac.3gp": ("3gp", "h263", "aac"),
    "av1.mp4": ("mp4", "libsvtav1", ""),
    "raw.h264": ("h264", "libx264", ""),
    "raw.hevc": ("hevc", "libx265", ""),
    "pcm.wav": ("wav", "", "pcm_s16le"),
    "mp3.mp3": ("mp3", "", "libmp3lame"),
    "flac.flac": ("flac", "", "flac"),
    "aac.m4a": ("ipod", "", "aac"),
    "opus.ogg": ("ogg", "", "libopus"),
    # formats of pictures and samples that are rare
    "alpha_vp9.webm": ("webm", "libvpx-vp9", ""),
    "ten_bit_444.mkv": ("matroska", "libx265", ""),
    "gray16_ffv1.mkv": ("matroska", "ffv1", ""),
    "rgba.apng": ("apng", "apng", ""),
    "palette.gif": ("gif", "gif", ""),
    "wide.wav": ("wav", "", "pcm_s64le"),
}
PIXELS = {  # where the codec does not decide it
    "alpha_vp9.webm": "yuva420p", "ten_bit_444.mkv": "yuv444p10le", "gray16_ffv1.mkv": "gray16le", "rgba.apng": "rgba",
    "palette.gif": "rgb8",
}  # fmt: skip
QUIET = {"libx265": {"x265-params": "log-level=none"}}


def make_media(folder: Path, names: Iterable[str] = CONTAINERS, frames: int = FRAMES) -> dict[str, Path]:
    """Write files of :data:`CONTAINERS`, those that this build of FFmpeg has encoders for; name → file."""
    made = {}
    for name in names:
        container, pictures, sound = CONTAINERS[name]
        if all(codec in av.codecs_available for codec in (pictures, sound) if codec):
            made[name] = folder / name
            _write(made[name], container, pictures, sound, PIXELS.get(name) or _pixel_format(pictures), frames)
    return made


def _write(path: Path, container: str, pictures: str, sound: str, pixels: str, frames: int) -> None:
    rate = 48000 if sound == "libopus" else RATE if sound.startswith("pcm") else 44100
    with av.open(str(path), "w", format=container) as output:
        output.metadata["title"] = "a title to be damaged"
        streams: list[tuple[Any, list[Any]]] = []
        if pictures:
            video = output.add_stream(pictures, rate=FPS, options=QUIET.get(pictures, {}))
            assert isinstance(video, av.VideoStream)
            video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, pixels
            streams.append((video, _frames(video.pix_fmt, frames)))
        if sound:
            audio = output.add_stream(sound, rate=rate)
            assert isinstance(audio, av.AudioStream)
            audio.bit_rate = 64000
            streams.append((audio, _samples(audio, rate, frames)))
        for stream, shown in streams:
            for frame in shown:
                output.mux(stream.encode(frame))
            output.mux(stream.encode(None))


def _pixel_format(codec: str) -> str:
    return {"mjpeg": "yuvj420p", "prores_ks": "yuv422p10le"}.get(codec, "yuv420p")


def _frames(pixel_format: str, count: int) -> list[av.VideoFrame]:
    """A block that moves unevenly."""
    frames = []
    for number in range(count):
        picture = np.full((HEIGHT, WIDTH, 3), 60, np.uint8)
        left = (number * number) % (WIDTH - 24)
        picture[20:60, left : left + 24] = 220
        frame = av.VideoFrame.from_ndarray(picture).reformat(format=pixel_format)
        frame.pts, frame.time_base = number, Fraction(1, FPS)
        frames.append(frame)
    return frames


def _samples(stream: av.AudioStream, rate: int, frames: int) -> list[av.AudioFrame]:
    """Noise in bursts, in frames of 1024 samples."""
    rng, count = np.random.default_rng(0), rate * frames // FPS
    wave = rng.normal(size=count) * (np.arange(count) // (rate // 8) % 2)
    size = stream.codec_context.frame_size or 1024
    resampler = av.AudioResampler(stream.format, stream.layout, rate, frame_size=size)
    frame = av.AudioFrame.from_ndarray((8000 * wave).clip(-32768, 32767).astype(np.int16)[None], "s16", "mono")
    frame.rate = rate
    return [*resampler.resample(frame), *resampler.resample(None)]
