"""Run the jobs of a preparation: in parallel, on one machine or many, each once, whatever happens in between."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from dataset_preparation.clips.attempt import Attempt, Finished
from dataset_preparation.clips.cluster import check_workers, connect, on_cluster
from dataset_preparation.clips.interrupts import sigterm_as_ctrl_c
from dataset_preparation.clips.job import Job, Outcome, Work, require_distinct
from dataset_preparation.clips.pool import in_processes, in_this_process
from dataset_preparation.clips.progress import Progress
from dataset_preparation.clips.records import Records, SourceState, source_state
from dataset_preparation.clips.run_folder import RunFolder
from videosync.data.samples import MANIFEST_NAME
from videosync.errors import VideoSyncError

BREAKS = 3  # as often in a row may all processes end without finishing one job
READERS = 8  # threads that look up what is done: on network folders they mostly wait

Runner = Callable[[Sequence[Attempt]], Iterator[Finished]]


def run_jobs(
    work: Work,
    jobs: Sequence[Job],
    *,
    output_dir: Path,
    settings: Mapping[str, Any],
    workers: int,
    cluster: str | None,
    label: str,
) -> dict[str, Outcome]:
    """Do what is not done yet; returns the outcome of every job by its name, in the order of ``jobs``.

    A job is done when its record in ``output_dir`` fits the job, the settings and its source files as they are,
    and its clips are all there. VideoError in ``work`` becomes the outcome's problem, and so does a process that
    ended under a job a second time, when the job ran alone: no file stops the run, and none vanishes.

    Args:
        work: a module-level function.
        settings: JSON values that decide the output besides the job, e.g. the clips' size.
        workers: processes on this machine; 1 runs in this one.
        cluster: address of a Dask scheduler, ``tcp://host:port``, whose workers are used instead.
        label: names the work in the progress bar.

    Raises:
        ManifestError: another run works on ``output_dir``, or two jobs would write one clip.
        VideoWriteError: something cannot be written.
        ConfigError: the cluster cannot be used.
        KeyboardInterrupt: Ctrl-C or SIGTERM; nothing half-written stays, and the next run goes on.
    """
    require_distinct(jobs)
    twice = [name for name, count in Counter(job.name for job in jobs).items() if count > 1]
    if twice:
        raise ValueError(f"{label}: two jobs are named {twice[0]!r}; names must be unique")
    output_dir = output_dir.absolute()
    with sigterm_as_ctrl_c(), RunFolder(output_dir) as folder:
        records = Records(output_dir, settings)
        with ThreadPoolExecutor(READERS) as readers:
            states = list(readers.map(source_state, jobs))
            known = list(readers.map(records.find, jobs, states))
        _invalidate(output_dir, records, [job for job, outcome in zip(jobs, known) if outcome is None])
        outcomes = {job.name: outcome for job, outcome in zip(jobs, known) if outcome is not None}
        sizes = {job.name: _bytes(state) for job, state in zip(jobs, states)}
        attempts = [
            Attempt(work, job, output_dir, records.settings, folder.run_id)
            for job in sorted(jobs, key=lambda job: -sizes[job.name])  # the largest first: none is left over
            if job.name not in outcomes
        ]
        with (
            _runner(attempts, workers, cluster) as run,
            Progress(label, sizes, set(outcomes), folder.shares) as bar,
        ):
            for finished in _finish_all(attempts, run, folder):
                outcomes[finished.name] = finished.outcome
                bar.done(finished.name, finished.outcome)
    return {job.name: outcomes[job.name] for job in jobs}


@contextmanager
def _runner(attempts: Sequence[Attempt], workers: int, cluster: str | None) -> Iterator[Runner]:
    if attempts and cluster is not None:
        with connect(cluster) as client:
            check_workers(client, attempts)
            yield partial(on_cluster, client=client)
    elif workers == 1:
        yield in_this_process
    else:
        yield partial(in_processes, workers=max(2, min(workers, len(attempts))))


def _finish_all(attempts: Sequence[Attempt], run: Runner, folder: RunFolder) -> Iterator[Finished]:
    """All jobs at once; then those that ended their process again, one at a time."""
    again = []
    for finished in _finish(attempts, run, folder):
        if finished.died:
            again.append(finished.name)
        else:
            yield finished
    by_name = {attempt.job.name: attempt for attempt in attempts}
    for name in again:
        yield from _finish([replace(by_name[name], last=True)], run, folder)


def _finish(attempts: Sequence[Attempt], run: Runner, folder: RunFolder) -> Iterator[Finished]:
    """Each attempt's result. When processes end, what was not finished is begun again."""
    waiting = {attempt.job.name: attempt for attempt in attempts}
    breaks = 0
    while waiting:
        try:
            with closing(run(list(waiting.values()))) as results:  # type: ignore[type-var]
                for finished in results:
                    folder.unclean |= finished.begun_before
                    breaks = 0
                    del waiting[finished.name]
                    yield finished
        except BrokenProcessPool as error:
            folder.unclean = True
            breaks += 1
            if breaks == BREAKS:
                why = str(error).strip().splitlines()[-1]
                raise VideoSyncError(
                    f"the worker processes end before they have done anything ({why}); see what they print, or "
                    "run with --workers 1"
                ) from error


def _invalidate(output_dir: Path, records: Records, todo: Sequence[Job]) -> None:
    """Take the manifest away if clips that it may name are about to be made anew, perhaps with other frames.

    A run that is cut off in between would else leave labels beside clips that they do not belong to.
    """
    manifest = output_dir / MANIFEST_NAME
    if manifest.exists() and any(records.has(job) for job in todo):
        manifest.unlink()


def _bytes(state: SourceState) -> int:
    return sum(found[0] for found in state.values() if found)
