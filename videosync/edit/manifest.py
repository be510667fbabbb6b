"""An answer as a line of a data set: recordings that were not synchronised become what training takes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from videosync.data.manifest import read_manifest, write_manifest
from videosync.data.samples import MANIFEST_NAME, Sample, View
from videosync.edit.sequence import placed_files, recordings
from videosync.errors import VideoError
from videosync.video.read import probe

SPLIT = "train"


def add_to_manifest(answer: Mapping[str, Any], folder: Path, *, event: str | None = None, split: str = SPLIT) -> Path:
    """Write the videos that an answer places as an event into ``folder/manifest.jsonl``; other events stay.

    Starts go to the nearest frame of each video.

    Args:
        event: its name (default: that of the folder of the first video). One of this name is replaced.

    Returns:
        The path of the manifest.

    Raises:
        VideoError: fewer than two videos are placed, one is a chapter, or cannot be read.
        ManifestError: there is a manifest that cannot be read, or a path that it cannot hold.
        VideoWriteError: it cannot be written.
    """
    placed = [file for file in placed_files(answer) if file["fps"]]
    if len(placed) < 2:
        raise VideoError("fewer than two videos are placed, so there is no event to write")
    if len(recordings(placed)) < len(placed):
        raise VideoError("a recording has chapters, and a data set needs one file for each camera; join them first")
    views = []
    for file in placed:
        info = probe(file["path"])
        where = os.path.relpath(info.path, os.path.abspath(folder)).replace(os.sep, "/")
        views.append(View(where, round(file["start_seconds"] * info.fps), info.num_frames, info.fps))
    name = event or Path(os.path.abspath(placed[0]["path"])).parent.name or "event"
    others = read_manifest(folder).samples if (folder / MANIFEST_NAME).is_file() else ()
    kept = [sample for sample in others if sample.event != name]
    write_manifest(folder, [*kept, Sample(name, split, tuple(views))])
    return folder / MANIFEST_NAME
