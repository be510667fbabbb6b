"""What commands write: text for people, and files that are complete, or absent, and destroy nothing."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path

from videosync.cli.common import check_writable
from videosync.errors import ConfigError
from videosync.files import new_file

PICTURES = (".png", ".jpg", ".pdf", ".svg")


def say(text: str) -> None:
    """Print what may hold names, or signs, that standard output has no letters for."""
    if sys.stdout is None:  # closed: "videosync sync … >&-"
        return
    encoding = sys.stdout.encoding or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding))


def check_output(flag: str, path: Path | None, endings: Sequence[str], videos: Sequence[str]) -> None:
    """Asked before minutes of decoding. Raises ConfigError: ``path`` cannot be written, or would destroy something."""
    if path is None:
        return
    check_writable(flag, path.parent)
    if path.is_dir():
        raise ConfigError(f"{flag} {path}: is a folder; name a file in it.")
    if os.path.realpath(path) in map(os.path.realpath, videos):  # Path.resolve raises where links lead back
        raise ConfigError(f"{flag} {path}: is one of the videos, and would be overwritten; name another file.")
    if path.suffix.lower() not in endings and (path.is_file() or flag == "--plot"):
        kinds = ", ".join(endings[:-1]) + " or " * bool(endings[1:]) + endings[-1]
        there = "exists, and would be overwritten; " if path.is_file() else ""
        raise ConfigError(f"{flag} {path}: {there}expected a name that ends in {kinds}.")


def write_output(path: Path, write: Callable[[Path], object]) -> None:
    """A file that is complete or absent; a device or a pipe stays what it is. Raises VideoWriteError."""
    stays = path.exists() and not path.is_file()
    with nullcontext(path) if stays else new_file(path) as building:
        write(building)
