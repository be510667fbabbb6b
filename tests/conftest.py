"""What every test shares: one thread a process, the development footage, skips where hardware is missing."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import nullcontext

# set before NumPy, OpenCV or torch start their pools: the suite runs in several processes at once
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
os.environ.setdefault("MPLBACKEND", "Agg")
# compiled once: otherwise each of the many processes that tests start would compile the package, and pytest its tests
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
# started in the background of a script, pytest would hand down that Ctrl-C is ignored
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import pytest  # noqa: E402
import torch  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
_SHARED = ROOT.parent / "shared"

torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what this machine cannot run, with the reason."""
    no_gpu = pytest.mark.skip(reason="no CUDA device")
    no_shared = pytest.mark.skip(reason="the development footage is not beside the checkout")
    for item in items:
        if "gpu" in item.keywords and not torch.cuda.is_available():
            item.add_marker(no_gpu)
        if "shared" in item.keywords and not _SHARED.is_dir():
            item.add_marker(no_shared)


def pytest_collection_finish() -> None:
    """What has been imported stays to the end: the garbage collector need not look at it, nor so often."""
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of development footage and reference numbers beside the checkout."""
    if not _SHARED.is_dir():
        pytest.skip("the development footage is not beside the checkout")
    return _SHARED


@pytest.fixture(autouse=True)
def _no_launcher(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests see no launcher's variables, whoever starts them."""
    slurm = ("SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID", "SLURM_STEP_NUM_TASKS")
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT", *slurm):
        monkeypatch.delenv(name, raising=False)


def _this_process() -> Any:
    from videosync.jobs.pool import Pool

    class NeverEnds(Exception):
        pass

    def submit(call: Callable[[Any], Any], item: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(call(item))
        return future

    return nullcontext(Pool(submit, 1, NeverEnds))


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs run in the process of the test, which can then replace what they call."""
    from videosync.jobs import workers

    monkeypatch.setattr(workers, "local_pool", lambda count: _this_process())


@pytest.fixture(scope="module")
def one_worker_in_process() -> Iterator[None]:
    """Jobs of one worker run in the process of the test: for tests that are not about workers it starts none."""
    from videosync.jobs import workers

    real = workers.local_pool
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workers, "local_pool", lambda count: _this_process() if count == 1 else real(count))
        yield
