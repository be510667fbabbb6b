"""What the Pouring archive holds: three files of records, each record one view of one event."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from dataset_preparation.clips.dataset import Dropped
from dataset_preparation.pouring.record import event_of, record_head
from dataset_preparation.pouring.tfrecord import Place, record_places
from videosync.errors import ManifestError, VideoError

# file → split. The held-out file comes first: where files contradict each other, it is the training file that loses.
FILES = {
    "pouring_val-0-of-1.tfrecord": "val",
    "pouring_train-0-of-2.tfrecord": "train",
    "pouring_train-1-of-2.tfrecord": "train",
}
DOWNLOAD = "sh dataset_preparation/download_pouring_data.sh"


@dataclass(frozen=True)
class Entry:
    """A record that can be used, as far as its head tells."""

    split: str
    name: str
    num_frames: int
    place: Place


def find_entries(data_root: Path, progress: Callable[[int], object]) -> tuple[list[Entry], list[Dropped]]:
    """The records of the archive by name, and what cannot be used.

    Every record is read once for its checksum. Behind a header that is wrong nothing of a file can be found.

    Args:
        progress: called with the number of bytes that were looked through since the last call.

    Raises:
        ManifestError: none of the archive's files is in ``data_root``.
    """
    entries: list[Entry] = []
    dropped: list[Dropped] = []
    if not any((data_root / file).is_file() for file in FILES):
        there = sorted(path.name for path in data_root.glob("*.tfrecord"))
        raise ManifestError(
            f"{data_root}: none of {', '.join(FILES)} is there"
            f"{' (but ' + ', '.join(there) + ')' if there else ''}; get them with: {DOWNLOAD}"
        )
    for file, split in FILES.items():
        if not (data_root / file).is_file():
            why = f"{file} is not in {data_root}; get it with: {DOWNLOAD}"
            dropped.append(Dropped(file, "", "missing file", why))
            continue
        try:
            for place in record_places(data_root / file):
                try:
                    name, num_frames = record_head(place)
                    entries.append(Entry(split, name, num_frames, place))
                except VideoError as error:
                    dropped.append(Dropped(file, f"record {place.number}", "unreadable record", str(error)))
                progress(place.end - place.offset)
        except VideoError as error:
            dropped.append(Dropped(file, "the rest of the file", "unreadable file", str(error)))
    kept, lost = without_conflicts(entries)
    return sorted(kept, key=lambda entry: (entry.split, entry.name)), [*dropped, *lost]


def archive_size(data_root: Path) -> int:
    """Bytes of the archive's files that are there."""
    return sum(os.path.getsize(data_root / file) for file in FILES if (data_root / file).is_file())


def without_conflicts(entries: Iterable[Entry]) -> tuple[list[Entry], list[Dropped]]:
    """Of records with one name the first stays, and an event stays in the split where it was met first."""
    kept: dict[str, Entry] = {}
    splits: dict[str, str] = {}
    dropped = []
    for entry in entries:
        event, _ = event_of(entry.name)
        place, split = entry.place, splits.setdefault(event, entry.split)
        if entry.name in kept:
            why = f"{place}: {entry.name} is also {kept[entry.name].place}, which is used"
            dropped.append(Dropped(event, entry.name, "duplicate name", why))
        elif split != entry.split:
            why = f"{place}: is of split '{entry.split}', but the event is in '{split}' too, where it stays"
            dropped.append(Dropped(event, entry.name, "event in two splits", why))
        else:
            kept[entry.name] = entry
    return list(kept.values()), dropped
