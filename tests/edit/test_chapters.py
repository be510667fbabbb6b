"""Chapters of one recording share a track of a project, one after the other."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import parse

import opentimelineio
import pytest

from videosync.edit.sequence import sequence_of
from videosync.edit.writers import write_project

FIRST = 1.2345  # seconds


def given(folder: Path, fps: float, frames: tuple[int, ...], other: float) -> dict[str, Any]:
    """A recording in chapters of so many frames, in another order, and a whole one."""
    paths = [str(folder / f"GX0{number}0034.MP4") for number in range(1, len(frames) + 1)]
    known = {"placed": True, "confidence": 0.99, "timecode": None}
    files = [
        {
            "path": path, **known, "fps": fps, "duration_seconds": count / fps,
            "start_seconds": FIRST + sum(frames[:number]) / fps,
            "chapter": {"recording": paths[0], "number": number + 1, "of": len(frames), "begin_seconds": 0.0},
        }
        for number, (path, count) in enumerate(zip(paths, frames))
    ]  # fmt: skip
    whole = {
        "path": "b.mp4",
        **known,
        "fps": other,
        "duration_seconds": 400 / other,
        "start_seconds": 0.0,
        "chapter": None,
    }
    return {"schema": 2, "files": [files[1], whole, files[0], *files[2:]]}


@pytest.mark.parametrize(("fps", "other"), [(30.0, 30.0), (30000 / 1001, 25.0), (25.0, 60000 / 1001)])
@pytest.mark.parametrize("kind", ["otio", "premiere", "mlt", "fcpxml"])
def test_chapters_share_a_track(kind: str, fps: float, other: float, tmp_path: Path) -> None:
    answer = given(tmp_path, fps, (101, 83, 57), other)
    endings = {"otio": ".otio", "premiere": ".xml", "mlt": ".mlt", "fcpxml": ".fcpxml"}
    path = tmp_path / f"project{endings[kind]}"
    write_project(answer, kind, path, rate=other)
    rate = float(sequence_of(answer, rate=other).rate)
    if kind in ("otio", "premiere"):
        tracks = opentimelineio.adapters.read_from_file(str(path)).video_tracks()
        found = [[clip.range_in_parent().start_time.to_seconds() for clip in track.find_clips()] for track in tracks]
    elif kind == "mlt":
        found = []
        for playlist in parse(path).getroot().iter("playlist"):
            at, starts = 0, list[float]()
            for item in playlist.iterfind("*"):
                if item.tag == "blank":
                    at += int(item.get("length", ""))
                elif item.tag == "entry":
                    starts.append(at / rate)
                    at += int(item.get("out", "")) + 1
            found.append(starts)
    else:
        angles = parse(path).getroot().iter("mc-angle")
        found = [
            [float(Fraction(clip.get("offset", "")[:-1])) for clip in angle.iter("asset-clip")] for angle in angles
        ]
    expected = [sorted(file["start_seconds"] for file in answer["files"] if file["chapter"]), [0.0]]
    assert [len(track) for track in found] == [3, 1]
    for track, starts in zip(found, expected):
        assert track == pytest.approx(starts, abs=0.501 / rate)
