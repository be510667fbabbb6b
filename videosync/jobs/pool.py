"""Calls that run elsewhere, and their results as they come: in processes of this machine, or wherever else."""

from __future__ import annotations

import multiprocessing.resource_tracker
import os
import queue
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

import cv2
import joblib
from joblib.externals.loky import get_reusable_executor
from joblib.externals.loky.backend import resource_tracker
from joblib.externals.loky.process_executor import TerminatedWorkerError

from videosync.errors import VideoSyncError

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
POLL_SECONDS = 1.0
WATCH_SECONDS = 0.5
BREAKS = 3  # as often in a row may all workers end without finishing one call
ENVIRONMENT = {
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    "PYTHONFAULTHANDLER": "",  # off: a crash is told in a sentence
}

Item = TypeVar("Item")


@dataclass(frozen=True)
class Pool:
    """Workers behind the interface of ``concurrent.futures``."""

    submit: Callable[..., Future[Any]]
    ahead: int  # calls handed over at a time
    ended: type[Exception]  # what a call raises whose worker ended
    watch: Callable[[], None] = lambda: None  # called each second in which no call ended

    def results(
        self, call: Callable[[Item], Any], items: Iterable[Item], tick: Callable[[], None] = lambda: None
    ) -> Iterator[tuple[Item, Any]]:
        """Each item with what ``call`` made of it, as they come; what it raises is raised here.

        Where a worker ends, any of the calls that were handed over may be to blame. They are made again at the end,
        one at a time: that which ends its worker then is given with the error (of the class ``ended``).
        """
        again: list[Item] = []
        lost = 0
        for item, result in self._as_completed(call, iter(items), self.ahead, tick):
            if not isinstance(result, self.ended):
                lost = 0
                yield item, result
                continue
            again.append(item)
            lost += 1
            if lost > BREAKS * self.ahead:
                why = str(result).strip().splitlines()[0]
                raise VideoSyncError(
                    f"the worker processes end before they have done anything ({why}); see what they print"
                ) from result
        yield from self._as_completed(call, iter(again), 1, tick)

    def _as_completed(
        self, call: Callable[[Item], Any], items: Iterator[Item], ahead: int, tick: Callable[[], None]
    ) -> Iterator[tuple[Item, Any]]:
        running: dict[Future[Any], Item] = {}
        done: queue.SimpleQueue[Future[Any]] = queue.SimpleQueue()
        while True:
            for item in islice(items, ahead - len(running)):
                future = self.submit(call, item)
                running[future] = item
                future.add_done_callback(done.put)
            if not running:
                return
            try:
                future = done.get(timeout=POLL_SECONDS)
            except queue.Empty:
                self.watch()
                tick()
                continue
            item = running.pop(future)
            try:
                result = future.result()
            except self.ended as error:
                result = error
            yield item, result


@contextmanager
def local_pool(workers: int) -> Iterator[Pool]:
    """Processes of this machine. They end with this one, however it ends, and are killed where an error leaves it."""
    for tracker in (multiprocessing.resource_tracker, resource_tracker):
        tracker.ensure_running()  # each lets signals through again when it starts: not while they are held
    threads = max(1, joblib.cpu_count() // workers)

    def executor() -> Any:
        options = {"initializer": set_up_worker, "initargs": (os.getpid(), threads), "env": ENVIRONMENT}
        return get_reusable_executor(workers, **options)

    def submit(call: Callable[[Item], Any], item: Item) -> Future[Any]:
        with _held():  # processes that begin here inherit that Ctrl-C is none of their business
            try:
                return executor().submit(call, item)
            except BrokenProcessPool:  # just now; the next one is new
                return executor().submit(call, item)

    with warnings.catch_warnings():
        # processes that have grown are renewed, as they should be
        warnings.filterwarnings("ignore", message="A worker stopped while some jobs were given")
        try:
            yield Pool(submit, workers + 2, TerminatedWorkerError)
        except BaseException:
            executor().shutdown(kill_workers=True)
            raise


def set_up_worker(main: int, threads: int = 1) -> None:
    """In a new worker: ends with the process ``main``, its parent; Ctrl-C is for that one alone."""
    threading.Thread(target=_end_with, args=(main,), daemon=True).start()
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    cv2.setNumThreads(threads)


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(WATCH_SECONDS)
    os._exit(1)


@contextmanager
def _held() -> Iterator[None]:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
