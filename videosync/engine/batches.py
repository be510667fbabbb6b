"""Training batches of an epoch from any position on; if one rank cannot get its batch, all stop for it."""

from __future__ import annotations

import platform
import re
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, wait
from multiprocessing.connection import wait as wait_ended
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

from torch.utils.data import DataLoader

from videosync.data.loaders import SHARED_MEMORY, SHARED_MEMORY_REMEDY, EpochSampler, EpochSamples, fitting_prefetch
from videosync.engine.distributed import Distributed
from videosync.engine.signals import StopAsked, StopRequest
from videosync.errors import DataLoadingError, VideoSyncError
from videosync.types import Batch

BATCH_SECONDS = 20 * 60.0  # without a batch this long, workers hang; shorter than other ranks wait
STOP_SECONDS = 4.0  # after a signal, for the batch that is waited for
POLL_SECONDS = 0.5
CLOSE_SECONDS = 2.0  # for workers to end by themselves
END_SECONDS = 2.0  # for a worker whose connection broke to be seen to have ended
ALONE = "--opts data.num_workers 0 loads in the training process"

T = TypeVar("T")


class BatchSource:
    """The batches of this rank, epoch by epoch; ``len`` is the number of batches in a whole epoch.

    Places in an epoch are numbers of samples over all ranks, so that they do not depend on the size of a batch.
    """

    def __init__(
        self, clips: EpochSamples, loader: DataLoader[Any], sampler: EpochSampler, distributed: Distributed
    ) -> None:
        self.clips = clips
        self.loader = loader
        self.sampler = sampler
        self.distributed = distributed

    def __len__(self) -> int:
        return len(self.clips) // self.sampler.batch_size

    def batches(self, epoch: int, start: int, clock: StepClock, stop: StopRequest | None = None) -> Iterator[Batch]:
        """The batches of ``epoch`` behind its first ``start`` samples, on the device; ``clock`` measures the waiting.

        Raises on every rank what was raised on any: VideoError and the other errors of the data; DataLoadingError when
        workers died, failed or hang; StopAsked when ``stop`` was requested and the batch under way does not come.
        """
        stop = stop or StopRequest()
        self.clips.set_epoch(epoch)
        self.sampler.set_epoch(epoch, start)
        iterator, problem = self._attempt(lambda: self._wait(lambda: iter(self.loader), stop))
        for _ in range(len(self.sampler)):
            batch = None
            clock.ask()
            if iterator is not None:
                batch, problem = self._attempt(lambda: self._wait(lambda: next(iterator), stop))
            clock.receive()
            if self.loader.num_workers:
                stop.begin()
            (problems,) = self.distributed.sum([float(problem is not None)])
            if problems:
                raise next(p for p in self.distributed.gather(problem) if p is not None)
            assert batch is not None
            yield batch.to(self.distributed.device)

    def close(self) -> None:
        """End the worker processes, those that hang too.

        They ignore SIGTERM (:func:`videosync.engine.signals.shield_workers`), so that the interpreter, which
        ends workers by it, would wait for ever for those that an error has left running.
        """
        iterator, self.loader._iterator = self.loader._iterator, None
        if iterator is None:
            return
        killers = [threading.Timer(CLOSE_SECONDS, worker.kill) for worker in _workers(iterator)]
        for killer in killers:
            killer.start()
        iterator._shutdown_workers()  # type: ignore[attr-defined]
        iterator._worker_result_queue.close()  # type: ignore[attr-defined]  # else a thread that waits for it waits on
        for killer in killers:
            killer.cancel()

    def _attempt(self, work: Callable[[], T]) -> tuple[T | None, VideoSyncError | None]:
        """What ``work`` gives, or what other ranks are to be told of why it does not."""
        try:
            return work(), None
        except StopAsked as asked:
            return None, asked
        except VideoSyncError as error:
            return None, type(error)(_sentence(error))
        except Exception as error:
            if not self.loader.num_workers:
                raise
            rank = f" of process {self.distributed.rank}" if self.distributed.world_size > 1 else ""
            return None, DataLoadingError(worker_problem(error, _workers(self.loader._iterator), rank))

    def _wait(self, work: Callable[[], T], stop: StopRequest) -> T:
        """``work()``, which waits without end for workers that are alive, or why it has waited enough."""
        if self.loader._iterator is None:  # there are no workers, or none yet
            return work()
        started = time.monotonic()
        done = _in_thread(work)
        while not wait([done], POLL_SECONDS).done:
            if any(worker.exitcode is not None for worker in _workers(self.loader._iterator)):
                raise RuntimeError("a worker ended")  # torch looks every 5 s
            if stop.waited > STOP_SECONDS:
                raise StopAsked(stop.signal)
            if time.monotonic() - started > BATCH_SECONDS:
                raise DataLoadingError(
                    f"no batch came for {BATCH_SECONDS / 60:.3g} minutes, though the data-loading workers are alive: "
                    "they wait for a disk that does not answer, or are far too slow; look at the disk, raise "
                    f"data.num_workers or lower train.batch_size ({ALONE})"
                )
        return done.result()


