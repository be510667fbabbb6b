"""Batches that do not come: every rank learns why, in one sentence, and nothing waits for ever."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import psutil
import pytest
from torch.utils.data import get_worker_info

from tests.engine.test_trainer import StopAt, train
from tests.engine.toy import ToyClips, toy_trainer
from videosync.checkpoints.checkpoint import latest_checkpoint
from videosync.data import loaders
from videosync.data.datasets import ClipPair
from videosync.engine import batches
from videosync.engine.batches import worker_problem
from videosync.engine.signals import shield_workers
from videosync.engine.train import resume
from videosync.errors import DataLoadingError, TrainingError
from videosync.types import Batch

HANG = 120.0  # seconds; a test that waits longer waits for ever


class BadClips(ToyClips):
    """In a worker, item 5 does what no item should."""

    def __init__(self, what: str, bad: Sequence[int] = (5,)) -> None:
        super().__init__(16)
        self.what, self.which = what, set(bad)

    def __getitem__(self, index: int) -> ClipPair:
        if index in self.which and get_worker_info() is not None:
            if self.what == "raises":
                raise KeyError("no such clip")
            if self.what == "hangs":
                time.sleep(HANG)
            os.kill(os.getpid(), signal.Signals[self.what])
        return super().__getitem__(index)


def children() -> list[int]:
    """Processes that data loading may have left: all below this one but multiprocessing's two servers."""
    servers = ("resource_tracker", "forkserver")
    found = psutil.Process().children(recursive=True)
    mine = [p for p in found if p.ppid() == os.getpid() and any(s in " ".join(p.cmdline()) for s in servers)]
    return [p.pid for p in found if p not in mine]


@pytest.mark.slow
@pytest.mark.timeout(HANG)
@pytest.mark.parametrize(
    ("what", "workers", "seconds", "said"),
    [
        ("raises", 2, HANG, "^.*KeyError: 'no such clip'.*test_batches.py, line.*data.num_workers 0.*$"),  # one line
        ("hangs", 1, 6.0, "no batch came for 0.1 minutes, though .* data.num_workers"),
    ],
)
def test_worker_that_fails_or_hangs_ends_training_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, workers: int, seconds: float, said: str
) -> None:
    monkeypatch.setattr(batches, "BATCH_SECONDS", seconds)
    shield_workers()
    before = set(children())  # of tests that ran earlier in this process
    with pytest.raises(TrainingError, match=said):
        toy_trainer(tmp_path, clips=BadClips(what), workers=workers).run()
    assert set(children()) <= before


@pytest.mark.parametrize(
    ("error", "code", "parts"),
    [
        ("a worker ended", -signal.SIGKILL, ("of process 1 was ended (SIGKILL), as", "data.num_workers")),
        ("a worker ended", -signal.SIGSEGV, ("(SIGSEGV); use",)),
        ("a worker ended", 3, ("exit code 3",)),
        ("a worker ended", -signal.SIGBUS, ("/dev/shm", "--shm-size 2g", "num_workers 0")),
        ("shared memory(shm): No space left on device (28)", None, ("/dev/shm", "--ipc=host")),
        ("", None, ("failed: RuntimeError", "data.num_workers 0")),
    ],
)
def test_why_workers_gave_no_batch(error: str, code: int | None, parts: tuple[str, ...]) -> None:
    text = worker_problem(RuntimeError(error), [Ended(None), Ended(code)], " of process 1")
    for part in parts:
        assert part in text


def test_a_worker_whose_connection_breaks_before_its_end_is_seen_was_killed() -> None:
    end, sentinel = os.pipe()[::-1]
    worker: Any = Ended(None)
    worker.sentinel = sentinel

    def is_seen() -> None:
        worker.exitcode = -signal.SIGKILL
        os.close(end)

    threading.Timer(0.1, is_seen).start()
    assert "was ended (SIGKILL)" in worker_problem(ConnectionResetError(104, "Connection reset by peer"), [worker])
    os.close(sentinel)


class Ended:
    def __init__(self, code: int | None) -> None:
        self.exitcode = code


@pytest.mark.slow
@pytest.mark.timeout(HANG)
def test_signal_saves_while_a_worker_hangs(tmp_path: Path) -> None:
    """The run that goes on from there equals the uninterrupted one."""
    before = set(children())  # of tests that ran earlier in this process
    whole = train(toy_trainer(tmp_path / "whole"))
    shield_workers()
    stopped = toy_trainer(tmp_path / "parts", clips=BadClips("hangs"), workers=1)
    stopped.logger = record = StopAt(1)
    assert stopped.run() == signal.SIGTERM
    saved = latest_checkpoint(tmp_path / "parts")
    assert saved.step == len(record.steps) < 4  # item 5 is in one of the first epoch's four batches
    assert set(children()) <= before
    second = toy_trainer(tmp_path / "parts")
    resume(second, saved)
    assert record.series("loss") + train(second).series("loss") == whole.series("loss")


def test_batch_is_in_shared_memory_only_in_a_worker() -> None:
    clips = ToyClips(4)
    assert not loaders._shared_batch([clips[0]]).frames.is_shared()


def test_a_worker_that_is_killed_costs_no_step_that_was_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = toy_trainer(tmp_path)
    ended = DataLoadingError("a worker was ended")
    real = trainer.source.batches

    def breaks_off(*args: Any) -> Iterator[Batch]:
        yield from islice(real(*args), 2)
        raise ended

    monkeypatch.setattr(trainer.source, "batches", breaks_off)
    with pytest.raises(DataLoadingError):
        trainer.run()
    assert latest_checkpoint(tmp_path).step == 2
