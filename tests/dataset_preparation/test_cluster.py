"""Preparation on a real Dask cluster of two workers, as ``dask scheduler`` and ``dask worker`` start it."""

import dataclasses
import functools
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.dataset_preparation.jobs.clip_jobs import make_jobs, times_run, write_clip
from tests.dataset_preparation.test_workers import assert_tidy, run, start
from videosync.errors import ConfigError
from videosync.jobs import cluster, workers
from videosync.jobs.cluster import cluster_pool, is_news
from videosync.jobs.run_folder import UNFINISHED, run_folder
from videosync.video.read import probe

distributed = pytest.importorskip("distributed")
ROOT = Path(__file__).resolve().parents[2]


def dask(*words: str, path: Path = ROOT) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(path), "DASK_DISTRIBUTED__WORKER__DAEMON": "true"}
    return subprocess.Popen(
        [sys.executable, "-m", "dask", *words], env=environment, stderr=subprocess.PIPE, start_new_session=True
    )


def start_worker(address: str, **options: Path) -> subprocess.Popen[bytes]:
    return dask("worker", address, "--nthreads", "1", "--no-dashboard", **options)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def end(process: subprocess.Popen[bytes]) -> None:
    if process.returncode is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def wait_for_workers(address: str, count: int) -> None:
    with distributed.Client(address, set_as_default=False) as client:
        client.wait_for_workers(count, timeout=60)


@pytest.fixture
def scheduler():
    port = free_port()
    process = dask("scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard")
    process.address = f"tcp://127.0.0.1:{port}"
    yield process
    end(process)


@pytest.fixture(scope="module")
def address():
    port = free_port()
    here = f"tcp://127.0.0.1:{port}"
    processes = [dask("scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard")]
    processes += [start_worker(here) for _ in range(2)]
    wait_for_workers(here, 2)
    yield here
    for process in reversed(processes):
        end(process)


def in_the_middle_of_work(root, then, jobs=1):
    """A thread that calls ``then`` when so many clips are being written."""

    def wait() -> None:
        while len(list((root / "out" / UNFINISHED).glob("*/*"))) < jobs:
            time.sleep(0.02)
        then()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


def test_same_outcomes_as_on_one_machine(tmp_path, address):
    folders = [tmp_path / "local", tmp_path / "cluster"]
    outcomes = []
    for folder, where in zip(folders, (None, address)):
        folder.mkdir()
        jobs = make_jobs(folder, 6)
        jobs[2] = dataclasses.replace(jobs[2], fault="bad")
        outcomes.append(run(folder, jobs, cluster=where))
        assert run(folder, jobs, cluster=where) == outcomes[-1]
        assert set(times_run(folder).values()) == {1}
    here, there = outcomes
    assert list(there) == list(here)
    for name in here:
        assert len(there[name].clips) == len(here[name].clips) == int(name != "job2")
        assert bool(there[name].problem) == bool(here[name].problem)
        clips = [folder / f"out/clips/{name}.mp4" for folder in folders if here[name].clips]
        assert len({clip.read_bytes() for clip in clips}) <= 1


@pytest.mark.slow
def test_work_of_a_lost_worker_is_done_by_another(tmp_path, address):
    jobs = make_jobs(tmp_path, 4, frames=40, pause=0.02)
    lost = start_worker(address)
    wait_for_workers(address, 3)
    thread = in_the_middle_of_work(tmp_path, lambda: os.killpg(lost.pid, signal.SIGKILL), jobs=3)
    outcomes = run(tmp_path, jobs, cluster=address)
    thread.join(timeout=30)
    lost.communicate()
    for outcome in outcomes.values():
        assert probe(tmp_path / "out" / outcome.clips[0].clip).num_frames == 40
    assert_tidy(tmp_path)


@pytest.mark.slow
def test_a_clip_that_kills_its_worker_costs_that_clip_alone(tmp_path, address):
    jobs = make_jobs(tmp_path, 4)
    jobs[1] = dataclasses.replace(jobs[1], fault="SIGKILL")
    outcomes = run(tmp_path, jobs, cluster=address)
    assert [name for name, outcome in outcomes.items() if outcome.problem] == ["job1"]
    assert f"{tmp_path}/source1.bin: its worker ended each time" in outcomes["job1"].problem
    assert_tidy(tmp_path)


