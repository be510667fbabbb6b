"""Files with flashes in the picture and clicks in the sound at the same moments, and sound files of all kinds."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.stream import Disposition

from videosync.audio.read import read_sound
from videosync.video.read import probe, read_frames
from videosync.video.sound_track import Sound, SoundTrack
from videosync.video.write import VideoWriter

FLASHES = (9, 61, 113)  # frames


def click(rate: int) -> np.ndarray:
    """10 ms of a 1 kHz wave that dies away, float32 [n]; its beginning is its highest point."""
    times = np.arange(rate // 100) / rate
    return (0.8 * np.cos(2 * np.pi * 1000 * times) * np.exp(-times / 0.002)).astype(np.float32)


def clicks(moments: list[float], seconds: float, rate: int) -> np.ndarray:
    samples = np.zeros(round(seconds * rate), np.float32)
    for moment in moments:
        begin = round(moment * rate)
        samples[begin : begin + rate // 100] = click(rate)
    return samples


def write_flashes(
    path: Path, fps: float | Fraction, rate: int, *, count: int = 130, sound: str = "", **options: Any
) -> None:
    """``count`` dark frames of which FLASHES are white, each with a click."""
    moments = [number / float(fps) for number in FLASHES if number < count]
    track = Sound(clicks(moments, count / float(fps), rate), rate, sound)
    with VideoWriter(path, fps, size=(32, 32), sound=track, **options) as writer:
        for number in range(count):
            writer.write(np.full((32, 32, 3), 255 if number in FLASHES else 0, np.uint8))


def clicks_after_flashes(path: Path, about: float = 0.0) -> list[float]:
    """Seconds from each flash to its click, looked for within 0.1 s of ``about``, by the pictures' time stamps."""
    rate = 48_000
    heard, times = read_sound(path, rate=rate), probe(path).times
    bright = np.flatnonzero(read_frames(path).mean((1, 2, 3)) > 128)
    found = []
    for moment in times[bright] - times[0]:
        first = max(round((moment + about - 0.1) * rate), 0)
        likeness = np.correlate(heard[first : first + rate // 4], click(rate), "valid")
        found.append((first + int(likeness.argmax())) / rate - moment)
    return found


def write_sound(path: Path, sound: Sound, *, cover: bool = False) -> None:
    """A file with sound only, perhaps with a cover picture."""
    with av.open(str(path), "w", format="mp4" if path.suffix == ".m4a" else None) as container:
        track = SoundTrack(path, container, sound)
        picture = container.add_stream("mjpeg", rate=1) if cover else None
        if picture is not None:
            picture.width, picture.height, picture.pix_fmt = 32, 32, "yuvj420p"
            picture.disposition = Disposition.attached_pic
            frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), "rgb24")
            container.mux(picture.encode(frame.reformat(format="yuvj420p")))
        track.write_until(None)
        if picture is not None:
            container.mux(picture.encode(None))


def delayed(source: Path, path: Path, seconds: float, *, after: float = -1.0, until: float = float("inf")) -> None:
    """A copy whose sound has later time stamps, from ``after`` to ``until`` seconds."""
    with av.open(str(source)) as old, av.open(str(path), "w") as new:
        streams = {stream.index: new.add_stream_from_template(stream) for stream in old.streams}
        for packet in old.demux():
            if packet.dts is None or packet.pts is None:
                continue
            if packet.stream.type == "audio" and packet.time_base and after < packet.pts * packet.time_base < until:
                shift = round(seconds / packet.time_base)
                packet.pts += shift
                packet.dts += 0 if until < float("inf") else shift  # which have to rise
            packet.stream = streams[packet.stream.index]
            new.mux(packet)


def damage_sound(path: Path, first: float, last: float) -> None:
    """Overwrite what sounds from ``first`` to ``last`` seconds with what no decoder understands."""
    with av.open(str(path)) as container:
        spans = [
            (p.pos, p.size)
            for p in container.demux(audio=0)
            if p.pts is not None
            and p.time_base is not None
            and first <= p.pts * p.time_base < last
            and p.pos is not None
        ]
    with open(path, "r+b") as file:
        for position, size in spans:
            file.seek(position or 0)
            file.write(b"\xff" * size)
