"""Two videos side by side, the second one warped in time onto the first."""

from __future__ import annotations

import math
from collections.abc import Iterator
from os import PathLike
from pathlib import Path

import cv2
import numpy as np
from scipy.spatial.distance import cdist

from videosync.offset.dtw import dtw_paths
from videosync.phases.embed import PhaseVideo
from videosync.video.read import probe, read_frames_at
from videosync.video.write import write_video

LONGEST = 1500  # frames that are warped; of longer videos every second, third, … one
HEIGHT = 240  # of a picture, pixels
STRIP = 40  # height of the captions
BATCH = 64  # frames in memory
FONT, SCALE = cv2.FONT_HERSHEY_SIMPLEX, 0.4  # of the captions; smaller where they would not fit


def warped_frames(query: np.ndarray, key: np.ndarray, distance: str) -> np.ndarray:
    """The frame of ``key`` ``[T1, D]`` that dynamic time warping puts beside each of ``query`` ``[T0, D]``: int64 [T0].

    The middle one where several belong to it. Never goes back. Videos of more than ``LONGEST`` frames are warped with
    fewer, and the frames between are interpolated.
    """
    step = math.ceil(max(len(query), len(key)) / LONGEST)
    cost = cdist(query[::step], key[::step], distance)
    rows, columns, real = (path[0] for path in dtw_paths(cost[None]))
    order = np.lexsort((columns[real], rows[real]))
    rows, columns = rows[real][order], columns[real][order]  # sorted
    first, count = np.unique(rows, return_index=True, return_counts=True)[1:]
    middle = columns[first + (count - 1) // 2] * step
    places = np.arange(0, len(query), step)
    return np.interp(np.arange(len(query)), places, middle).round().astype(np.int64)


def write_aligned_video(path: str | PathLike[str], query: PhaseVideo, key: PhaseVideo, warped: np.ndarray) -> None:
    """The query at the left, at its own speed; at the right, frame ``warped[i]`` of the key beside its frame ``i``.

    Captions say which frames are shown and their phases, in green where both agree and in red where not.

    Raises VideoError: a video cannot be read, or the file cannot be written.
    """
    write_video(path, _pictures(query, key, warped), query.fps)


def _pictures(query: PhaseVideo, key: PhaseVideo, warped: np.ndarray) -> Iterator[np.ndarray]:
    """uint8 ``[STRIP + HEIGHT, W0 + W1, 3]``, one for each frame of the query."""
    sizes = [_size(query.path), _size(key.path)]
    for start in range(0, query.num_frames, BATCH):
        frames = np.arange(start, min(start + BATCH, query.num_frames))
        left = read_frames_at(query.path, frames, size=sizes[0])
        right = read_frames_at(key.path, warped[frames], size=sizes[1])
        for n, frame in enumerate(frames):
            captions = ((query, "query", int(frame)), (key, "aligned", int(warped[frame])))
            phases = [None if v.labels is None else int(v.labels[f]) for v, _, f in captions]
            color = _color(*phases)
            strips = [
                _strip(size[1], f"{role}: {video.name}", _place(video, number, phase), color)
                for (video, role, number), size, phase in zip(captions, sizes, phases)
            ]
            yield np.concatenate([np.concatenate(strips, axis=1), np.concatenate([left[n], right[n]], axis=1)])


def _size(path: Path) -> tuple[int, int]:
    """(HEIGHT, even width) with the video's proportions."""
    info = probe(path)
    return HEIGHT, max(2 * round(info.width * HEIGHT / info.height / 2), 2)


def _place(video: PhaseVideo, frame: int, phase: int | None) -> str:
    said = "" if phase is None or phase < 0 else f", phase {phase}"
    return f"frame {frame}, {frame / video.fps:.2f} s{said}"


def _color(query: int | None, key: int | None) -> tuple[int, int, int]:
    if query is None or key is None or min(query, key) < 0:
        return 235, 235, 235
    return (120, 220, 120) if query == key else (255, 110, 110)


def _strip(width: int, name: str, place: str, color: tuple[int, int, int]) -> np.ndarray:
    """Two lines of text above a picture: uint8 ``[STRIP, width, 3]``."""
    strip = np.zeros((STRIP, width, 3), np.uint8)
    for line, (text, shade) in enumerate(((name, (235, 235, 235)), (place, color))):
        text = text.encode("ascii", "replace").decode()  # what the font has
        length = cv2.getTextSize(text, FONT, SCALE, 1)[0][0]
        scale = SCALE * min(1, (width - 8) / max(length, 1))
        cv2.putText(strip, text, (4, 15 + 18 * line), FONT, scale, shade, 1, cv2.LINE_AA)
    return strip
