"""Small data sets of two classes in the trees of the real ones, seeded: bars that move one way or the other, and a high
or a low tone."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np

from videosync.data.manifest import write_manifest
from videosync.data.samples import Sample, View
from videosync.video.sound_track import Sound
from videosync.video.write import write_video

RATE = 16_000
CLASSES = ("high", "low")


def make_sounds(root: Path, *, folds: int = 3, files: int = 3, seconds: float = 0.6, seed: int = 0) -> None:
    """ESC-50's tree: ``files`` sounds a class and fold, named FOLD-SOURCE-TAKE-CLASS.wav; two takes have one source."""
    (root / "audio").mkdir(parents=True)
    rng, rows = np.random.default_rng(seed), ["filename,fold,target,category"]
    for fold in range(1, folds + 1):
        for target, label in enumerate(CLASSES):
            for number in range(files):
                name = f"{fold}-{1000 * fold + 100 * target + number // 2}-{'AB'[number % 2]}-{target}.wav"
                pitch = (2500 if label == "high" else 300) * rng.uniform(0.9, 1.1)
                write_wave(root / "audio" / name, tone(pitch, seconds, rng))
                rows.append(f"{name},{fold},{target},{label}")
    (root / "meta").mkdir()
    (root / "meta" / "made.csv").write_text("\n".join(rows) + "\n")


def make_videos(root: Path, *, folds: int = 2, events: int = 4, frames: int = 24, fps: float = 24.0) -> None:
    """UCF101's prepared tree: clips once, and fold1, fold2, … with a manifest each, splits train and test."""
    samples = []
    for label in CLASSES:
        for event in range(events):
            rng = np.random.default_rng([event, len(label)])
            name = f"v_{label}_g{event:02d}_c01.mp4"
            pitch = (2500 if label == "high" else 300) * rng.uniform(0.9, 1.1)
            sound = Sound(tone(pitch, frames / fps, rng), RATE)
            options = {"preset": "ultrafast", "threads": 1, "sound": sound}
            write_video(root / "clips" / name, bars(label, frames, rng), fps, **options)
            samples.append((f"{label}_g{event:02d}", label, event, name))
    for fold in range(1, folds + 1):
        lines = [
            Sample(group, "test" if event % folds + 1 == fold else "train",
                   (View(f"../clips/{name}", 0, frames, fps),), label)
            for group, label, event, name in samples
        ]  # fmt: skip
        (root / f"fold{fold}").mkdir()
        write_manifest(root / f"fold{fold}", lines)


def bars(label: str, frames: int, rng: np.random.Generator) -> list[np.ndarray]:
    """A bright bar that goes down or to the right: uint8 ``[32, 48, 3]`` each."""
    pictures = []
    start, noise = int(rng.integers(20)), rng.integers(0, 30, (32, 48, 3))
    for frame in range(frames):
        picture = noise.copy()
        if label == "high":
            picture[(start + frame) % 28 :][:4] = 220
        else:
            picture[:, (start + frame) % 44 :][:, :4] = 220
        pictures.append(picture.astype(np.uint8))
    return pictures


def tone(pitch: float, seconds: float, rng: np.random.Generator) -> np.ndarray:
    time = np.arange(round(seconds * RATE)) / RATE
    return 0.4 * np.sin(2 * np.pi * pitch * time) + rng.normal(0, 0.02, len(time))


def write_wave(path: Path, samples: np.ndarray) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((samples.clip(-1, 1) * 32767).astype("<i2").tobytes())