@pytest.mark.parametrize(
    ("error", "news"), [(distributed.client.FutureCancelledError("job", "unknown"), False), (OSError(), True)]
)
def test_jobs_that_stopping_cancels_are_no_news(error, news):
    record = logging.LogRecord("tornado.application", logging.ERROR, "", 0, "", (), (type(error), error, None))
    assert is_news(record) is news


@pytest.mark.slow
def test_stopped_by_ctrl_c(tmp_path, address):
    process = start(tmp_path, address)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert (process.returncode, errors) == (130, "stopped\n")
    finished = {path.stem for path in (tmp_path / "out/clips").iterdir()}
    run(tmp_path, make_jobs(tmp_path, 6, frames=20, pause=0.03), cluster=address, settings={})
    assert {name for name, times in times_run(tmp_path).items() if times == 1} >= finished
    assert_tidy(tmp_path)


def test_what_workers_must_see(tmp_path, address):
    (job,) = make_jobs(tmp_path, 1)

    def check(needs):
        with cluster_pool(address, needs):
            pass

    with run_folder(tmp_path / "out") as run_id:
        work = functools.partial(write_clip)  # as the scripts give it
        fits = workers.needs_of(work, [job], tmp_path / "out", run_id)
        assert fits.module == write_clip.__module__
        check(fits)
        gone = str(tmp_path / "gone.mp4")
        with pytest.raises(ConfigError, match=f"a worker on .* cannot read {gone}; the files must be"):
            check(dataclasses.replace(fits, source=gone))
        with pytest.raises(ConfigError, match="does not see the output folder .*elsewhere; choose"):
            check(dataclasses.replace(fits, output_dir=tmp_path / "elsewhere"))
        with pytest.raises(
            ConfigError, match=r"version \(code \w{12}, PyAV [\d.]+\) than the machine .* \(code 0\); install"
        ):
            check(dataclasses.replace(fits, code="code 0"))


@pytest.mark.slow
def test_a_worker_without_the_package(tmp_path, scheduler):
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['videosync.jobs'] = None\n")
    bare = start_worker(scheduler.address, path=tmp_path)
    try:
        wait_for_workers(scheduler.address, 1)
        with pytest.raises(ConfigError, match="cannot run the jobs .*videosync.jobs.*; install"):
            run(tmp_path, make_jobs(tmp_path, 1), cluster=scheduler.address)
    finally:
        end(bare)


def test_no_cluster(tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 0.5)
    address = f"tcp://127.0.0.1:{free_port()}"
    with pytest.raises(ConfigError, match=f"--cluster {address}: no Dask scheduler answers"):
        run(tmp_path, make_jobs(tmp_path, 1), cluster=address)
    with pytest.raises(ConfigError, match="is no address"):
        run(tmp_path, make_jobs(tmp_path, 1), cluster="here")
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ConfigError, match=r"pip install 'videosync\[cluster\]'"):
        run(tmp_path, make_jobs(tmp_path, 1), cluster=address)


@pytest.mark.slow
def test_scheduler_and_workers_that_come_and_go(tmp_path, monkeypatch, scheduler, capsys):
    """No worker yet; one that comes and leaves; one that joins later; then the scheduler goes away."""
    monkeypatch.setattr(cluster, "WORKER_SECONDS", 0.3)
    jobs = make_jobs(tmp_path, 40, frames=30, pause=0.02)
    here = scheduler.address
    with pytest.raises(ConfigError, match=f"no worker has joined the scheduler; start some with 'dask worker {here}'"):
        run(tmp_path, jobs, cluster=here)
    started = [start_worker(here)]
    monkeypatch.setattr(cluster, "WORKER_SECONDS", 60)

    def then() -> None:
        end(started[0])
        while "the cluster has no workers now" not in capsys.readouterr().err:
            time.sleep(0.1)
        started.append(start_worker(here))
        while len(times_run(tmp_path)) < 3:
            time.sleep(0.02)
        end(scheduler)

    thread = in_the_middle_of_work(tmp_path, then)
    try:
        with pytest.raises(ConfigError, match="the scheduler went away"):
            run(tmp_path, jobs, cluster=here)
        thread.join(timeout=30)
    finally:
        for worker in started:
            end(worker)
    assert len(times_run(tmp_path)) < 40
