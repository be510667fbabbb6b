"""The archive as people download it: ``<sequence>/hdVideos/hd_00_XX.mp4``, one file a camera."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dataset_preparation.arguments import require_folder
from dataset_preparation.clips.dataset import Dropped
from videosync.data.splits import split_by_hash
from videosync.errors import ManifestError

CAMERAS = ("00", "03", "06", "09", "10", "11", "15", "20", "21", "24", "27", "30")
VIDEO_FOLDER = "hdVideos"
_VIDEO = re.compile(r"hd_00_(\d\d)\.mp4")

# Splits of the known sequences; cameras of one sequence are never in two.
POSE = {
    "train": ("171204_pose1", "171204_pose2", "171204_pose3", "171204_pose4", "171026_pose1", "171026_pose2"),
    "val": ("171204_pose5", "171204_pose6", "171026_pose3"),
}
MULTI_HUMAN = {  # three days of which nothing is in train
    "train": ("160224_mafia1", "160224_mafia2", "160226_mafia1", "160226_mafia2", "160422_mafia1", "160422_mafia2"),
    "val": ("151125_mafia", "160317_meeting1", "160906_pizza1"),
}
KNOWN = {sequence: split for lists in (POSE, MULTI_HUMAN) for split, names in lists.items() for sequence in names}


@dataclass(frozen=True)
class Recording:
    """The files of one sequence; they share one frame index: frame ``i`` of each shows the same instant."""

    name: str
    videos: tuple[tuple[str, str], ...]  # (camera, absolute path), by camera


def find_recordings(data_root: Path, *, cameras: Sequence[str], limit: int) -> tuple[list[Recording], list[Dropped]]:
    """The sequences of a folder with two or more of the cameras, by name, and what is missing.

    Args:
        limit: only the first this many sequences; 0: all.

    Raises:
        ManifestError: there is no sequence, or none with two cameras.
    """
    require_folder(data_root, EXPECTED)
    if data_root.name == VIDEO_FOLDER or (data_root / VIDEO_FOLDER).is_dir():
        inside = data_root.parent.parent if data_root.name == VIDEO_FOLDER else data_root.parent
        raise ManifestError(
            f"--data_root {data_root} is inside one sequence; give the folder of all sequences, {inside}"
        )
    folders = sorted(folder.parent for folder in data_root.glob(f"*/{VIDEO_FOLDER}") if folder.is_dir())
    if not folders:
        raise ManifestError(f"--data_root {data_root} has no sequence; expected {EXPECTED}")
    found: list[Recording] = []
    dropped: list[Dropped] = []
    for folder in folders[: limit or None]:
        there = cameras_in(folder / VIDEO_FOLDER)
        videos = tuple((camera, str(there[camera].absolute())) for camera in cameras if camera in there)
        missing = [video_name(camera) for camera in cameras if camera not in there]
        if missing:
            why = f"has {len(videos)} of {len(cameras)} cameras; download {' '.join(missing)}"
            dropped.append(Dropped(folder.name, "", "missing files", why))
        if len(videos) < 2:
            why = f"has {len(videos)} of the {len(cameras)} cameras; a pair needs two"
            dropped.append(Dropped(folder.name, "", "too few cameras", why))
        else:
            found.append(Recording(folder.name, videos))
    if not found:
        raise ManifestError(
            f"--data_root {data_root}: no sequence has two of the cameras {' '.join(cameras)}; "
            f"the first, {folders[0].name}, has {' '.join(cameras_in(folders[0] / VIDEO_FOLDER)) or 'none'}"
        )
    return found, dropped


def cameras_in(folder: Path) -> dict[str, Path]:
    """Camera → file, by camera."""
    matches = {name: _VIDEO.fullmatch(name) for name in sorted(os.listdir(folder))}
    return {match[1]: folder / name for name, match in matches.items() if match}


def video_name(camera: str) -> str:
    return f"hd_00_{camera}"


def choose_splits(recordings: Iterable[Recording], *, val_share: float, seed: int) -> Mapping[str, str]:
    """Sequence → "train" or "val": the committed lists, and a seeded share of the sequences that are in none."""
    names = [recording.name for recording in recordings]
    unknown = split_by_hash((name for name in names if name not in KNOWN), val_share=val_share, seed=seed)
    return {name: KNOWN.get(name) or unknown[name] for name in names}


EXPECTED = f"<sequence>/{VIDEO_FOLDER}/hd_00_XX.mp4 (sequence such as 171204_pose1, XX = camera)"
