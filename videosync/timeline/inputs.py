"""The files that ``sync`` is given, before any of them is opened."""

from __future__ import annotations

import os
from collections.abc import Sequence

from videosync.errors import VideoError
from videosync.files import MEDIA
from videosync.timeline.networks import PathLike


def check_files(videos: Sequence[PathLike], *, least: int = 2) -> tuple[str, ...]:
    """The paths as text; of a folder the videos and recordings in it, by name.

    Raises VideoError: fewer than ``least``, a missing one, a folder without any, the same file twice.
    """
    listed = [videos] if isinstance(videos, (str, os.PathLike)) else videos  # a name is a sequence too
    paths = tuple(path for video in listed for path in _files_in(os.fspath(video)))
    if len(paths) < least:
        given = f"only {paths[0]} was given" if paths else "none was given"
        raise VideoError(f"two or more videos of one event are needed, and {given}; name the others too.")
    seen: dict[tuple[int, int], str] = {}
    for path in paths:
        try:
            status = os.stat(path)
        except OSError as error:
            raise VideoError(f"{path}: cannot be read ({error.strerror}); check the path.") from error
        key = status.st_dev, status.st_ino
        if key in seen:
            other = "" if seen[key] == path else f" (also as {seen[key]})"
            raise VideoError(f"{path}: was given twice{other}; name each video once.")
        seen[key] = path
    return paths


def _files_in(path: str) -> list[str]:
    """The path of a file, or those of the files in a folder that the suffix shows to be video or sound."""
    if not os.path.isdir(path):
        return [path]
    found = media_in(path)
    if not found:
        raise VideoError(f"{path}: is a folder without videos (.mp4, .mov, .mkv, …); name the files themselves.")
    return found


def media_in(folder: str) -> list[str]:
    """The files in a folder that the suffix shows to be video or sound, by name. Raises VideoError: it is closed."""
    try:
        names = sorted(name for name in os.listdir(folder) if not name.startswith("."))
    except OSError as error:
        raise VideoError(f"{folder}: cannot be read ({error.strerror}); check the path.") from error
    found = [os.path.join(folder, name) for name in names if os.path.splitext(name)[1].lower() in MEDIA]
    return [name for name in found if os.path.isfile(name)]


def find_file(reference: PathLike, paths: Sequence[str], what: str = "the reference") -> int:
    """The number of the file ``reference``. Raises VideoError: it is none of ``paths``; ``what`` it is, for that."""
    for number, path in enumerate(paths):
        if os.fspath(reference) == path or (os.path.exists(reference) and os.path.samefile(reference, path)):
            return number
    raise VideoError(f"{os.fspath(reference)}: {what} must be one of the videos: {', '.join(paths)}.")
