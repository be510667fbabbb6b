"""Attempts on the workers of a Dask scheduler.

Workers may come and go: what a lost one was at is begun again on another. Submitted through Dask's own client:
joblib's Dask backend waits for ever on a task whose workers were killed (joblib 1.6).
"""

from __future__ import annotations

import functools
import hashlib
import queue
import re
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import cv2
from tqdm import tqdm

from dataset_preparation.clips.attempt import Attempt, Finished, execute
from dataset_preparation.clips.job import Outcome
from dataset_preparation.clips.run_folder import current_run
from videosync import video
from videosync.errors import ConfigError

if TYPE_CHECKING:
    from distributed import Client, Future

ADDRESS = re.compile(r"(\w+://)?[^/]+:\d+")
CONNECT_SECONDS = 10
WORKER_SECONDS = 30  # for a first worker to join
POLL_SECONDS = 2.0
AHEAD = (4, 64)  # jobs handed to the scheduler: so many a thread, and that many more for workers to come


@dataclass(frozen=True)
class WorkerView:
    """What a worker is and sees."""

    host: str
    code: str
    run_id: str
    source: bool


@contextmanager
def connect(address: str) -> Iterator[Client]:
    """A client of the scheduler at ``address`` (tcp://host:port). Raises ConfigError where there is none."""
    if not ADDRESS.fullmatch(address):  # of which Dask would make a client that cannot be closed
        raise ConfigError(
            f"--cluster {address}: is no address; give the one that 'dask scheduler' prints, tcp://host:port"
        )
    try:
        from distributed import Client
    except ImportError as error:
        raise ConfigError(
            f"--cluster {address}: Dask is not installed ({error}); pip install 'videosync[cluster]', or leave "
            "--cluster out to use this machine"
        ) from error
    try:
        client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False, name="videosync")
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"--cluster {address}: no Dask scheduler answers there ({error}); start one with 'dask scheduler' and "
            "give the address that it prints, tcp://host:port"
        ) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=WORKER_SECONDS)
        except TimeoutError as error:
            raise ConfigError(
                f"--cluster {address}: no worker has joined the scheduler; start some with 'dask worker {address}'"
            ) from error
        yield client


def check_workers(client: Client, attempts: Sequence[Attempt]) -> None:
    """Raises ConfigError unless every worker sees the output folder and the first source, and runs this code."""
    first = attempts[0]
    module = _module(first)
    source = next((path for attempt in attempts for path in attempt.job.sources if Path(path).exists()), "")
    views = client.run(look, str(first.output_dir), source, module, on_error="return")
    for worker, view in views.items():
        if isinstance(view, BaseException):
            raise ConfigError(
                f"--cluster: worker {worker} cannot run the preparation ({type(view).__name__}: {view}); install "
                "this version of videosync in its environment"
            )
        _check_view(f"worker {worker} on {view.host}", view, first, code_version(module))
        if not view.source:
            raise ConfigError(
                f"--cluster: worker {worker} on {view.host} cannot read {source}; the archive must be in a folder "
                "that all machines share, under the same path"
            )


def on_cluster(attempts: Sequence[Attempt], client: Client) -> Iterator[Finished]:
    """Results as they come. Raises ConfigError when the scheduler goes away."""
    todo = iter(attempts)
    running: dict[Future, Attempt] = {}
    ended: queue.SimpleQueue[Future] = queue.SimpleQueue()
    code = code_version(_module(attempts[0]))
    threads, next_count = 1, 0.0
    try:
        while True:
            if time.monotonic() >= next_count:
                threads, next_count = _count_threads(client, threads), time.monotonic() + POLL_SECONDS
            while len(running) < AHEAD[0] * threads + AHEAD[1] and (attempt := next(todo, None)) is not None:
                future = client.submit(on_worker, attempt, code, pure=False)
                running[future] = attempt
                future.add_done_callback(ended.put)
            if not running:
                return
            try:
                future = ended.get(timeout=POLL_SECONDS)
            except queue.Empty:
                continue
            yield _result(future, running.pop(future))
    finally:
        client.cancel(list(running))


def on_worker(attempt: Attempt, code: str) -> Finished:
    """``execute`` on a worker that may have joined after the others were checked."""
    view = look(str(attempt.output_dir), "", _module(attempt))
    _check_view(f"a worker on {view.host}", view, attempt, code)
    cv2.setNumThreads(1)
    return execute(attempt)


def look(output_dir: str, source: str, module: str) -> WorkerView:
    """On a worker: what it sees of ``output_dir`` and ``source``, and its code of ``module``'s work."""
    seen = not source or Path(source).exists()
    return WorkerView(socket.gethostname(), code_version(module), current_run(Path(output_dir)), seen)


@functools.cache
def code_version(module: str) -> str:
    """Names the code that clips depend on: the package of the work's module, this one, the video code, PyAV."""
    digest = hashlib.sha256()
    found = None if module == "__main__" else find_spec(module)  # code of a script itself is sent along
    folders = [Path(found.origin).parent] if found and found.origin else []
    for root in (*folders, Path(__file__).parent, Path(video.__file__).parent):
        for path in sorted(root.rglob("*.py")):
            digest.update(f"{path.relative_to(root)}\n".encode() + path.read_bytes())
    return f"code {digest.hexdigest()[:12]}, PyAV {av.__version__}"


def _module(attempt: Attempt) -> str:
    """Where the work's function is, also of one whose settings ``functools.partial`` has filled in."""
    return getattr(attempt.work, "func", attempt.work).__module__


def _check_view(worker: str, view: WorkerView, attempt: Attempt, code: str) -> None:
    if view.code != code:
        raise ConfigError(
            f"--cluster: {worker} runs another version ({view.code}) than this machine ({code}); install the same "
            "one everywhere, and start the workers anew"
        )
    if view.run_id != attempt.run_id:
        raise ConfigError(
            f"--cluster: {worker} does not see the output folder {attempt.output_dir}; choose an --output_dir that "
            "all machines share, under the same path"
        )


def _result(future: Future, attempt: Attempt) -> Finished:
    from distributed import CancelledError, KilledWorker

    try:
        return future.result()
    except KilledWorker as error:
        source = attempt.job.sources[0] if attempt.job.sources else attempt.job.name
        problem = f"{source}: its worker ended each time ({error}); see the workers' logs, then run it again"
        return Finished(attempt.job.name, Outcome(problem=problem), died=True, begun_before=True)
    except CancelledError as error:
        raise ConfigError(
            "--cluster: the scheduler went away, or was started anew; the same command goes on where this one stopped"
        ) from error


def _count_threads(client: Client, before: int) -> int:
    """Threads of all workers; says so when there is none any more (``before``: the last count)."""
    threads: Any = sum(client.nthreads().values())
    if not threads and before:
        tqdm.write("note: the cluster has no workers now; the work goes on when one joins", file=sys.stderr)
    return threads
