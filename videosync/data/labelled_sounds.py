"""Sounds with a class and a fold each, in the tree of ESC-50::

    FOLDER/audio/1-100032-A-0.wav, …
    FOLDER/meta/esc50.csv         filename,fold,target,category,…

Any table of ``meta/`` will do that has the columns ``filename`` (relative to ``audio/``), ``fold`` and ``category``.
Further columns, and files that no row names, are not looked at.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from videosync.data.samples import quoted
from videosync.errors import ManifestError
from videosync.files import read_text, shown

AUDIO, META = "audio", "meta"  # folders
MOST_DIGITS = 9  # of the number of a fold
COLUMNS = ("filename", "fold", "category")


@dataclass(frozen=True)
class LabelledSound:
    """One file. Folds are tested in turn, on training with the others."""

    path: Path
    fold: int
    label: str


def read_labelled_sounds(folder: str | Path) -> tuple[LabelledSound, ...]:
    """What the table in ``folder/meta/`` lists, in its order. No file is opened.

    Raises:
        ManifestError: no such folder; no table with the columns, or several; a row without a file, fold or category; a
            file in two rows; fewer than two folds.
    """
    folder = Path(folder)
    rows = _table(folder)
    sounds, seen = [], set()
    for where, (name, fold, label) in rows:
        if not fold.isdecimal() or len(fold) > MOST_DIGITS:
            raise ManifestError(f"{where}: fold is {shown(fold)}, but must be a whole number, 0 or more")
        if not label:
            raise ManifestError(f"{where}: category is empty; give the class of {name}")
        path = folder / AUDIO / name
        if not path.is_file():
            lost = sum(not (folder / AUDIO / row[0]).is_file() for _, row in rows)
            raise ManifestError(
                f"{where}: there is no file {path} (files are missing for {lost} of {len(rows)} rows); copy the "
                f"folder {AUDIO}/ again, or delete the rows"
            )
        if name in seen:
            raise ManifestError(f"{where}: {name} is in an earlier row, too; a file has one fold and one category")
        seen.add(name)
        sounds.append(LabelledSound(path, int(fold), label))
    if len({sound.fold for sound in sounds}) < 2:
        raise ManifestError(
            f"{folder / META}: the table lists {len(sounds)} files of fewer than two folds; nothing to test on"
        )
    return tuple(sounds)


def _table(folder: Path) -> list[tuple[str, list[str]]]:
    """(file and line, values of COLUMNS) of each row of the one table that has the columns."""
    expected = f"a folder with {AUDIO}/ and {META}/*.csv with the columns {quoted(COLUMNS)}, as ESC-50 has them"
    if not (folder / META).is_dir():
        raise ManifestError(
            f"{folder} {'has no ' + META + '/' if folder.is_dir() else 'is no folder'}; expected {expected}"
        )
    tables = {}
    for path in sorted((folder / META).glob("*.csv")):
        if not path.name.startswith("."):
            try:
                tables[path] = list(_rows(path))
            except _OtherTable:
                continue
            except (ValueError, csv.Error) as error:
                raise ManifestError(f"{path}: is no table in UTF-8 ({error}); download it again") from error
    if len(tables) != 1:
        found = f"the tables {quoted(path.name for path in tables)}; keep one of them" if tables else "no such table"
        raise ManifestError(f"{folder / META} has {found}; expected {expected}")
    return tables.popitem()[1]


class _OtherTable(Exception):
    """A CSV file about other things."""


def _rows(path: Path) -> Iterator[tuple[str, list[str]]]:
    reader = csv.reader(io.StringIO(read_text(path), newline=""))
    header = [column.strip() for column in next(reader, [])]
    if not set(COLUMNS) <= set(header):
        raise _OtherTable
    places = [header.index(column) for column in COLUMNS]
    for row in reader:
        if row:
            if len(row) <= max(places):
                raise ValueError(f"line {reader.line_num} has {len(row)} values, the first line {len(header)}")
            yield f"{path}:{reader.line_num}", [row[place].strip() for place in places]
