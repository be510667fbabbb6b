"""A small Pouring archive: the three TFRecord files, as another library writes them, of JPEG files and phases.

Every frame carries its number (tests/video/numbered.py): frame ``i`` of each view of event number ``e`` shows
``first + i`` with a ``first`` of its own for each event, so a clip's frames can be compared exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image
from tfrecord.writer import TFRecordWriter

from tests.video.numbered import numbered_frame

PHASES = 5
TRAIN0, TRAIN1, VAL = ("pouring_train-0-of-2.tfrecord", "pouring_train-1-of-2.tfrecord", "pouring_val-0-of-1.tfrecord")
# (file, event, view, frames). Views of one event lie in different files, have different lengths, or no partner.
VIEWS = (
    (TRAIN0, "creamsoda_to_clear5_real", 0, 84),
    (TRAIN0, "creamsoda_to_clear5_real", 1, 84),
    (TRAIN0, "milk_to_black3_real", 0, 90),
    (TRAIN0, "water_to_yellow1_real", 1, 40),
    (TRAIN1, "milk_to_black3_real", 1, 77),
    (TRAIN1, "sprite_to_clear2_real", 0, 81),
    (TRAIN1, "sprite_to_clear2_real", 1, 81),
    (VAL, "orangejuice_to_clear1_real", 1, 72),
    (VAL, "orangejuice_to_clear1_real", 0, 75),
    (VAL, "coke_to_glass4_fake", 0, 95),
    (VAL, "coke_to_glass4_fake", 1, 95),
)
DAMAGED = "sprite_to_clear2_real_view_1"  # one byte of its data is another


@dataclass
class Truth:
    """What the archive holds, by name (``<event>_view_<number>``); the damaged record is left out."""

    numbers: dict[str, list[int]] = field(default_factory=dict)  # what each frame shows
    labels: dict[str, list[int]] = field(default_factory=dict)
    split: dict[str, str] = field(default_factory=dict)


def make_pouring(root: Path) -> Truth:
    """Write the archive into ``root``."""
    truth = Truth()
    events = list(dict.fromkeys(event for _, event, _, _ in VIEWS))
    for file in (TRAIN0, TRAIN1, VAL):
        writer = TFRecordWriter(str(root / file))
        for _, event, view, count in (entry for entry in VIEWS if entry[0] == file):
            name, first = f"{event}_view_{view}", 150 * events.index(event)
            numbers, labels = list(range(first, first + count)), phases(count, seed=events.index(event))
            start = writer.file.tell()
            images = [jpeg(tinted(numbered_frame(number), view)) for number in numbers]
            writer.write(*example(name, images, labels))
            if name == DAMAGED:
                middle = (start + writer.file.tell()) // 2
                writer.file.flush()
                flip_byte(root / file, middle)
            else:
                truth.numbers[name], truth.labels[name] = numbers, labels
                truth.split[name] = "val" if file == VAL else "train"
        writer.close()
    return truth


def example(name: str, images: Sequence[bytes], labels: Sequence[int], length: int | None = None):
    """Context and feature lists as the archive has them, for ``TFRecordWriter.write``."""
    context = {
        "name": (name.encode(), "byte"),
        "len": (len(images) if length is None else length, "int"),
        "label": (-1, "int"),
    }
    return context, {"video": (list(images), "byte"), "frame_labels": (list(labels), "int")}


def write_records(path: Path, *records) -> None:
    """``records``: (name, frames) or (context, features)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = TFRecordWriter(str(path))
    for first, second in records:
        if isinstance(first, str):
            first, second = example(first, [jpeg(numbered_frame(i)) for i in range(second)], [0] * second)
        writer.write(first, second)
    writer.close()


def phases(count: int, *, seed: int) -> list[int]:
    """Five phases in their order, of different lengths."""
    bounds = np.sort(np.random.default_rng(seed).choice(np.arange(5, count), PHASES - 1, replace=False))
    return np.searchsorted(bounds, np.arange(count), side="right").tolist()


def tinted(frame: np.ndarray, view: int) -> np.ndarray:
    """The frame as this view sees it: view 1 sees everything yellowish. The number can still be read."""
    return frame if view == 0 else (frame * np.array([1.0, 0.9, 0.5])).astype(np.uint8)


def jpeg(frame: np.ndarray, *, quality: int = 92, subsampling: str = "4:2:0") -> bytes:
    """uint8 [H,W,3] or [H,W] as a JPEG file."""
    file = BytesIO()
    Image.fromarray(frame).save(file, "JPEG", quality=quality, subsampling=subsampling)
    return file.getvalue()


def flip_byte(path: Path, offset: int) -> None:
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 0xFF]))
