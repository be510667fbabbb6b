"""The workers of a Dask scheduler. They may come and go: what a lost one was at is begun again on another."""

from __future__ import annotations

import functools
import hashlib
import logging
import re
import socket
import sys
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import av
from tqdm import tqdm

from videosync.errors import ConfigError
from videosync.jobs.pool import Pool
from videosync.jobs.run_folder import current_run

if TYPE_CHECKING:
    from distributed import Client

ADDRESS = re.compile(r"(\w+://)?[^/]+:\d+")
CONNECT_SECONDS = 10
PACKAGES = ("videosync", "dataset_preparation")  # that are installed together
WORKER_SECONDS = 30  # for a first worker to join
AHEAD = 1000  # jobs handed to the scheduler: some for each of its workers, and for those that join


@dataclass(frozen=True)
class Needs:
    """What a worker must have and see to do the jobs of a run."""

    output_dir: Path
    run_id: str
    module: str  # of the work's function
    code: str  # its :func:`code_version`
    source: str = ""  # a file to be read


def check_worker(needs: Needs) -> None:
    """On a worker, of those that join later too. Raises ConfigError unless it can do the jobs."""
    worker = f"--cluster: a worker on {socket.gethostname()}"
    if (code := code_version(needs.module)) != needs.code:
        raise ConfigError(
            f"{worker} runs another version ({code}) than the machine of the command ({needs.code}); install the "
            "same one everywhere, and start the workers anew"
        )
    if current_run(needs.output_dir) != needs.run_id:
        raise ConfigError(
            f"{worker} does not see the output folder {needs.output_dir}; choose an --output_dir that all machines "
            "share, under the same path"
        )
    if needs.source and not Path(needs.source).exists():
        raise ConfigError(
            f"{worker} cannot read {needs.source}; the files must be in a folder that all machines share, under "
            "the same path"
        )


@functools.cache
def code_version(module: str) -> str:
    """Names the code that results depend on: the package of the work's module, this one, that of preparation, PyAV."""
    digest = hashlib.sha256()
    names = PACKAGES if module == "__main__" else (module, *PACKAGES)  # code of a script itself is sent along
    specs = [find_spec(name) for name in names]
    for root in dict.fromkeys(Path(spec.origin).parent for spec in specs if spec and spec.origin):
        for path in sorted(root.rglob("*.py")):
            digest.update(f"{path.relative_to(root)}\n".encode() + path.read_bytes())
    return f"code {digest.hexdigest()[:12]}, PyAV {av.__version__}"


@contextmanager
def cluster_pool(address: str, needs: Needs) -> Iterator[Pool]:
    """The workers of the scheduler at ``address`` (tcp://host:port), each of them checked.

    Raises ConfigError: there is none, a worker lacks what is needed, or the scheduler goes away.
    """
    with _connect(address) as client:
        from distributed import KilledWorker

        for worker, found in client.run(check_worker, needs, on_error="return").items():
            if isinstance(found, ConfigError):
                raise found
            if isinstance(found, BaseException):
                raise ConfigError(
                    f"--cluster: worker {worker} cannot run the jobs ({type(found).__name__}: {found}); "
                    "install this version of videosync in its environment"
                )
        executor = client.get_executor(pure=False)
        logging.getLogger("tornado.application").addFilter(is_news)
        try:
            yield Pool(executor.submit, AHEAD, KilledWorker, functools.partial(_say_if_deserted, client, []))
        except CancelledError as error:
            raise ConfigError(
                "--cluster: the scheduler went away, or was started anew; the same command goes on where this one "
                "stopped"
            ) from error
        finally:
            executor.shutdown(wait=False)


def is_news(record: logging.LogRecord) -> bool:
    """Whether a line of the client's loop is worth printing: not that a job was cancelled, which stopping does."""
    return not (record.exc_info and isinstance(record.exc_info[1], CancelledError))


@contextmanager
def _connect(address: str) -> Iterator[Client]:
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


def _say_if_deserted(client: Client, said: list[bool]) -> None:
    try:
        deserted = not client.nthreads()
    except OSError:  # the scheduler went away: the jobs will say so
        return
    if deserted and not said:
        tqdm.write("note: the cluster has no workers now; the work goes on when one joins", file=sys.stderr)
    said[:] = [True] * deserted
