"""One attempt at one job, in whatever process it happens to run.

A job that was begun before and never ended (its marker is still there) has killed its process, or was killed
with it. It is run in a process of its own, so that it takes nothing else along if it does so again.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from joblib import wrap_non_picklable_objects

from dataset_preparation.clips.interrupts import end_with
from dataset_preparation.clips.job import Job, Outcome, Work
from dataset_preparation.clips.records import Records, SourceState, job_key, source_state
from dataset_preparation.clips.run_folder import RUNNING, current_run
from videosync.errors import VideoError, VideoWriteError

BEAT_SECONDS = 1.0


class Stopped(VideoWriteError):
    """The run that this job belongs to has ended."""


@dataclass(frozen=True)
class Attempt:
    work: Work
    job: Job
    output_dir: Path
    settings: Mapping[str, Any]
    run_id: str
    last: bool = False  # if it kills its process, that is its outcome


@dataclass(frozen=True)
class Finished:
    name: str
    outcome: Outcome
    died: bool = False  # it ended its process
    begun_before: bool = False  # by a process that is no more, and may have left half a clip


class Heartbeat:
    """What work calls with its finished share: tells it to the marker, and stops work whose run has ended."""

    def __init__(self, attempt: Attempt) -> None:
        self._run_id = attempt.run_id
        self._output_dir = attempt.output_dir
        self._marker = attempt.output_dir / RUNNING / job_key(attempt.job.name)
        self._last = time.monotonic()
        self._write(0.0)

    def __call__(self, share: float) -> None:
        now = time.monotonic()
        if now - self._last >= BEAT_SECONDS:
            self._last = now
            if current_run(self._output_dir) != self._run_id:
                raise Stopped(
                    f"{self._output_dir}: was taken away from the run that writes to it; start it again"
                )
            self._write(min(max(share, 0.0), 1.0))

    def end(self) -> None:
        self._marker.unlink(missing_ok=True)

    def _write(self, share: float) -> None:
        try:
            self._marker.write_text(f"{self._run_id} {share:.4f}\n")
        except OSError as error:
            raise VideoWriteError(
                f"{self._marker}: cannot be written ({error.strerror}); make room or choose another --output_dir"
            ) from error


def execute(attempt: Attempt) -> Finished:
    """Run the job unless its record says that it is done.

    Raises VideoWriteError when clips or records cannot be written, and whatever else ``work`` raises apart from
    VideoError, which becomes the outcome's problem.
    """
    job = attempt.job
    records = Records(attempt.output_dir, attempt.settings)
    sources = source_state(job)
    known = records.find(job, sources)
    if known is not None:
        return Finished(job.name, known)
    if (attempt.output_dir / RUNNING / job_key(job.name)).exists():
        return _in_own_process(attempt, records, sources)
    return _here(attempt, records, sources)


def _here(attempt: Attempt, records: Records, sources: SourceState) -> Finished:
    beat = Heartbeat(attempt)
    try:
        records.forget(attempt.job)
        outcome = attempt.work(attempt.job, beat)
        records.keep(attempt.job, sources, outcome)
    except VideoWriteError:
        raise
    except VideoError as error:
        outcome = Outcome(problem=str(error))
        if not isinstance(error.__cause__, OSError):  # no access to a file says nothing about what is in it
            records.keep(attempt.job, sources, outcome)
    except MemoryError:  # not recorded: another time there may be enough
        outcome = Outcome(problem="there was not enough memory; run it again with fewer --workers")
    finally:
        beat.end()
    return Finished(attempt.job.name, outcome)


def _in_own_process(attempt: Attempt, records: Records, sources: SourceState) -> Finished:
    task = pickle.dumps(wrap_non_picklable_objects(attempt, keep_wrapper=False))
    paths = os.pathsep.join(path for path in sys.path if path)
    child = subprocess.Popen(
        [sys.executable, "-c", "from dataset_preparation.clips.attempt import own_process; own_process()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": paths},
    )
    try:
        answer, _ = child.communicate(task)
    finally:
        child.kill()
        child.wait()
    if child.returncode == 0:
        result = pickle.loads(answer)
        if isinstance(result, BaseException):
            raise result
        return replace(result, begun_before=True)
    return _died(attempt, records, sources, child.returncode)


def own_process() -> None:
    """Run the attempt that comes in on stdin; what comes of it goes to stdout."""
    end_with(os.getppid())
    answers = os.dup(1)
    os.dup2(2, 1)  # what the work prints is no answer
    try:
        attempt: Attempt = pickle.load(sys.stdin.buffer)
        records = Records(attempt.output_dir, attempt.settings)
        result: Any = _here(attempt, records, source_state(attempt.job))
    except Exception as error:  # goes on in the process that waits for this one
        result = error
    with os.fdopen(answers, "wb") as pipe:
        pickle.dump(result, pipe)


def _died(attempt: Attempt, records: Records, sources: SourceState, code: int) -> Finished:
    job = attempt.job
    how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
    source = job.sources[0] if job.sources else "no file"
    if code == -signal.SIGKILL:
        why = "there was probably too little memory; run it again with fewer --workers"
    else:
        why = "the file may be damaged in a way that crashes its decoder; copy it again"
    outcome = Outcome(problem=f"{source}: ended its process ({how}): {why}")
    if attempt.last:
        if code != -signal.SIGKILL:  # which comes from outside, so another time it may go well
            records.keep(job, sources, outcome)
        (attempt.output_dir / RUNNING / job_key(job.name)).unlink(missing_ok=True)
    return Finished(job.name, outcome, died=True, begun_before=True)
