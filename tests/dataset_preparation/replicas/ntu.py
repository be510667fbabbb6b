"""A small NTU RGB+D archive with NTU-SYN's annotations: AVI files of MPEG-4 part 2, and JSON of skeletons.

Both cameras of a performance record at once: frame ``f`` of either shows the performance's number ``base + f``
(tests/video/numbered.py), so every frame of a clip can be told exactly.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.video.numbered import numbered_frames
from videosync.video.write import write_video


@dataclass(frozen=True)
class Performance:
    """What cameras 001 and 002 have of one event; ``said``: info.num_frame where it is wrong."""

    event: str
    split: str  # folder of NTU-SYN/pose
    frames: tuple[int, int]
    starts: tuple[int, int]
    base: int = 0  # number that raw frame 0 shows
    said: tuple[int | None, int | None] = (None, None)
    b_frames: tuple[int, int] = (0, 0)
    fps: tuple[float, float] = (30.0, 30.0)
    folder: str = "raw_videos"

    @property
    def names(self) -> tuple[str, str]:
        return name_of(self.event, 1), name_of(self.event, 2)

    @property
    def length(self) -> int:
        return min(count - start for count, start in zip(self.frames, self.starts))

    @property
    def offset(self) -> int:
        return self.starts[0] - self.starts[1]

    def numbers(self, camera: int) -> list[int]:
        """What the clip of one camera must show."""
        first = self.base + self.starts[camera]
        return list(range(first, first + self.length))


def name_of(event: str, camera: int) -> str:
    return f"{event[:4]}C{camera:03d}{event[4:]}"


GOOD = (
    Performance("S001P001R001A007", "train", (80, 80), (5, 20), base=10),
    Performance("S001P002R001A001", "train", (90, 74), (12, 0), base=200, b_frames=(0, 2)),
    Performance("S002P003R002A010", "train", (70, 75), (0, 30), base=400, said=(1200, None)),
    Performance("S002P003R002A054", "train", (61, 66), (21, 7), base=330, folder="nturgb+d_rgb"),
    Performance("S001P001R002A007", "test", (77, 79), (3, 3), base=600, b_frames=(2, 1)),
    Performance("S003P004R001A020", "test", (85, 85), (28, 1), base=700, said=(84, 86)),
    Performance("S017P008R001A060", "test", (100, 90), (0, 9), base=900, folder="raw_videos/part_2"),
)
BOTH = Performance("S003P005R001A002", "test", (66, 66), (1, 2), base=500)  # is in train, too
ALONE = "S003P001R001A007"  # of the good ones' cameras 003 this one has no other camera


def make_ntu(root: Path, *, good: Sequence[Performance] = GOOD) -> None:
    """The performances ``good`` and nothing wrong."""
    for performance in good:
        write_both(root, performance)


def add_trouble(root: Path) -> dict[str, str]:
    """What else an archive may hold. Returns event → the kind that the report must count it under."""
    write_both(root, BOTH)
    write_annotation_of(root, BOTH, 0, split="train")
    write_annotation_of(root, BOTH, 1, split="train")
    for event in (GOOD[0].event, GOOD[4].event, ALONE):  # camera 003 takes part in no pair
        write_avi(root / "raw_videos" / f"{name_of(event, 3)}_rgb.avi", numbered_frames(50, 7))
    write_annotation(root, "train", name_of(GOOD[0].event, 3), 4, 50)
    trouble = {BOTH.event: "in both splits"}

    def bad(event: str, kind: str, starts: tuple[int, int] = (0, 0), frames: int = 60, **more: object) -> Performance:
        trouble[event] = kind
        made = Performance(event, "train", (frames, frames), starts, **more)  # type: ignore[arg-type]
        write_both(root, made)
        return made

    truncated = bad("S004P001R001A001", "unreadable")
    data = video_path(root, truncated, 1).read_bytes()
    video_path(root, truncated, 1).write_bytes(data[: len(data) // 2])
    video_path(root, bad("S004P001R001A002", "unreadable"), 0).write_text("not a video")
    video_path(root, bad("S004P001R001A003", "video missing"), 1).unlink()
    annotation_path(root, bad("S004P001R001A004", "annotation missing"), 0).unlink()
    annotation_path(root, bad("S004P001R001A005", "bad annotation"), 0).write_text('{"info": {"num_frame": 60},')
    for number, start in enumerate((-3, 2.5, "7", None, True)):
        wrong = bad(f"S004P002R001A00{number}", "bad annotation")
        write_annotation(root, "train", wrong.names[0], start, 60)
    bad("S004P001R001A006", "begins after the end", starts=(40, 60))
    bad("S004P001R001A007", "begins after the end", starts=(61, 40))
    bad("S004P001R001A008", "too far apart", starts=(40, 5))
    bad("S004P001R001A009", "too short", starts=(35, 33))
    bad("S004P001R001A010", "frame rates differ", fps=(30.0, 25.0))
    return trouble


def write_both(root: Path, performance: Performance) -> None:
    for camera in (0, 1):
        write_video_of(root, performance, camera)
        write_annotation_of(root, performance, camera)


def write_video_of(root: Path, performance: Performance, camera: int) -> None:
    pictures = numbered_frames(performance.frames[camera], performance.base)
    write_avi(video_path(root, performance, camera), pictures, performance.fps[camera], performance.b_frames[camera])


def write_avi(path: Path, pictures: Iterable[np.ndarray], fps: float = 30.0, b_frames: int = 0) -> None:
    write_video(path, pictures, fps, codec="mpeg4", bit_rate=4_000_000, gop=12, b_frames=b_frames)


def video_path(root: Path, performance: Performance, camera: int) -> Path:
    return root / performance.folder / f"{performance.names[camera]}_rgb.avi"


def annotation_path(root: Path, performance: Performance, camera: int) -> Path:
    return annotation(root, performance.split, performance.names[camera])


def annotation(root: Path, split: str, name: str) -> Path:
    """Annotations of even actions lie in a sub-folder."""
    folder = root / "NTU-SYN" / "pose" / split
    return (folder / name[-4:] if int(name[-1]) % 2 == 0 else folder) / f"{name}_rgb.avi.json"


def write_annotation_of(root: Path, performance: Performance, camera: int, split: str = "") -> None:
    said = performance.said[camera] or performance.frames[camera]
    name = performance.names[camera]
    write_annotation(root, split or performance.split, name, performance.starts[camera], said)


def write_annotation(root: Path, split: str, name: str, start: object, num_frame: int) -> None:
    """A JSON file like NTU-SYN's: 17 keypoints of one person in each frame, and the start as ``category_id``."""
    rng = random.Random(name)
    path = annotation(root, split, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    keypoints = [[round(rng.uniform(0, 1920), 2), round(rng.uniform(0, 1080), 2), 0.9] for _ in range(17)]
    content = {
        "info": {
            "video_name": f"{name}_rgb.avi",
            "resolution": [1920, 1080],
            "num_frame": num_frame,
            "num_keypoints": 17,
            "keypoint_channels": ["x", "y", "score"],
            "version": "1.0",
        },
        "annotations": [
            {"frame_index": f, "id": 0, "person_id": None, "keypoints": keypoints} for f in range(min(num_frame, 200))
        ],
        "category_id": start,
    }
    path.write_text(json.dumps(content))
