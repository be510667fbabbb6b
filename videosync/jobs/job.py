"""What goes to a worker and what comes back: a job reads its source files and writes clips, or other files.

A job is a frozen dataclass of plain values that has a ``name`` (unique in a run; it names the job's record, so it must
not depend on the order of jobs), ``sources`` (absolute paths of the files it reads, whose size and modification time
the record keeps) and ``outputs`` (the clips that it may write). The work itself is a module-level function
``work(job, folder) -> Outcome``: it can run in another process or on another machine. It writes into ``folder``, from
where the clips of its outcome move to the output folder when it has ended well.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from videosync.errors import ManifestError


class Job(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def sources(self) -> tuple[str, ...]: ...

    @property
    def outputs(self) -> tuple[str, ...]: ...  # relative to the output folder; of one source, or one of each


@dataclass(frozen=True)
class Clip:
    """A clip that was written: frame ``i`` of it is frame ``first + i`` of ``source``."""

    clip: str  # path relative to the output folder
    source: str  # absolute path of the file it was cut from
    first: int  # source frame
    num_frames: int
    fps: float  # frames/s
    sound_kind: str = ""  # where sound is kept: one or two words for what is wrong with it, "no sound", "silent" …
    sound_why: str = ""  # the sentence


@dataclass(frozen=True)
class Rejected:
    """A clip that was not written, or not kept."""

    clip: str
    kind: str  # one or two words that reasons are counted by: "black", "stationary", "too short" …
    why: str  # the sentence


@dataclass(frozen=True)
class Outcome:
    """What a job did. ``problem``: why it could do nothing (its other fields are empty then), else ""."""

    clips: tuple[Clip, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    frames: int = 0  # source frames that were decoded
    problem: str = ""
    facts: dict[str, Any] | None = None  # what planning needs later, JSON values
    files: tuple[str, ...] = ()  # that are no clips: paths relative to the output folder

    @property
    def written(self) -> tuple[str, ...]:
        """All that goes to the output folder."""
        return (*(clip.clip for clip in self.clips), *self.files)


Work = Callable[[Any, Path], Outcome]


def folded(path: str) -> str:
    """The same of all names that some systems take for one: those that differ in case, or in the form of accents."""
    return unicodedata.normalize("NFC", path).lower()


def require_distinct(jobs: Iterable[Job]) -> None:
    """Raise ManifestError if two clips would have one name: none may take the place of another.

    Names count as one that differ only in case or in the form of their accents, as on the disks of macOS and Windows.
    """
    writers: dict[str, tuple[str, str]] = {}  # folded path → source, job
    for job in jobs:
        for number, clip in enumerate(job.outputs):
            source = job.sources[min(number, len(job.sources) - 1)]
            first = writers.setdefault(folded(clip), (source, job.name))
            if first != (source, job.name):
                one, other = (source, first[0]) if source != first[0] else (job.name, first[1])
                raise ManifestError(
                    f"{other} and {one} would both become the clip {clip}, as some systems tell no case or form of "
                    "accents apart; rename one of them"
                )
