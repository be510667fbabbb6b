"""What lies in a folder of AudioSet's videos, and what its tables of segments say. No video is opened here."""

from __future__ import annotations

import csv
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from dataset_preparation.arguments import require_folder
from dataset_preparation.clips.dataset import Dropped
from dataset_preparation.whole.video import VIDEO_SUFFIXES, clip_path, video_files
from videosync.data.samples import MANIFEST_NAME
from videosync.errors import ManifestError
from videosync.files import read_text

TRAIN, VAL = "train", "val"
TABLES = {"balanced_train_segments.csv": TRAIN, "unbalanced_train_segments.csv": TRAIN, "eval_segments.csv": VAL}
NAMES_TABLE = "class_labels_indices.csv"  # index, mid, display_name
EXPECTED = f"videos with sound named <youtube_id>_<start>… ({', '.join(VIDEO_SUFFIXES)}), in folders of any depth"
# <id>, <id>_<start>, <id>_<start>_<end>, in seconds or milliseconds; some tools write a Y before the id
_TIMES = r"(?:_\d+(?:\.\d+)?){0,2}"
_NAMES = [re.compile(before + r"([\w-]{11})" + _TIMES, re.ASCII) for before in ("", "Y")]
_HELD_OUT = ("eval", "val", "test")  # how the names of folders begin whose videos do not train


@dataclass(frozen=True, slots=True)
class Video:
    """A file that may become a clip."""

    split: str
    path: str  # relative to the archive's folder, with /
    labels: str  # its classes, with "; " between; "" where no table says them

    @property
    def event(self) -> str:
        return youtube_id(PurePosixPath(self.path).stem)

    @property
    def clip(self) -> str:
        return clip_path(self.split, PurePosixPath(self.path).stem)


@dataclass(frozen=True)
class Archive:
    """The files of a folder, in an order that does not depend on how folders are listed."""

    videos: list[Video]
    dropped: list[Dropped]
    counts: dict[str, int]


def youtube_id(name: str) -> str:
    """The id in a file's name (without its ending); the whole name where it is named otherwise."""
    matches = (pattern.fullmatch(name) for pattern in _NAMES)
    return next((match[1] for match in matches if match), name)


def read_archive(root: Path) -> Archive:
    """List the folder. A YouTube video is in one split: what val has of it, train must not have.

    The tables say the splits, where they are there; of other files, the folder: one whose name begins with eval, val or
    test holds out.

    Raises:
        ManifestError: no videos, a prepared dataset, or a table that is none.
    """
    require_folder(root, EXPECTED)
    if (root / MANIFEST_NAME).is_file():
        raise ManifestError(f"--data_root {root} is a prepared dataset; give the folder of the videos")
    dropped: list[Dropped] = []
    others: Counter[str] = Counter()
    paths = sorted(video_files(root, ".", dropped, others, depth=None))
    if not paths:
        raise ManifestError(f"{root} holds no videos ({sum(others.values())} other files); expected {EXPECTED}")
    rows = read_tables(root)
    found = [_video(path, rows) for path in paths]
    held_out = {video.event for video in found if video.split == VAL}
    videos: list[Video] = []
    clips: dict[str, str] = {}
    for video in sorted(found, key=lambda video: (video.split, video.path)):
        if video.split == TRAIN and video.event in held_out:
            why = "the same YouTube video is in val; a video may be in one split only"
            dropped.append(Dropped(video.event, video.path, "in val too", why))
        elif (first := clips.setdefault(video.clip, video.path)) != video.path:
            why = f"has the name of {first}; delete one of them"
            dropped.append(Dropped(video.event, video.path, "double name", why))
        else:
            videos.append(video)
    counts = {f"files in {split}": sum(video.split == split for video in videos) for split in (TRAIN, VAL)}
    if rows:
        counts["files without a row"] = sum(video.event not in rows for video in videos)
        counts["rows without a file"] = len(rows) - len({video.event for video in found} & set(rows))
    counts["other files"] = sum(others.values())
    return Archive(videos, dropped, counts)


def read_tables(root: Path) -> dict[str, tuple[str, str]]:
    """YouTube id → (split, classes), from the released tables that lie in the folder; empty where none does.

    Raises:
        ManifestError: a table is no CSV file in UTF-8, or a line has no four values.
    """
    names = {mid: name for _, mid, name in _lines(root / NAMES_TABLE, 3)}
    rows: dict[str, tuple[str, str]] = {}
    for table, split in TABLES.items():
        for identity, _, _, mids in _lines(root / table, 4):
            labels = "; ".join(names.get(mid, mid) for mid in mids.split(","))
            rows[identity] = (split, sys.intern(labels))
    return rows


def _lines(path: Path, count: int) -> Iterator[list[str]]:
    """The values of the lines of a table that are no comments; nothing where there is no such file."""
    if not path.is_file():
        return
    try:
        lines = read_text(path).splitlines()
    except ValueError as error:
        raise ManifestError(f"{path}: {error}, or download it again") from error
    for number, line in enumerate(lines, start=1):
        if line.strip() and not line.startswith("#"):
            try:
                (values,) = csv.reader([line], skipinitialspace=True)
            except csv.Error as error:
                raise ManifestError(f"{path}:{number}: {error}; download the file again") from error
            if len(values) != count:
                raise ManifestError(f"{path}:{number}: has {len(values)} values, not {count}; download the file again")
            yield values


def _video(path: str, rows: dict[str, tuple[str, str]]) -> Video:
    pure = PurePosixPath(path)
    held_out = any(part.lower().startswith(_HELD_OUT) for part in pure.parent.parts)
    split, labels = rows.get(youtube_id(pure.stem), (VAL if held_out else TRAIN, ""))
    return Video(split, path, labels)
