"""Where an archive lies that no folder was named for: where the download scripts and the documents put it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from videosync.errors import VideoSyncError

PLACES = ("datasets", "~/datasets", "/data", "/data/ssd")  # of archives (in raw/) and of datasets


@dataclass(frozen=True)
class KnownArchive:
    """One that a script prepares, and the dataset that it becomes; folders inside a place."""

    raw: str  # "raw/cmu_pose"
    dataset: str  # "cmu_pose"
    marks: tuple[str, ...]  # patterns; something in the folder fits one of them

    def found(self) -> tuple[Path, Path] | None:
        """Folders of the archive and of its dataset, in the first place that has it."""
        for place in (Path(place).expanduser() for place in PLACES):
            root = place / self.raw
            if any(next(root.glob(mark), None) for mark in self.marks):
                return root, place / self.dataset
        return None


def usual_folders(archives: Sequence[KnownArchive]) -> list[tuple[Path, Path]]:
    """(archive, dataset) of each that is there. VideoSyncError: none is."""
    found = [folders for archive in archives if (folders := archive.found())]
    if found:
        return found
    raws = " or ".join(archive.raw for archive in archives)
    marks = " or ".join(dict.fromkeys(mark for archive in archives for mark in archive.marks))
    raise VideoSyncError(
        f"no --data_root is given, and there is no {raws} that holds {marks} in any of {', '.join(PLACES)}; give the "
        "folder of the archive (docs/datasets/README.md says where it comes from)"
    )
