"""What lies in a Kinetics-400 folder: videos, annotation rows, replacements. No video is opened here.

A file is named ``<youtube_id>_<start>_<end>.mp4``, seconds with six digits each; ids may hold ``-`` and ``_``. Files
lie in ``train/`` and ``val/``, or in a folder for each class inside of them.
"""

from __future__ import annotations

import csv
import io
import re
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from dataset_preparation.arguments import require_folder
from dataset_preparation.clips.dataset import Dropped
from dataset_preparation.whole.video import VIDEO_SUFFIXES, clip_path, video_files
from videosync.data.manifest_lines import is_text
from videosync.data.samples import MANIFEST_NAME
from videosync.errors import ManifestError
from videosync.files import read_text

if TYPE_CHECKING:
    from _csv import Reader as CsvReader

SPLITS = ("train", "val")
REPLACEMENTS = "replacement_for_corrupted_k400"  # the folder inside the archive of that name
CSV_NAMES = {"train": ("train.csv",), "val": ("val.csv", "validate.csv")}
CSV_COLUMNS = ("label", "youtube_id", "time_start", "time_end")
_NAME = re.compile(r"(.+)_\d{6}_\d{6}")


@dataclass(frozen=True, slots=True)
class Video:
    """A file that may become a clip."""

    split: str
    path: str  # relative to the archive's folder, with /
    label: str  # its class; "" where nothing says it

    @property
    def name(self) -> str:
        return PurePosixPath(self.path).stem

    @property
    def youtube_id(self) -> str:
        return youtube_id(self.name)

    @property
    def event(self) -> str:
        return self.youtube_id

    @property
    def clip(self) -> str:
        return clip_path(self.split, self.name)


@dataclass(frozen=True)
class Archive:
    """The files of one archive folder, in an order that does not depend on how folders are listed."""

    videos: list[Video]  # one of a name, sorted by split and name
    replacements: dict[str, str]  # name → path relative to the folder
    dropped: list[Dropped]
    counts: dict[str, int]


def youtube_id(name: str) -> str:
    """The id in a file's name (without its ending); the whole name where it has no times."""
    match = _NAME.fullmatch(name)
    return match[1] if match else name


def read_archive(root: Path) -> Archive:
    """List the folder. One event is one YouTube video: what val has of it, train must not have.

    Raises:
        ManifestError: no ``train/`` or ``val/`` with videos in it, or an annotation file without its columns.
    """
    _check_layout(root)
    dropped: list[Dropped] = []
    others: Counter[str] = Counter()
    found_replacements = sorted(video_files(root, "replacement", dropped, others))
    replacements = {PurePosixPath(path).stem: path for path in found_replacements}
    found: dict[str, dict[str, str]] = {}
    for split in SPLITS:
        found[split] = {}
        for path in sorted(video_files(root, split, dropped, others)):
            pure = PurePosixPath(path)
            if pure.parent.name == REPLACEMENTS:
                replacements[pure.stem] = path
            elif pure.stem in found[split]:
                why = f"has the name of {found[split][pure.stem]}; delete one of them"
                dropped.append(Dropped(youtube_id(pure.stem), path, "double name", why))
            else:
                found[split][pure.stem] = path
    if not any(found.values()):
        raise ManifestError(_no_videos(root, others))
    counts = {f"files in {split}": len(found[split]) for split in SPLITS}
    rows = {split: read_rows(root, split) for split in SPLITS}
    for split in SPLITS:
        if rows[split]:
            counts[f"files without a row in {split}"] = sum(name not in rows[split] for name in found[split])
        missing = [name for name in rows[split] if name not in found[split]]
        instead = [name for name in missing if name in replacements]
        found[split].update((name, replacements[name]) for name in instead)
        counts[f"rows without a file in {split}"] = len(missing) - len(instead)
    of_val = {youtube_id(name) for name in (*found["val"], *rows["val"])}
    videos = []
    for split in SPLITS:
        for name in sorted(found[split]):
            path = found[split][name]
            if split == "train" and youtube_id(name) in of_val:
                why = "the same YouTube video is in val; a video may be in one split only"
                dropped.append(Dropped(youtube_id(name), path, "in val too", why))
                continue
            label = rows[split].get(name) or _class_of(path)
            videos.append(Video(split, path, sys.intern(label)))
    counts["train ids in val too"] = len({entry.event for entry in dropped if entry.kind == "in val too"})
    counts["other files"] = sum(others.values())
    return Archive(videos, replacements, dropped, counts)


