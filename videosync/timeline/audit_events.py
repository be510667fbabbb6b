"""The events of a folder that is said to be synchronised: its files, and when each is said to start."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from videosync.data.manifest import read_manifest
from videosync.data.samples import MANIFEST_NAME, view_names
from videosync.errors import VideoError
from videosync.timeline.inputs import media_in


@dataclass(frozen=True)
class AuditEvent:
    """Files of one event (N cameras)."""

    name: str
    cameras: tuple[str, ...]  # the same name in several events: the same camera
    paths: tuple[str, ...]
    claimed: tuple[float, ...]  # when each is said to start, seconds on the event's clock
    whole: bool = True  # each file is a recording by itself, as those of a data set; False: some may be chapters

    def without(self, paths: Collection[str]) -> AuditEvent:
        """The event without these files."""
        kept = [one for one in zip(self.cameras, self.paths, self.claimed) if one[1] not in paths]
        cameras, files, claimed = zip(*kept)
        return replace(self, cameras=cameras, paths=files, claimed=claimed)


def find_events(folder: str | os.PathLike[str], *, limit: int = 0) -> list[AuditEvent]:
    """The events of a data set with a manifest, of a folder of one event, or of a folder of such folders.

    Without a manifest the files of a folder are said to start together.

    Args:
        limit: events at most, evenly spread; 0: all.

    Raises:
        VideoError: there is no such folder, or no event with two files or more.
        ManifestError: the manifest is damaged.
    """
    root = Path(folder)
    if not root.is_dir():
        why = "is no folder" if root.exists() else "there is no such folder"
        raise VideoError(f"{root}: {why}; name one with the files of an event, or with a folder for each event.")
    if (root / MANIFEST_NAME).is_file():
        events, one = _of_manifest(root), "line of its manifest with two views or more"
    else:
        own = media_in(str(root))
        places = [(root.resolve().name, own)] if len(own) > 1 else [
            (place.name, media_in(str(place))) for place in sorted(root.iterdir())
            if place.is_dir() and not place.name.startswith(".")
        ]  # fmt: skip
        events, one = [_of_files(name, paths) for name, paths in places if len(paths) > 1], "folder of two videos"
    if not events:
        raise VideoError(f"{root}: holds no event: no {one}; name the folder of an event, or one of such folders.")
    if 0 < limit < len(events):
        events = [events[number * len(events) // limit] for number in range(limit)]
    return events


def _of_manifest(root: Path) -> list[AuditEvent]:
    manifest = read_manifest(root)
    lines = Counter(sample.event for sample in manifest.samples)
    seen: Counter[str] = Counter()
    events = []
    for sample in manifest.samples:
        seen[sample.event] += 1
        name = sample.event if lines[sample.event] == 1 else f"{sample.event} #{seen[sample.event]}"
        if len(sample.views) > 1:
            paths = tuple(str(manifest.path(view)) for view in sample.views)
            starts = tuple(view.start_frame / view.fps for view in sample.views)
            events.append(AuditEvent(name, view_names(sample.views), paths, starts))
    return events


def _of_files(name: str, paths: list[str]) -> AuditEvent:
    stems = [Path(path).stem for path in paths]
    names = stems if len(set(stems)) == len(stems) else [Path(path).name for path in paths]
    return AuditEvent(name, tuple(names), tuple(paths), (0.0,) * len(paths), whole=False)
