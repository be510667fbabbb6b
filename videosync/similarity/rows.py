"""Which rows of a similarity set that is being made are written, so that a job that was killed can go on."""

from __future__ import annotations

import os
import zlib
from pathlib import Path

from videosync.files import new_file


class WrittenRows:
    """One rank's notes beside the unfinished matrices: a line for each row, after the row itself.

    Args:
        partial: the unfinished matrices. identity: of what they are made from, one line.
        rank: notes of different ranks lie in different files.
    """

    def __init__(self, partial: Path, identity: str, rank: int) -> None:
        path = _notes(partial, str(rank))
        new = not path.exists()
        self._file = open(path, "a", encoding="ascii")  # noqa: SIM115
        if new:
            self._say(identity)

    def note(self, row: int, checksum: int) -> None:
        self._say(f"{row} {checksum}")

    def close(self) -> None:
        self._file.close()

    def _say(self, line: str) -> None:
        self._file.write(f"{line}\n")
        self._file.flush()


def take_over(partial: Path, identity: str, start: int, rows: int, row_bytes: int) -> dict[int, int]:
    """Row → CRC-32 of the rows that ranks of a killed job wrote whole, now noted as rank 0's.

    ``start``: bytes before the first of ``rows`` rows. None are taken of matrices made from something else.
    """
    noted: dict[int, int] = {}
    for path in partial.parent.glob(_notes(partial, "*").name):
        lines = path.read_text(encoding="ascii", errors="replace").splitlines()
        if lines[:1] == [identity]:
            words = (line.split() for line in lines[1:])
            noted |= {int(found[0]): int(found[1]) for found in words if len(found) == 2 and "".join(found).isdecimal()}
    done: dict[int, int] = {}
    file = os.open(partial, os.O_RDONLY)
    try:
        for row, checksum in sorted(noted.items()):  # a row may have been cut off, and so may its note
            if row < rows and zlib.crc32(os.pread(file, row_bytes, start + row * row_bytes)) == checksum:
                done[row] = checksum
    finally:
        os.close(file)
    with new_file(_notes(partial, "0")) as temporary:
        temporary.write_text("".join(f"{line}\n" for line in (identity, *(f"{n} {done[n]}" for n in done))))
    forget(partial, keep="0")
    return done


def forget(partial: Path, keep: str = "") -> None:
    """Remove the notes of all ranks but ``keep``."""
    for path in partial.parent.glob(_notes(partial, "*").name):
        if path != _notes(partial, keep):
            path.unlink(missing_ok=True)


def _notes(partial: Path, rank: str) -> Path:
    return partial.with_name(f"{partial.name}.rows{rank}")
