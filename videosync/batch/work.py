"""One event of a batch, in a worker: it is synchronised, and its answer written in all ways that are asked for."""

from __future__ import annotations

import json
import os
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from videosync.batch.events import REFERENCE
from videosync.errors import VideoError, VideoSyncError, VideoWriteError
from videosync.files import write_text
from videosync.jobs.job import Outcome

ANSWER = "answer.json"
TOLD = ("placed", "start_seconds", "interval_seconds", "confidence", "reason")  # of each file, as the answer has them


@dataclass(frozen=True)
class EventJob:
    """An event to be synchronised (N files)."""

    name: str
    folder: str  # in the output folder
    sources: tuple[str, ...]  # [N] absolute paths
    roles: tuple[str, ...]  # [N]

    @property
    def outputs(self) -> tuple[str, ...]:
        return (f"{self.folder}/{ANSWER}",)

    @property
    def reference(self) -> str | None:
        """The file that starts at 0; None: the earliest."""
        return next((path for path, role in zip(self.sources, self.roles) if role.lower() == REFERENCE), None)


def sync_event(
    job: EventJob,
    folder: Path,
    *,
    options: Mapping[str, Any],
    accept: float | None = None,
    writes: Mapping[str, str] | None = None,
    writing: Mapping[str, Any] | None = None,
    home: str | os.PathLike[str] | None = None,
) -> Outcome:
    """Synchronise the files of an event.

    Args:
        folder: where its own folder is made.
        options: of ``gather``; ``detector`` may be a name that needs ``workdir``. accept: of ``conclude``.
        writes: kind of output (``edit.writers.KINDS_OF_OUTPUT``) → the ending of its file, which is named after the
            event's folder, or "": it is a folder, with the name of the kind. writing: options of ``write_answer``.
        home: the output folder, to which all that is written goes in the end (default: ``folder``).

    Returns:
        The answer and what else was written; facts: ``files``, what is told of each, ``notes`` of the answer, and
        ``problems``, sentences on what could not be written.

    Raises:
        VideoError: the event cannot be synchronised. VideoWriteError: the disk takes no more.
    """
    try:
        return _sync_event(job, folder, options, accept, writes or {}, writing or {}, Path(home or folder))
    except (VideoSyncError, MemoryError) as error:
        if isinstance(error, VideoError | MemoryError):
            raise
        raise VideoError(str(error)) from error
    except Exception as error:  # a defect costs one event, and is told
        at = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(at.filename).name}, line {at.lineno}"
        raise VideoError(f"{job.name}: a defect of VideoSync ({type(error).__name__}: {error}; {place})") from error


def _sync_event(
    job: EventJob,
    folder: Path,
    options: Mapping[str, Any],
    accept: float | None,
    writes: Mapping[str, str],
    writing: Mapping[str, Any],
    home: Path,
) -> Outcome:
    from videosync.edit.writers import write_answer
    from videosync.timeline.candidates import evidence_curves
    from videosync.timeline.conclude import conclude
    from videosync.timeline.evidence import gather

    options = dict(options)
    workdir, detector = options.pop("workdir", None), options.pop("detector", None)
    if detector is not None:
        from videosync.engine.detector_sets import load_clip_detector

        detector = load_clip_detector(detector, workdir=Path(workdir or "."))
    evidence = gather(job.sources, detector=detector, **options)
    answer = conclude(evidence, job.reference, accept=accept).to_json()
    place = folder / job.folder
    write_text(place / ANSWER, json.dumps(answer, indent=1) + "\n")  # ASCII: names may be no valid Unicode
    problems = []
    for kind, ending in writes.items():
        name = f"{job.folder}{ending}" if ending else kind
        curves = evidence_curves(evidence) if kind == "report" else ()
        try:
            write_answer(answer, kind, place / name, curves=curves, place=home / job.folder / name, **writing)
        except VideoWriteError as error:
            if isinstance(error.__cause__, OSError):
                raise
            problems.append(f"--{kind}: {error}")
        except VideoSyncError as error:
            problems.append(f"--{kind}: {error}")
    problems = [problem.replace(f"{folder}{os.sep}", "") for problem in problems]  # where it is for now
    told = [
        {"path": file["path"], "role": role, **{key: file[key] for key in TOLD}}
        for file, role in zip(answer["files"], job.roles)
    ]
    return Outcome(files=_written(folder), facts={"files": told, "notes": answer["notes"], "problems": problems})


def _written(folder: Path) -> tuple[str, ...]:
    return tuple(sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()))


def jobs_of(events: Sequence[Any]) -> list[EventJob]:
    """A job for each event."""
    return [EventJob(event.name, event.folder, event.paths, event.roles) for event in events]