def choose_prefetch(batch_bytes: int, num_workers: int, distributed: Distributed) -> int:
    """:func:`videosync.data.loaders.fitting_prefetch` of this run. Raises ConfigError on every rank."""
    machine = platform.node()
    processes = distributed.gather(machine).count(machine)
    return distributed.together(lambda: fitting_prefetch(batch_bytes, num_workers=num_workers, processes=processes))


def worker_problem(error: Exception, workers: Sequence[BaseProcess], rank: str = "") -> str:
    """Why data-loading ``workers`` gave no batch but ``error``, in a sentence with a remedy."""
    text = str(error)
    if isinstance(error, OSError | EOFError):  # what breaks first, when a worker is killed, is the way to it
        wait_ended([worker.sentinel for worker in workers if worker.exitcode is None], END_SECONDS)
    codes = [worker.exitcode for worker in workers if worker.exitcode]
    if "shared memory" in text or "No space left on device" in text or -signal.SIGBUS in codes:
        remedy = SHARED_MEMORY_REMEDY.format(gigabytes=2)
        return f"a data-loading worker{rank} found no room in {SHARED_MEMORY}, the shared memory; {remedy}"
    if codes:
        how = signal.Signals(-codes[0]).name if codes[0] < 0 else f"exit code {codes[0]}"
        why = ", as the system does when memory runs out" if codes[0] == -signal.SIGKILL else ""
        return (
            f"a data-loading worker{rank} was ended ({how}){why}; use fewer workers (data.num_workers) or a smaller "
            f"train.batch_size ({ALONE})"
        )
    *_, last = text.strip().splitlines() or [""]
    if (kind := type(error).__name__) not in last:
        last = f"{kind}: {last}"
    places = re.findall(r'File "([^"]+)", line (\d+)', text)
    where = f" ({places[-1][0]}, line {places[-1][1]})" if places else ""
    return f"a data-loading worker{rank} failed: {last}{where}; {ALONE}, with the whole traceback"


def _workers(iterator: Any) -> list[BaseProcess]:
    return getattr(iterator, "_workers", [])


def _in_thread(work: Callable[[], T]) -> Future[T]:
    """``work`` in a thread that the interpreter does not wait for at its end."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


def _sentence(error: VideoSyncError) -> str:
    """The message alone: worker processes hand on their whole traceback as the message."""
    name = f"{type(error).__module__}.{type(error).__qualname__}: "
    return str(error).rpartition(name)[2].strip()


class StepClock:
    """Frames per second and data-wait share over the last ``window`` steps, without validation and saving."""

    def __init__(self, window: int = 20) -> None:
        self._steps: deque[tuple[float, float, int]] = deque(maxlen=window)  # seconds, of it waiting, frames
        self._started = self._asked = time.perf_counter()
        self._waited = 0.0

    def restart(self) -> None:
        """Begin a step now (after something that is not training)."""
        self._started = time.perf_counter()
        self._waited = 0.0

    def ask(self) -> None:
        """The next batch is asked for."""
        self._asked = time.perf_counter()

    def receive(self) -> None:
        """The batch is here."""
        self._waited += time.perf_counter() - self._asked

    def finish_step(self, frames: int) -> None:
        now = time.perf_counter()
        self._steps.append((now - self._started, self._waited, frames))
        self.restart()

    def rates(self, steps_left: int) -> dict[str, float]:
        """``frames_per_second``, ``data_wait_share`` and ``eta_seconds``."""
        seconds = sum(step[0] for step in self._steps)
        return {
            "frames_per_second": sum(step[2] for step in self._steps) / seconds,
            "data_wait_share": sum(step[1] for step in self._steps) / seconds,
            "eta_seconds": steps_left * seconds / len(self._steps),
        }
