"""What a dataset consists of: views (video files), samples (simultaneous views) and their manifest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from videosync.errors import ManifestError, did_you_mean

MANIFEST_NAME = "manifest.jsonl"


@dataclass(frozen=True)
class View:
    """One video file of a sample."""

    video: str  # path relative to the manifest
    start_frame: int  # of the file's frame 0, on the event's common timeline, in frames of this view
    num_frames: int  # frames in the file
    fps: float  # frames/s, the file's own exact rate
    frame_labels: str | None = None  # path of its labels, relative to the manifest (data/frame_labels.py)

    @property
    def end_frame(self) -> int:
        """First timeline frame after the file's last one."""
        return self.start_frame + self.num_frames

    @property
    def name(self) -> str:
        """The file's name without folder and ending."""
        return Path(self.video).stem


@dataclass(frozen=True)
class Sample:
    """One line: simultaneous views of one event (or one view alone)."""

    event: str
    split: str
    views: tuple[View, ...]
    label: str | None = None  # its class, where it has one


@dataclass(frozen=True)
class Manifest:
    """A dataset folder and its samples, in the order of the file."""

    root: Path
    samples: tuple[Sample, ...]

    @property
    def splits(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(sample.split for sample in self.samples))

    def of_split(self, split: str) -> tuple[Sample, ...]:
        """The samples of one split.

        Raises:
            ManifestError: there is no such split (the message names those there are and the nearest).
        """
        if split not in self.splits:
            raise ManifestError(
                f"{self.root / MANIFEST_NAME}: no sample has split '{split}'; "
                f"there are {quoted(self.splits)}.{did_you_mean(split, self.splits)}"
            )
        return tuple(sample for sample in self.samples if sample.split == split)

    def path(self, view: View) -> Path:
        """Where a view's file lies."""
        return self.root / view.video


def view_names(views: Sequence[View]) -> tuple[str, ...]:
    """Short names that tell the views of a sample apart in any case: file stems, or paths, or paths with endings."""
    stems = tuple(view.name for view in views)
    paths = tuple(str(Path(view.video).with_suffix("")) for view in views)
    whole = tuple(view.video for view in views)  # left.mp4 and left.mov
    distinct = (names for names in (stems, paths) if len({name.lower() for name in names}) == len(names))
    return next(distinct, whole)


def quoted(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
