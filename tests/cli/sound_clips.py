"""A dataset of small videos with sound: a square that moves, and a tone that rises and falls with it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from videosync.data.manifest import write_manifest
from videosync.data.samples import Sample, View

RATE, SOUND_RATE, SIZE = 12, 16_000, 32


def write_sound_clip(
    path: Path, seed: int, *, seconds: float = 4.0, sound_seconds: float | None = None, late: float = 0.0
) -> int:
    """Writes the file, without sound if ``sound_seconds`` is 0; returns how many frames it has."""
    rng = np.random.default_rng(seed)
    count = round(seconds * RATE)
    speed, pitch = rng.uniform(0.3, 1.5), rng.uniform(200, 2000)
    texture = rng.integers(0, 120, (SIZE, SIZE, 3), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=RATE, options={"preset": "ultrafast"})
        video.width = video.height = SIZE
        video.pix_fmt = "yuv420p"
        sound_seconds = seconds if sound_seconds is None else sound_seconds
        audio = container.add_stream("aac", rate=SOUND_RATE, layout="mono") if sound_seconds else None
        for number in range(count):
            picture = texture.copy()
            place = round((SIZE - 8) * (0.5 + 0.5 * np.sin(2 * np.pi * speed * number / RATE)))
            picture[place : place + 8, 10:18] = 255
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(video.encode())
        if audio is not None:
            time = np.arange(round(sound_seconds * SOUND_RATE)) / SOUND_RATE
            wave = np.sin(2 * np.pi * pitch * time) * np.sin(2 * np.pi * speed * time) + rng.normal(0, 0.02, len(time))
            frame = av.AudioFrame.from_ndarray((0.3 * wave).astype(np.float32)[None], format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = SOUND_RATE, 0, Fraction(1, SOUND_RATE)
            fifo = av.AudioFifo()
            fifo.write(frame)
            while (block := fifo.read(1024, partial=True)) is not None:
                block.pts += round(late * SOUND_RATE)
                container.mux(audio.encode(block))
            container.mux(audio.encode())
    return count


def write_sound_clips(folder: Path, count: int, *, seconds: float = 4.0) -> list[Sample]:
    """``count`` events of one view in the train split, and their manifest."""
    samples = []
    for number in range(count):
        frames = write_sound_clip(folder / f"event{number}.mp4", number, seconds=seconds)
        samples.append(Sample(f"event{number}", "train", (View(f"event{number}.mp4", 0, frames, float(RATE)),)))
    write_manifest(folder, samples)
    return samples
