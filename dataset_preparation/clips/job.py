"""What goes to a worker and what comes back: a job reads its source files and writes clips.

A job is a frozen dataclass of plain values with two fields that every job has, ``name`` (unique in a run; it
names the job's record, so it must not depend on the order of jobs) and ``sources`` (absolute paths of the files
it reads, whose size and modification time the record keeps). The work itself is a module-level function
``work(job, beat) -> Outcome``: it can run in another process or on another machine, and calls ``beat(share)``
with the finished share (0 … 1) now and then, so that a long job moves the progress bar.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

Beat = Callable[[float], None]


class Job(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def sources(self) -> tuple[str, ...]: ...


@dataclass(frozen=True)
class Clip:
    """A clip that was written: frame ``i`` of it is frame ``first + i`` of ``source``."""

    clip: str  # path relative to the output folder
    source: str  # absolute path of the file it was cut from
    first: int  # source frame
    num_frames: int
    fps: float  # frames/s


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


Work = Callable[[Any, Beat], Outcome]
