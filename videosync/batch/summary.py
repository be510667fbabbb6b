"""What came of all events: rows for programs, a table for spreadsheets, and a page that leads to each report."""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from videosync.batch.work import ANSWER, EventJob
from videosync.edit.addresses import printable
from videosync.edit.sequence import unique_names
from videosync.files import write_text
from videosync.jobs.job import Outcome
from videosync.version import __version__

SCHEMA = 1
PAGE = Path(__file__).with_name("index.html")
HEAD = ("event", "file", "placed", "start", "interval", "confidence", "reason", "role")


@dataclass(frozen=True)
class EventResult:
    """What came of one event."""

    job: EventJob
    outcome: Outcome

    @property
    def files(self) -> list[dict[str, Any]]:
        """What is told of each file, in the order given."""
        if self.outcome.facts is not None:
            return list(self.outcome.facts["files"])
        unplaced = {"placed": False, "start_seconds": None, "interval_seconds": None, "confidence": 0.0}
        told = {**unplaced, "reason": self.outcome.problem}
        return [{"path": path, "role": role, **told} for path, role in zip(self.job.sources, self.job.roles)]

    @property
    def problems(self) -> list[str]:
        """Why there is no answer, or something beside it could not be written."""
        return [self.outcome.problem] if self.outcome.facts is None else list(self.outcome.facts["problems"])

    @property
    def notes(self) -> list[str]:
        """What to know of the answer: which files are chapters of one recording, …"""
        return list((self.outcome.facts or {}).get("notes", ()))

    @property
    def placed(self) -> int:
        return sum(file["placed"] for file in self.files)

    @property
    def complete(self) -> bool:
        """Whether every file is placed and all was written."""
        return self.placed == len(self.files) and not self.problems

    @property
    def confidence(self) -> float | None:
        """Of the placed file that is least sure."""
        return min((file["confidence"] for file in self.files if file["placed"]), default=None)

    def to_json(self) -> dict[str, Any]:
        return {
            "event": self.job.name,
            "folder": self.job.folder,
            "complete": self.complete,
            "answer": None if self.outcome.facts is None else f"{self.job.folder}/{ANSWER}",
            "written": list(self.outcome.files),
            "problems": self.problems,
            "notes": self.notes,
            "files": self.files,
        }


def batch_json(results: Sequence[EventResult], output_dir: Path) -> dict[str, Any]:
    """What ``videosync batch --json`` writes."""
    return {
        "schema": SCHEMA,
        "version": __version__,
        "output_dir": str(output_dir),
        "complete": all(result.complete for result in results),
        "events": [result.to_json() for result in results],
    }


def write_summary(results: Sequence[EventResult], output_dir: Path) -> None:
    """``summary.csv``, one row a file, and ``index.html``. Raises VideoWriteError: they cannot be written."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(HEAD)
    for result in results:
        for file in result.files:
            start, around = file["start_seconds"], _around(file["interval_seconds"])
            cells = (
                result.job.name, file["path"], "yes" if file["placed"] else "no", start, around,
                file["confidence"], file["reason"], file["role"],
            )  # fmt: skip
            rows.writerow(["" if cell is None else printable(str(cell)) for cell in cells])
    write_text(output_dir / "summary.csv", text.getvalue())
    write_text(output_dir / "index.html", _page(results))


def _around(interval: Sequence[float] | None) -> float | None:
    """Seconds to either side."""
    return None if interval is None else round((interval[1] - interval[0]) / 2, 6)


def _page(results: Sequence[EventResult]) -> str:
    import jinja2

    loader = jinja2.FileSystemLoader(PAGE.parent)
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    files = sum(len(result.files) for result in results)
    page = environment.get_template(PAGE.name).render(
        events=[_shown(number, result) for number, result in enumerate(results)],
        complete=sum(result.complete for result in results),
        files=files,
        placed=sum(result.placed for result in results),
    )
    return printable(page)


def _shown(number: int, result: EventResult) -> Mapping[str, Any]:
    names = unique_names(file["path"] for file in result.files)
    told = [
        {
            "name": name,
            "role": file["role"],
            "start": None if file["start_seconds"] is None else f"{file['start_seconds']:.3f} s",
            "around": f"{around:.3f}" if (around := _around(file["interval_seconds"])) else "",
            "confidence": f"{math.floor(100 * file['confidence'])} %" if file["placed"] else "",
            "reason": file["reason"] if result.outcome.facts is not None else None,
        }
        for file, name in zip(result.files, names)
    ]
    first = f"{result.job.folder}/"
    links = [
        {"address": quote(os.fsencode(path)), "name": path.removeprefix(first)}
        for path in result.outcome.files
        if path.count("/") == 1
    ]
    links.sort(key=lambda link: not link["name"].endswith(".html"))
    return {
        "number": number, "name": result.job.name, "files": told, "links": links, "placed": result.placed,
        "problems": result.problems, "notes": result.notes, "complete": result.complete,
    }  # fmt: skip
