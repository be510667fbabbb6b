"""Run many jobs: in parallel, on one machine or many, each once, whatever happens in between."""

from __future__ import annotations

import os
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2

from videosync.data.samples import MANIFEST_NAME
from videosync.errors import VideoError, VideoWriteError
from videosync.files import make_folder
from videosync.jobs.cluster import Needs, check_worker, cluster_pool, code_version
from videosync.jobs.job import Job, Outcome, Work, require_distinct
from videosync.jobs.pool import local_pool
from videosync.jobs.progress import Progress, Watcher
from videosync.jobs.records import Records, SourceState, source_state
from videosync.jobs.run_folder import UNFINISHED, current_run, run_folder

READERS = 8  # threads that look up what is done: on network folders they mostly wait


@dataclass(frozen=True)
class Run:
    """What all jobs of a run have in common."""

    work: Work
    output_dir: Path
    settings: Mapping[str, Any]
    run_id: str
    needs: Needs | None = None  # on a cluster

    def do(self, job: Job) -> Outcome:
        """In a worker: the outcome of one job, which is recorded.

        Raises VideoWriteError when clips or records cannot be written, and whatever else the work raises apart from
        VideoError, which becomes the outcome's problem.
        """
        if self.needs:
            check_worker(self.needs)
            cv2.setNumThreads(1)
        records = Records(self.output_dir, self.settings)
        sources = source_state(job)
        known = records.find(job, sources)
        if known is not None:  # a worker was lost when it had done it
            return known
        keep = True
        unfinished = self.output_dir / UNFINISHED / self.run_id
        with tempfile.TemporaryDirectory(dir=unfinished, ignore_cleanup_errors=True) as folder:
            try:
                outcome = self.work(job, Path(folder))
            except VideoWriteError:
                raise
            except VideoError as error:
                outcome = Outcome(problem=str(error))
                # no access says nothing about what is in a file
                keep = not isinstance(error.__cause__, OSError)
            except MemoryError:  # another time there may be enough
                outcome = Outcome(problem="there was not enough memory; run it again with fewer --workers")
                keep = False
            if current_run(self.output_dir) != self.run_id:  # on a cluster, work may outlive its run
                raise VideoWriteError(
                    f"{self.output_dir}: was taken away from the run that writes to it; start it again"
                )
            records.forget(job)
            for name in outcome.written:
                place = self.output_dir / name
                make_folder(place.parent)
                os.replace(Path(folder, name), place)
        if keep:
            records.keep(job, sources, outcome)
        return outcome


def run_jobs(
    work: Work,
    jobs: Sequence[Job],
    *,
    output_dir: Path,
    settings: Mapping[str, Any],
    workers: int,
    cluster: str | None,
    label: str,
    manifests: Sequence[str] = (MANIFEST_NAME,),
    watcher: Callable[[str, Mapping[str, int], set[str]], Watcher] = Progress,
    anew: bool = False,
) -> dict[str, Outcome]:
    """Do what is not done yet; returns the outcome of every job by its name, in the order of ``jobs``.

    A job is done when its record in ``output_dir`` fits the job, the settings and its source files as they are,
    and its clips are all there. VideoError in ``work`` becomes the outcome's problem, and so does a process that
    ended under a job a second time, when the job ran alone: no file stops the run, and none vanishes.

    Args:
        work: a module-level function, or one with settings filled in by ``functools.partial``.
        settings: JSON values that decide the output besides the job, e.g. the clips' size.
        workers: processes on this machine.
        cluster: address of a Dask scheduler, ``tcp://host:port``, whose workers are used instead.
        label: names the work in the progress bar.
        manifests: of the clips, relative to ``output_dir``: taken away before any clip is made anew.
        watcher: made with the label, the bytes of each job's source files, and the jobs that earlier runs did.
        anew: take away what earlier runs did of these jobs, and their files that are no clips.

    Raises:
        ManifestError: another run works on ``output_dir``, or two jobs would write one clip.
        VideoWriteError, OSError: something cannot be written.
        ConfigError: the cluster cannot be used.
        KeyboardInterrupt: nothing half-written stays, and the next run goes on.
    """
    require_distinct(jobs)
    twice = [name for name, count in Counter(job.name for job in jobs).items() if count > 1]
    if twice:
        raise ValueError(f"{label}: two jobs are named {twice[0]!r}; names must be unique")
    output_dir = output_dir.absolute()
    with run_folder(output_dir) as run_id:
        records = Records(output_dir, settings)
        for job in jobs if anew else ():
            records.forget(job)
        with ThreadPoolExecutor(READERS) as readers:
            states = list(readers.map(source_state, jobs))
            known = list(readers.map(records.find, jobs, states))
        outcomes = {job.name: outcome for job, outcome in zip(jobs, known) if outcome is not None}
        todo = [job for job in jobs if job.name not in outcomes]
        if any(records.has(job) for job in todo):
            # clips are made anew, perhaps with other frames: a run that is cut off must not leave the old labels
            for manifest in manifests:
                (output_dir / manifest).unlink(missing_ok=True)
        sizes = {job.name: max(1, _bytes(state)) for job, state in zip(jobs, states)}
        todo.sort(key=lambda job: -sizes[job.name])  # the largest first: none is left over at the end
        needs = needs_of(work, todo, output_dir, run_id) if cluster is not None else None
        run = Run(work, output_dir, records.settings, run_id, needs)
        with closing(watcher(label, sizes, set(outcomes))) as bar:
            if todo:
                with cluster_pool(cluster, needs) if cluster and needs else local_pool(workers) as pool:
                    for job, result in pool.results(run.do, todo, bar.tick):
                        if isinstance(result, pool.ended):
                            result = _ended(job, result, records)
                        outcomes[job.name] = result
                        bar.done(job.name, result)
        bar.finish()
    return {job.name: outcomes[job.name] for job in jobs}


def needs_of(work: Work, jobs: Sequence[Job], output_dir: Path, run_id: str) -> Needs:
    """What a worker of a cluster needs to do these jobs."""
    module = getattr(work, "func", work).__module__
    source = next((path for job in jobs for path in job.sources if Path(path).exists()), "")
    return Needs(output_dir, run_id, module, code_version(module), source)


def _ended(job: Job, error: Exception, records: Records) -> Outcome:
    """The outcome of a job that ended its worker when it ran alone."""
    how = re.search(r"exit codes of the workers are \{(.*)\}", str(error))  # as loky says it: SIGSEGV(-11)
    why, keep = f"its worker ended each time ({error}); see the workers' logs, then run it again", False
    if how and how[1].startswith("SIGKILL"):  # comes from outside, so another time it may go well
        why = f"ended its process ({how[1]}): there was probably too little memory; run it again with fewer --workers"
    elif how:
        why = f"ended its process ({how[1]}): the file may be damaged in a way that crashes its decoder; copy it again"
        keep = how[1].startswith("SIG")
    outcome = Outcome(problem=f"{job.sources[0] if job.sources else job.name}: {why}")
    if keep:
        records.keep(job, source_state(job), outcome)
    return outcome


def _bytes(state: SourceState) -> int:
    return sum(found[0] for found in state.values() if found)
