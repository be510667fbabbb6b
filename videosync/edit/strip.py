"""A film strip for a page: what every recording shows at the same moments, and what it would show one second off."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from videosync.edit.frames import nearest
from videosync.edit.sequence import pace
from videosync.edit.telling import telling_moments
from videosync.video.index import VideoIndex
from videosync.video.read import read_frames_at

PICTURE = 160  # pixels, the longer side
QUALITY = 75  # of the JPEGs
OFF = 1.0  # seconds
RATE = 25  # values a second, at most, of a drawing of what moves
STILL, USUAL_MOST = 0.05, 0.99  # the drawing's bottom and top: the changes of so many frames are less


@dataclass(frozen=True, eq=False)
class Copied:
    """A recording, and the small copy that was made of it."""

    file: Mapping[str, Any]  # what the answer says of it
    name: str
    index: VideoIndex
    times: np.ndarray  # float64 [T] seconds from the first frame, of the frames that were copied
    copy: Path
    changes: np.ndarray  # float32 [T], as of ``write_proxy``

    @property
    def clock(self) -> np.ndarray:
        """When its frames are shown on the timeline, float64 [T]."""
        return np.asarray(self.file["start_seconds"] + pace(self.file) * self.times)


def moments_of(answer: Mapping[str, Any], copied: Sequence[Copied]) -> tuple[float, ...]:
    """The answer's most telling moments; where it names none, those in which the pictures change most."""
    told = tuple(answer.get("telling_seconds") or ())
    return told or telling_moments([(each.clock, each.changes) for each in copied])


def film_strip(copied: Sequence[Copied], moments: Sequence[float], base: int) -> list[dict[str, Any]]:
    """One row for each recording, and one more, one second off, for all but ``base``; a cell for each moment.

    Returns:
        name, off (whether the row is one second off), cells: frame and source (a JPEG), both None where a recording
        shows nothing then.
    """
    rows = []
    order = [base, *(n for n in range(len(copied)) if n != base)]
    for one in (copied[n] for n in order):
        for off in (0.0, OFF) if one is not copied[base] else (0.0,):
            rows.append({"name": one.name, "off": bool(off), "cells": _cells(one, np.asarray(moments) + off)})
    return rows


def _cells(one: Copied, moments: np.ndarray) -> list[dict[str, Any]]:
    own = (moments - one.file["start_seconds"]) / pace(one.file)
    inside = (own >= 0) & (own < one.times[-1] + 1 / one.index.fps)
    frames = nearest(one.times, own)
    pictures = iter(read_frames_at(one.copy, frames[inside]) if inside.any() else ())
    return [
        {"frame": int(frame), "source": _jpeg(next(pictures))} if there else {"frame": None, "source": None}
        for frame, there in zip(frames, inside)
    ]


def _jpeg(picture: np.ndarray) -> str:
    scale = min(1.0, PICTURE / max(picture.shape[:2]))
    size = max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale))
    small = cv2.cvtColor(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2BGR)
    done, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    assert done
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode("ascii")


def drawn_changes(one: Copied) -> dict[str, Any]:
    """How much changes in a recording, for a drawing: rate (values a second), levels (bytes in base 64, root of it)."""
    rate = min(RATE, one.index.fps)
    places = (one.times * rate + 1e-6).astype(np.int64)
    levels = np.zeros(int(places[-1]) + 1, np.float32)
    np.maximum.at(levels, places, np.sqrt(one.changes))
    levels = np.maximum(levels - np.quantile(levels, STILL), 0)  # noise
    top = float(np.quantile(levels, USUAL_MOST)) or float(levels.max()) or 1.0
    scaled = np.clip(levels / top * 255, 0, 255).astype(np.uint8)
    return {"rate": rate, "levels": base64.b64encode(scaled.tobytes()).decode("ascii")}
