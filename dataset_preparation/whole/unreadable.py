"""``unreadable.txt``: files that are not decoded (again), a line each, to be read and changed by people.

::

    train/abc_000001_000011.mp4<TAB>truncated: the file is cut off …<TAB>48211<TAB>2021-09-13T10:22:01Z

Size (bytes) and time (of the last change) are those of the file when it was decoded: once they differ, the line no
longer holds. A line without them was written by hand and always holds; it may name a file without its folder.
Lines that begin with ``#`` are comments.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from videosync.errors import ManifestError
from videosync.files import read_text, write_text

UNREADABLE_NAME = "unreadable.txt"
NO_ACCESS = "no access"  # the kind of a file that could not be opened: what it holds is not known
BY_HAND = "excluded"  # the kind of a line that no decoding wrote
_HEADER = (
    "# Files that could not be decoded: path, why, size in bytes, time of last change (tabs between). Delete a line",
    "# to have its file decoded again; add a line with a path (and a reason behind a tab) to leave a file out.",
)


@dataclass(frozen=True)
class Entry:
    """Why a file is left out."""

    kind: str  # one or two words
    why: str
    size: int | None = None  # bytes
    changed: str = ""  # UTC, as :func:`changed_at` writes it

    def holds(self, path: Path) -> bool:
        """Whether the file is still the one that was decoded, or still out of reach."""
        if self.size is None:
            return True
        if self.kind == NO_ACCESS:
            return not os.access(path, os.R_OK)
        try:
            status = os.stat(path)
        except OSError:
            return True  # nothing new to decode
        return (self.size, self.changed) == (status.st_size, changed_at(status.st_mtime))


def changed_at(mtime: float) -> str:
    """Seconds since 1970 → ``2021-09-13T10:22:01Z``."""
    return datetime.fromtimestamp(int(mtime), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class UnreadableList:
    """Path (relative to the archive's folder, or a bare file name) → :class:`Entry`."""

    def __init__(self, entries: Mapping[str, Entry] | None = None, comments: Iterable[str] = ()) -> None:
        self.entries = dict(entries or {})
        self.comments = tuple(comments)

    def find(self, path: str) -> Entry | None:
        return self.entries.get(path) or self.entries.get(PurePosixPath(path).name)

    def for_any_copy(self) -> UnreadableList:
        """The same files, whatever their size and time are here: for a list made from another copy."""
        entries = {path: replace(entry, size=None, changed="") for path, entry in self.entries.items()}
        return UnreadableList(entries)

    def write(self, file: Path) -> None:
        """Complete or not at all; sorted, so that the same entries are the same bytes."""
        lines = [*_HEADER, *self.comments]
        for path, entry in sorted(self.entries.items()):
            reason = entry.why if entry.kind == BY_HAND else f"{entry.kind}: {entry.why}"
            stamp = [] if entry.size is None else [str(entry.size), entry.changed]
            lines.append("\t".join([path, reason, *stamp]).rstrip("\t"))
        write_text(file, "\n".join(lines) + "\n")


def read_unreadable(file: Path) -> UnreadableList:
    """The list in a file; empty where there is no such file.

    Raises:
        ManifestError: a line has something else than a size behind its reason, or the file is no text.
    """
    entries: dict[str, Entry] = {}
    comments = []
    if not file.is_file():
        return UnreadableList()
    try:
        lines = read_text(file).splitlines()
    except ValueError as error:
        raise ManifestError(f"{file}: {error}, with a path on each line") from error
    for number, line in enumerate(lines, start=1):
        if line.startswith("#"):
            if line not in _HEADER:
                comments.append(line)
            continue
        if not line.strip():
            continue
        path, reason, size, changed = (*(part.strip() for part in line.split("\t", 3)), "", "", "")[:4]
        if size and not size.isdecimal():
            raise ManifestError(
                f"{file}:{number}: '{size}' is no size in bytes; a line is path, reason, size, time, separated by "
                "tabs, or path and reason alone"
            )
        kind, colon, why = reason.partition(": ")
        if not size:
            entries[path] = Entry(BY_HAND, reason)
        else:
            entries[path] = Entry(kind if colon else "damaged", why if colon else reason, int(size), changed)
    return UnreadableList(entries, comments)
