"""The files that ``sync`` is given, before any of them is opened."""

from __future__ import annotations

import os
from collections.abc import Sequence

from videosync.errors import VideoError
from videosync.timeline.networks import PathLike


def check_files(videos: Sequence[PathLike]) -> tuple[str, ...]:
    """The paths as text. Raises VideoError: fewer than two, a missing one, a folder, the same file twice."""
    listed = [videos] if isinstance(videos, (str, os.PathLike)) else videos  # a name is a sequence too
    paths = tuple(os.fspath(video) for video in listed)
    if len(paths) < 2:
        given = f"only {paths[0]} was given" if paths else "none was given"
        raise VideoError(f"two or more videos of one event are needed, and {given}; name the others too.")
    seen: dict[tuple[int, int], str] = {}
    for path in paths:
        try:
            status = os.stat(path)
        except OSError as error:
            raise VideoError(f"{path}: cannot be read ({error.strerror}); check the path.") from error
        if os.path.isdir(path):
            raise VideoError(f"{path}: is a folder; name the video files in it.")
        key = status.st_dev, status.st_ino
        if key in seen:
            other = "" if seen[key] == path else f" (also as {seen[key]})"
            raise VideoError(f"{path}: was given twice{other}; name each video once.")
        seen[key] = path
    return paths


def find_file(reference: PathLike, paths: Sequence[str]) -> int:
    """The number of the file ``reference``. Raises VideoError: it is none of ``paths``."""
    for number, path in enumerate(paths):
        if os.fspath(reference) == path or (os.path.exists(reference) and os.path.samefile(reference, path)):
            return number
    raise VideoError(f"{os.fspath(reference)}: the reference must be one of the videos: {', '.join(paths)}.")
