"""Files as people bring them: stretches of clips coded anew, with what phones, editors and cheap clocks add to them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from videosync.signals.grey import small_size
from videosync.video.read import iter_frames, probe
from videosync.video.write import write_video

TITLE = None  # in place of a frame of the clip
BAR = 0.18  # of the height: a lower third


@dataclass(frozen=True)
class Source:
    """A clip of a dataset. ``start`` and ``seconds`` on its event's clock; frame ``i`` shows ``start + i / fps``."""

    group: str  # set
    event: str
    path: Path
    start: float
    fps: float
    frames: int
    made: bool = False  # synthetic

    @property
    def seconds(self) -> float:
        return self.frames / self.fps


@dataclass(frozen=True)
class Fault:
    """What is wrong with a file. ``kind``: one of ``FAULTS``; others of one ``seed`` look the same in every file."""

    kind: str = ""
    amount: float = 0.0
    seed: int = 0


# kind → what ``amount`` is
FAULTS = {
    "": "nothing",
    "black start": "frames",
    "black tail": "frames",
    "title": "frames that are put before the first",
    "flash": "moment of one bright frame, as a share of the file",
    "graphics": "second from which a lower third is shown for a second",
    "lost": "share of frames that are missing, one to five in a row",
    "drift": "by which the clock is fast, as a share",
    "pause": "seconds that are missing in the middle",
}


@dataclass(frozen=True)
class Take:
    """A file: ``frames`` frames of a clip from ``begin`` seconds on, at ``fps`` frames/s, and how they are coded."""

    source: Source
    begin: float
    frames: int
    fps: float
    size: int  # pixels of the longer side, at most
    crf: int
    gop: int
    b_frames: int = 2
    fault: Fault = Fault()

    @property
    def seconds(self) -> float:
        return self.frames / self.fps

    @property
    def start(self) -> float:
        """When the first picture of the file is taken, on the event's clock (of a title: would have been), seconds."""
        before = self.fault.amount / self.fps if self.fault.kind == "title" else 0.0
        return self.source.start + self.begin - before

    @property
    def stop(self) -> float:
        return self.source.start + self.begin + self.seconds

    @cached_property
    def name(self) -> str:
        """The same for the same content."""
        key = repr((self.source.path.resolve().as_posix(), self.source.path.stat().st_size, *self._rest))
        return hashlib.sha256(key.encode()).hexdigest()[:20] + ".mp4"

    @property
    def _rest(self) -> tuple[object, ...]:
        fault = self.fault
        return (
            self.begin, self.frames, self.fps, self.size, self.crf, self.gop, self.b_frames, fault.kind, fault.amount,
            fault.seed,
        )  # fmt: skip

    def write(self, folder: Path) -> Path:
        """The file in ``folder``, made where it is not there yet. Raises VideoError, VideoWriteError."""
        path = folder / self.name
        if not path.exists():
            coding = {"crf": self.crf, "gop": self.gop, "b_frames": self.b_frames, "preset": "veryfast", "threads": 1}
            write_video(path, self._pictures(), self.fps, **coding)
        return path

    def shown(self) -> list[int | None]:
        """Frames of the clip, one for each of the file; None: a title card."""
        fault, rng = self.fault, np.random.default_rng([self.fault.seed, self.frames])
        moments = np.arange(self.frames) / self.fps
        if fault.kind == "drift":
            moments = moments / (1 + fault.amount)
        elif fault.kind == "lost":
            gone = np.zeros(self.frames, bool)
            while gone.sum() < max(1, round(fault.amount * self.frames)):
                first = int(rng.integers(1, self.frames))
                gone[first : first + int(rng.integers(1, 6))] = True
            moments = moments[~gone]
        elif fault.kind == "pause":
            middle = self.frames // 2
            moments = np.delete(moments, np.s_[middle : middle + round(fault.amount * self.fps)])
        places = np.round((self.begin + moments) * self.source.fps + 1e-6).astype(int)
        before = int(fault.amount) if fault.kind == "title" else 0
        return [TITLE] * before + places.clip(0, self.source.frames - 1).tolist()

    def _pictures(self) -> Iterator[np.ndarray]:
        info, shown = probe(self.source.path), self.shown()
        height, width = small_size(info.height, info.width, self.size)
        size = max(2, height // 2 * 2), max(2, width // 2 * 2)
        wanted = [place for place in shown if place is not None]
        frames = iter_frames(self.source.path, wanted[0], wanted[-1] + 1, size=size)
        place, picture = wanted[0] - 1, np.zeros((*size, 3), np.uint8)
        for number, at in enumerate(shown):
            while at is not None and place < at:
                place, picture = place + 1, next(frames)
            yield painted(picture if at is not None else card(size, self.fault.seed), number, len(shown), self)


def painted(picture: np.ndarray, number: int, frames: int, take: Take) -> np.ndarray:
    """A frame of a file with what its fault paints over it, uint8 [H,W,3]."""
    kind, amount = take.fault.kind, take.fault.amount
    if (kind == "black start" and number < amount) or (kind == "black tail" and number >= frames - amount):
        return np.zeros_like(picture)
    if kind == "flash" and number == round(amount * (frames - 1)):
        return (255 - (255 - picture.astype(int)) // 4).astype(np.uint8)
    if kind == "graphics" and amount <= number / take.fps < amount + 1:
        picture = picture.copy()
        bar = card(picture.shape[:2], take.fault.seed)
        top = int((1 - 1.5 * BAR) * len(picture))
        picture[top : top + int(BAR * len(picture))] = bar[top : top + int(BAR * len(picture))]
    return picture


def card(size: tuple[int, int], seed: int) -> np.ndarray:
    """A title card, the same for each seed: blocks of light letters on a dark ground, uint8 [H,W,3]."""
    rng = np.random.default_rng(seed)
    letters = rng.random((9, 16)) < 0.35
    ground, ink = rng.integers(0, 90, 3), rng.integers(150, 256, 3)
    rows, columns = (np.arange(length) * len(axis) // length for length, axis in zip(size, (range(9), range(16))))
    return np.where(letters[rows][:, columns, None], ink, ground).astype(np.uint8)
