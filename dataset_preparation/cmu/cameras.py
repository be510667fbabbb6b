"""Which files of a sequence share one frame index, going by what their sketches say.

Frame ``i`` of every file is the same instant, so a file with another frame rate, or one that cannot be read, is left
out. What only makes one doubt (time stamps that skip frames, a length far from the others') is noted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from statistics import median
from typing import Any

from dataset_preparation.clips.dataset import Dropped, dropped_of
from dataset_preparation.cmu.archive import Recording, video_name
from dataset_preparation.cmu.pairs import Camera
from videosync.data.clock import MOST_DRIFT, drift
from videosync.jobs.job import Outcome

FPS = 30000 / 1001  # of the archive
DOUBT = "doubt: "  # how a note begins that a person should look into
LENGTH_TOLERANCE = 0.1  # share of the median number of frames


def usable_cameras(
    recording: Recording, sketches: Mapping[str, Outcome]
) -> tuple[list[Camera], float, list[Dropped], dict[str, list[str]]]:
    """Cameras to cut from, their frame rate, what is left out, and notes by file.

    Args:
        sketches: camera → its sketch.
    """
    event = recording.name
    dropped: list[Dropped] = []
    facts: dict[str, dict[str, Any]] = {}
    for camera, _ in recording.videos:
        dropped += dropped_of(sketches[camera], event, video_name(camera))
        if not sketches[camera].problem:
            facts[camera] = sketches[camera].facts or {}
    fps = common_rate([(fact["fps"], fact["num_frames"]) for fact in facts.values()])
    cameras: list[Camera] = []
    for camera, path in recording.videos:
        if camera not in facts:
            continue
        fact = facts[camera]
        if drift(fact["fps"], fps, fact["num_frames"]) > MOST_DRIFT:
            why = (
                f"{path}: has {fact['fps']:.6g} frames/s, not {fps:.6g} as the others, so that its frame "
                "numbers are no common time; download it again"
            )
            dropped.append(Dropped(event, video_name(camera), "other frame rate", why))
            continue
        bad = tuple((int(first), int(stop)) for first, stop, _ in fact["bad"])
        cameras.append(Camera(camera, path, fact["num_frames"], bad))
    notes = {video_name(camera.name): _notes(camera, cameras, facts[camera.name]) for camera in cameras}
    return cameras, fps, dropped, {name: lines for name, lines in notes.items() if lines}


def common_rate(files: list[tuple[float, int]]) -> float:
    """The archive's rate if any of the files (rate, frames) keeps it to its end, else the commonest (0: no files)."""
    if not files:
        return 0.0
    if any(drift(rate, FPS, num_frames) <= MOST_DRIFT for rate, num_frames in files):
        return FPS
    return Counter(sorted(rate for rate, _ in files)).most_common(1)[0][0]


def _notes(camera: Camera, cameras: list[Camera], fact: Mapping[str, Any]) -> list[str]:
    """What was seen of a video that is used."""
    lines = [
        f"{kind}: about {sum(stop - first for first, stop in spans)} of {camera.num_frames} frames, avoided: "
        + ", ".join(f"{first}–{stop - 1}" for first, stop in spans)
        for kind, spans in _by_kind(fact["bad"]).items()
    ]
    usual = median(other.num_frames for other in cameras)
    if abs(camera.num_frames - usual) > LENGTH_TOLERANCE * usual:
        lines.append(
            f"{DOUBT}has {camera.num_frames} frames where the cameras have {usual:g} (median); used up to where "
            "both cameras of a pair have frames, but look at its pairs"
        )
    if fact["jumps"]:
        lines.append(
            f"{DOUBT}its time stamps skip frames in {fact['jumps']} places, after which its frame numbers may "
            "not be those of the other cameras; look at its pairs"
        )
    return lines


def _by_kind(bad: list[tuple[int, int, str]]) -> dict[str, list[tuple[int, int]]]:
    kinds: dict[str, list[tuple[int, int]]] = {}
    for first, stop, kind in bad:
        kinds.setdefault(kind, []).append((first, stop))
    return dict(sorted(kinds.items()))
