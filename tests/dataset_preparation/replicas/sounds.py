"""Small trees of labelled sounds as they are released: DCASE 2013 and ESC-10."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np

SCENES = ("bus", "tube", "tubestation")


def write_tone(path: Path, hertz: float, *, seconds: float = 0.1, rate: int = 8000, channels: int = 2) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    tone = np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.repeat(8000 * tone[:, None], channels, axis=1).astype("<i2").tobytes())


def make_dcase(root: Path) -> None:
    """Both sets, with files of the same names; one is in a folder of its own name, once more, as some tools unpack."""
    for folder, hertz in (("scenes_stereo/scenes_stereo", 300), ("scenes_stereo_testset", 500)):
        for number, scene in enumerate(SCENES):
            for take in (1, 2):
                write_tone(root / folder / f"{scene}{take:02d}.wav", hertz + 50 * number + take)


def make_esc10(root: Path) -> None:
    for folder in ("001 - Dog bark", "002 - Rain"):
        for fold in (1, 2):
            for take in "AB":
                write_tone(root / folder / f"{fold}-10{folder[2]}-{take}.wav", 200 + 100 * fold)
    (root / "README.txt").write_text("about\n")
