"""What is already done: one small JSON file a job, ``<output_dir>/.done/<sha256 of its name>``.

A record holds everything that decides a job's clips (the job, the settings, its source files' size and
modification time) and what came out (the outcome, the clips' sizes in bytes). A job whose record still fits is
not run again, whether it succeeded or not: a file that cannot be read is not decoded anew on every run.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from videosync.files import write_text
from videosync.jobs.job import Clip, Job, Outcome, Rejected

FORMAT = 1
DONE = ".done"

# path → [bytes, modification time in ns], None where there is no file
SourceState = dict[str, list[int] | None]


def job_key(name: str) -> str:
    """The file name of a job's record."""
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()


def source_state(job: Job) -> SourceState:
    state: SourceState = {}
    for source in job.sources:
        try:
            found = os.stat(source)
        except OSError:
            state[source] = None
        else:
            state[source] = [found.st_size, found.st_mtime_ns]
    return state


class Records:
    """The records of one output folder under the given settings (JSON values)."""

    def __init__(self, output_dir: Path, settings: Mapping[str, Any]) -> None:
        self.output_dir = output_dir
        self.settings = json.loads(json.dumps(settings))

    def find(self, job: Job, sources: SourceState) -> Outcome | None:
        """The outcome of an earlier run if job, settings, sources and clips are as they were then."""
        try:
            record = json.loads(self._path(job).read_bytes())
        except (FileNotFoundError, ValueError):
            return None  # not there, or cut off by a power failure: the job is run again
        if any(record.get(key) != value for key, value in self._cause(job, sources).items()):
            return None
        fields = record["outcome"]
        clips = tuple(Clip(**clip) for clip in fields.pop("clips"))
        rejected, files = (tuple(fields.pop(key, ())) for key in ("rejected", "files"))
        outcome = Outcome(clips, tuple(Rejected(**entry) for entry in rejected), files=files, **fields)
        return outcome if self._sizes(outcome) == record["bytes"] else None

    def has(self, job: Job) -> bool:
        """Whether there is a record of the job, fitting or not: its clips may be there."""
        return self._path(job).exists()

    def forget(self, job: Job) -> None:
        """To be called before clips are written: the record would no longer tell what they are. Files go with it."""
        try:
            files = json.loads(self._path(job).read_bytes())["outcome"].get("files", ())
        except (FileNotFoundError, ValueError, KeyError):
            files = ()
        for name in files:
            (self.output_dir / name).unlink(missing_ok=True)
        self._path(job).unlink(missing_ok=True)

    def keep(self, job: Job, sources: SourceState, outcome: Outcome) -> None:
        """Record an outcome whose clips are complete. ``sources``: their state before the job began."""
        record = {**self._cause(job, sources), "bytes": self._sizes(outcome), "outcome": asdict(outcome)}
        write_text(self._path(job), json.dumps(record))  # ASCII: names may be no valid Unicode

    def _path(self, job: Job) -> Path:
        return self.output_dir / DONE / job_key(job.name)

    def _cause(self, job: Job, sources: SourceState) -> dict[str, Any]:
        described = json.loads(json.dumps(asdict(job)))  # type: ignore[call-overload]  # every job is a dataclass
        return {"format": FORMAT, "job": described, "settings": self.settings, "sources": sources}

    def _sizes(self, outcome: Outcome) -> dict[str, int]:
        """Clip, or file → bytes; 0 where there is none."""
        paths = {name: self.output_dir / name for name in outcome.written}
        return {clip: path.stat().st_size if path.is_file() else 0 for clip, path in paths.items()}
