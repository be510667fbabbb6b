"""Pictures and sound of files that clips are cut from: read anew for each, or decoded once and kept in a folder."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from videosync.audio.log_mel import SAMPLE_RATE
from videosync.audio.read import SoundInfo, decoder_version, probe_sound, read_sound
from videosync.data.identity import content_hash
from videosync.errors import VideoError
from videosync.files import new_file, read_json
from videosync.foreign import read_npy
from videosync.video.index import file_version, video_index
from videosync.video.read import VideoInfo, iter_frames, iter_frames_at, outside, probe, read_frames_at

FILES_MAPPED = 200  # at once in a process, which may have few files open


class DecodedFiles:
    """Reads files; with a ``folder`` each is decoded once, whole, and kept there for all runs and processes.

    What is kept is known again by path, time and size of its file and by the decoder. Nothing is ever taken out of the
    folder, which may be deleted at any time between runs.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        self._known: dict[tuple[object, ...], Any] = {}
        self._mapped: deque[tuple[object, ...]] = deque()  # of them, in the order they were opened
        self._lock = Lock()  # of these two

    def pictures(self, path: Path) -> VideoInfo:
        """As :func:`videosync.video.read.probe`."""
        if self.folder is None:
            return probe(path)
        facts = self._kept(
            path, "pictures.json", lambda: {**asdict(found := probe(path)), "times": found.times.tolist()}
        )
        return VideoInfo(**{**facts, "times": np.array(facts["times"])})

    def sound_track(self, path: Path) -> SoundInfo:
        """As :func:`videosync.audio.read.probe_sound`."""
        if self.folder is None:
            return probe_sound(path)
        return SoundInfo(**self._kept(path, "sound.json", lambda: asdict(probe_sound(path))))

    def frames(self, path: Path, numbers: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """The frames with these numbers, of ``size`` (height, width), as uint8 [n, H, W, 3]. Raises VideoError."""
        if self.folder is None:
            return read_frames_at(path, numbers, size=size)
        return self._whole(path, size, numbers.max())[numbers]

    def blocks(
        self, path: Path, numbers: np.ndarray, size: tuple[int, int], *, at_once: int, threads: int | None = None
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """:meth:`frames` of rising numbers, ``at_once`` at a time: these numbers, and uint8 [n, H, W, 3] that is read
        before the next is asked for; see :func:`videosync.video.read.iter_frames_at`."""
        parts = [numbers[start : start + at_once] for start in range(0, len(numbers), at_once)]
        if self.folder is not None:
            whole = self._whole(path, size, numbers[-1])
            yield from ((part, whole[part]) for part in parts)
            return
        pictures = iter_frames_at(path, numbers, size=size, threads=threads)
        if at_once == 1:
            yield from ((part, np.ascontiguousarray(picture)[None]) for part, picture in zip(parts, pictures))
            return
        block = np.empty((min(at_once, len(numbers)), *size, 3), np.uint8)
        for part in parts:
            for place, picture in zip(range(len(part)), pictures):
                block[place] = picture
            yield part, block[: len(part)]

    def sound(self, path: Path, start: float = 0.0, seconds: float | None = None) -> np.ndarray:
        """Mono sound at 16 kHz from ``start``, 0 or later, float32 [n]; silence behind the end. Raises AudioError."""
        if self.folder is None:
            return read_sound(path, start, seconds)
        whole = self._kept(path, "sound.npy", lambda: read_sound(path))
        first = round(start * SAMPLE_RATE)
        count = len(whole) - first if seconds is None else round(seconds * SAMPLE_RATE)
        piece = whole[first : first + count]
        return np.pad(piece, (0, count - len(piece)))

    def _whole(self, path: Path, size: tuple[int, int], last: int) -> np.ndarray:
        """All frames, uint8 [T, H, W, 3], mapped from the folder. Raises VideoError: frame ``last`` is not there."""
        height, width = size
        kept: np.ndarray = self._kept(path, f"{height}x{width}.npy", lambda: _Pictures(path, size))
        if last >= len(kept):
            raise VideoError(outside(video_index(path), f"frame {last}"))
        return kept

    def _kept(self, path: Path, name: str, make: Callable[[], Any]) -> Any:
        """An array, not to be written to, or what JSON holds."""
        assert self.folder is not None
        version = file_version(path)
        place = (*version, name)
        with self._lock:
            if place not in self._known:
                key = content_hash([version, decoder_version()])
                self._known[place] = self._read_or_make(self.folder / key[:2] / f"{key}_{name}", make)
                if name.endswith(".npy"):
                    self._mapped.append(place)
                    if len(self._mapped) > FILES_MAPPED:
                        del self._known[self._mapped.popleft()]
            return self._known[place]

    def _read_or_make(self, file: Path, make: Callable[[], Any]) -> Any:
        array = file.suffix == ".npy"
        read: Callable[[Path], Any] = read_npy if array else read_json
        try:
            return read(file)
        except (OSError, ValueError):  # not there, or cut off as the machine went down
            made = make()
        with new_file(file, sync=False) as temporary:
            if isinstance(made, _Pictures):
                made.write(temporary)
            elif array:
                np.save(temporary, made)
            else:
                temporary.write_text(json.dumps(made))
        return read(file)

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.folder,)


class _Pictures:
    """All frames of a file that can be read, in one size; they are not held in memory together."""

    def __init__(self, path: Path, size: tuple[int, int]) -> None:
        self.path = path
        self.size = size

    def write(self, file: Path) -> None:
        count = probe(self.path).num_frames
        shape = (count, *self.size, 3)
        with file.open("wb") as out:  # not mapped: a full disk would end the process (SIGBUS), not raise
            np.lib.format.write_array_header_1_0(out, {"descr": "|u1", "fortran_order": False, "shape": shape})
            for frame in iter_frames(self.path, 0, count, size=self.size):
                out.write(np.ascontiguousarray(frame).data)
