"""Which files belong together: a folder of folders, or a table of events, files and their roles."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from videosync.errors import ConfigError, did_you_mean
from videosync.files import MEDIA, read_text
from videosync.jobs.job import folded

COLUMNS = ("event", "file")  # that a table has, …
ROLE = "role"  # … and one that it may have
REFERENCE = "reference"  # the role of the file that starts at 0
SEPARATORS = (",", ";", "\t")
OWN_NAMES = ("index.html", "summary.csv")  # in the output folder
UNWANTED = re.compile(r"""[\x00-\x1f/\\:*?"<>|]""")  # what no folder's name may hold on one system or another


@dataclass(frozen=True)
class Event:
    """Files of one event (N)."""

    name: str
    paths: tuple[str, ...]  # [N] absolute
    roles: tuple[str, ...]  # [N] "": none

    @property
    def folder(self) -> str:
        """The name of its folder in the output folder."""
        name = UNWANTED.sub("_", self.name).strip(" .") or "event"
        return f"{name}_" if name.lower() in OWN_NAMES else name


def read_events(source: Path, leave_out: Path) -> tuple[list[Event], list[str]]:
    """The events of a folder or a table, by name or in the table's order, and sentences on what is left out.

    Args:
        source: a folder whose folders are an event each, with all videos and recordings in and below them; or a CSV
            file (UTF-8; separated by commas, semicolons or tabs) with the columns ``event`` and ``file``, and perhaps
            ``role``. Files of a table count from its folder.
        leave_out: a folder that is no event: the one for the output.

    Raises:
        ConfigError: no such file or folder, no table, or no event in it.
    """
    try:
        events, notes = _in_folder(source, leave_out) if source.is_dir() else (_in_table(source), [])
    except csv.Error as error:  # a value of 131,072 letters and more: a quotation mark is missing
        raise ConfigError(f"{source}: is no table ({error}); look for a quotation mark that is not closed.") from error
    except OSError as error:
        raise ConfigError(f"{source}: cannot be read ({error.strerror}); check the path.") from error
    if not events:
        remedy = (
            "expected a folder for each event, with its videos in it; for the files of one event use videosync sync"
        )
        raise ConfigError(
            f"{source}: holds no events; {remedy if source.is_dir() else 'expected a row for each file'}."
        )
    named: dict[str, Event] = {}
    for event in events:
        other = named.setdefault(folded(event.folder), event)
        if other is not event:
            raise ConfigError(
                f"{source}: the events '{other.name}' and '{event.name}' would both be written to the folder "
                f"'{event.folder}', as names of folders are compared without case and some characters become '_'; "
                "rename one of them."
            )
    return events, notes


def _in_folder(source: Path, leave_out: Path) -> tuple[list[Event], list[str]]:
    events, notes = [], []
    for folder in sorted(source.iterdir()):
        if folder.name.startswith(".") or folder.absolute() == leave_out.absolute():
            continue
        if not folder.is_dir():
            if folder.suffix.lower() in MEDIA:
                notes.append(f"{folder}: lies in no event's folder, and is left out")
            continue
        files = tuple(_media_below(folder, leave_out))
        if files:
            events.append(Event(folder.name, files, ("",) * len(files)))
        else:
            notes.append(f"{folder}: holds no videos, and is left out")
    return events, notes


def _media_below(folder: Path, leave_out: Path) -> Iterable[str]:
    """By name; hidden files and folders do not count."""
    for place, folders, names in os.walk(folder.absolute()):
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and Path(place, name) != leave_out.absolute()
        )
        for name in sorted(names):
            if os.path.splitext(name)[1].lower() in MEDIA and not name.startswith("."):
                yield os.path.join(place, name)


def _in_table(source: Path) -> list[Event]:
    try:
        text = read_text(source)
    except ValueError as error:
        raise ConfigError(f"{source}: {error}") from error
    separator = max(SEPARATORS, key=text.partition("\n")[0].count)
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, restval="")
    rows.fieldnames = [name.strip().lower() for name in rows.fieldnames or ()]
    for column in COLUMNS:
        if column not in rows.fieldnames:
            remedy = did_you_mean(column, rows.fieldnames, "The first line names the columns: event,file,role.")
            raise ConfigError(f"{source}: has no column '{column}'.{remedy}")
    found: dict[str, list[tuple[str, str]]] = {}
    for row in rows:
        event, file = (row[column].strip() for column in COLUMNS)
        if not event and not file:
            continue
        if not event or not file:
            raise ConfigError(f"{source}, line {rows.line_num}: has no {'file' if event else 'event'}; fill it in.")
        path = os.path.abspath(os.path.join(source.absolute().parent, os.path.expanduser(file)))
        found.setdefault(event, []).append((path, (row.get(ROLE) or "").strip()))
    for event, files in found.items():
        if [role.lower() for _, role in files].count(REFERENCE) > 1:
            raise ConfigError(f"{source}: event '{event}' has two files with the role reference; one can start at 0.")
    return [Event(name, *(tuple(column) for column in zip(*files))) for name, files in found.items()]
