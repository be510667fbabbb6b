"""Attempts in this process, or in several of this machine."""

from __future__ import annotations

import functools
import multiprocessing.resource_tracker
import os
import signal
import warnings
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack

import cv2
import joblib
from joblib.externals.loky.backend import resource_tracker

from dataset_preparation.clips.attempt import Attempt, Finished, execute
from dataset_preparation.clips.interrupts import STOP_SIGNALS, end_with, held


def in_this_process(attempts: Sequence[Attempt]) -> Iterator[Finished]:
    yield from map(execute, attempts)


def in_processes(attempts: Sequence[Attempt], workers: int) -> Iterator[Finished]:
    """Results as they come. Raises concurrent.futures.process.BrokenProcessPool when a process has ended."""
    threads = max(1, joblib.cpu_count() // workers)
    task, main = joblib.delayed(_in_worker), os.getpid()
    with warnings.catch_warnings(), ExitStack() as stack:
        # processes that have grown are renewed, as they should be; and what is stopped early was meant to be
        warnings.filterwarnings("ignore", message="A worker stopped while some jobs were given")
        warnings.filterwarnings("ignore", message=r"\s*\d+ tasks ", module="joblib")
        for tracker in (multiprocessing.resource_tracker, resource_tracker):
            tracker.ensure_running()  # each lets signals through again when it starts: not while they are held
        with held():
            parallel = joblib.Parallel(n_jobs=workers, return_as="generator_unordered", batch_size=1)
            results = parallel(task(attempt, threads, main) for attempt in attempts)
            stack.callback(_close, results)
        yield from results


def _close(results: Generator[Finished, None, None]) -> None:
    with held():
        results.close()


def _in_worker(attempt: Attempt, threads: int, main: int) -> Finished:
    _set_up_worker(threads, main)
    return execute(attempt)


@functools.cache
def _set_up_worker(threads: int, main: int) -> None:
    end_with(main)
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    cv2.setNumThreads(threads)  # joblib limits OpenMP and BLAS, which OpenCV does not ask