def read_rows(root: Path, split: str) -> dict[str, str]:
    """File name without its ending → class, from the split's annotation file; empty where there is none.

    Raises:
        ManifestError: it is no CSV file, a column is missing, or a time is no number.
    """
    places = [folder / name for folder in (root / "annotations", root) for name in CSV_NAMES[split]]
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        return {}
    try:
        return _rows(csv.reader(io.StringIO(read_text(path), newline="")), path)
    except (ValueError, csv.Error) as error:
        raise ManifestError(f"{path}: is no CSV file in UTF-8 ({error}); download it again") from error


def _rows(reader: CsvReader, path: Path) -> dict[str, str]:
    header = [column.strip() for column in next(reader, [])]
    if lost := [column for column in CSV_COLUMNS if column not in header]:
        raise ManifestError(
            f"{path}: has no column '{lost[0]}' (its first line: {','.join(header)[:80]!r}); expected "
            f"{','.join(CSV_COLUMNS)},split as in the archive's file of that name: download it again"
        )
    label, identity, start, end = (header.index(column) for column in CSV_COLUMNS)
    rows: dict[str, str] = {}
    for row in reader:
        if not row:
            continue
        try:
            times = f"{round(float(row[start])):06d}_{round(float(row[end])):06d}"
            if row[label] and not is_text(row[label]):  # a manifest would not take it
                raise ValueError("no name of a class")
            rows[f"{row[identity]}_{times}"] = sys.intern(row[label])
        except (ValueError, OverflowError, IndexError) as error:
            raise ManifestError(
                f"{path}:{reader.line_num}: expected {','.join(CSV_COLUMNS)} with times in seconds, "
                f"not {','.join(row)[:200]!r}; download the file again"
            ) from error
    return rows


def _class_of(path: str) -> str:
    """The class folder a file lies in, or ""."""
    parts = PurePosixPath(path).parts
    return parts[1] if parts[0] in SPLITS and len(parts) > 2 else ""


def _check_layout(root: Path) -> None:
    require_folder(root, "train/ and val/")
    if (root / MANIFEST_NAME).is_file():
        raise ManifestError(f"--data_root {root} is a prepared dataset, not the archive; give the archive's folder")
    if _has_split(root):
        return
    folders = sorted(path for path in root.iterdir() if path.is_dir())
    inside = [path for path in folders if _has_split(path) and not (path / MANIFEST_NAME).exists()]
    if inside:
        raise ManifestError(f"{root} holds neither train/ nor val/, but {inside[0].name}/ does; give {inside[0]}")
    found = ", ".join(sorted(p.name for p in root.iterdir())[:5]) or "nothing"
    raise ManifestError(
        f"{root} holds neither train/ nor val/ (it holds {found}); give the folder into which the archive was "
        "unpacked, with train/, val/ and annotations/ in it"
    )


def _has_split(folder: Path) -> bool:
    return any((folder / split).is_dir() for split in SPLITS)


def _no_videos(root: Path, others: Counter[str]) -> str:
    packed = sum(others[suffix] for suffix in (".gz", ".tgz", ".tar"))
    remedy = (
        f"{packed} .tar.gz files there are still packed: unpack them first"
        if packed
        else f"expected files like <youtube_id>_000010_000020.mp4 ({', '.join(VIDEO_SUFFIXES)})"
    )
    return f"{root}: train/ and val/ hold no videos; {remedy}"
