"""Preparation on a real Dask cluster of two workers, as ``dask scheduler`` and ``dask worker`` start it."""

import dataclasses
import functools
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from dataset_preparation.clips import cluster
from dataset_preparation.clips.attempt import Attempt
from dataset_preparation.clips.records import job_key
from dataset_preparation.clips.run_folder import RUNNING, RunFolder
from dataset_preparation.clips.workers import run_jobs
from tests.dataset_preparation.jobs.clip_jobs import make_jobs, times_run, write_clip
from tests.dataset_preparation.test_workers import assert_tidy, start
from videosync.errors import ConfigError
from videosync.video.read import probe

pytest.importorskip("distributed")
ROOT = Path(__file__).resolve().parents[2]


def dask(*words: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DASK_DISTRIBUTED__WORKER__DAEMON": "true"}
    return subprocess.Popen(
        [sys.executable, "-m", "dask", *words],
        env=environment,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def start_worker(address: str) -> subprocess.Popen[bytes]:
    return dask("worker", address, "--nthreads", "1", "--no-dashboard")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def end(process: subprocess.Popen[bytes]) -> None:
    if process.returncode is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.fixture(scope="module")
def scheduler():
    port = free_port()
    process = dask("scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard")
    yield f"tcp://127.0.0.1:{port}"
    end(process)


@pytest.fixture(scope="module")
def address(scheduler):
    workers = [start_worker(scheduler) for _ in range(2)]
    with cluster.connect(scheduler) as client:
        client.wait_for_workers(2, timeout=60)
    yield scheduler
    for worker in workers:
        end(worker)


def run(root, jobs, address):
    return run_jobs(
        write_clip, jobs, output_dir=root / "out", settings={}, workers=1, cluster=address, label="cutting"
    )


def in_the_middle_of(root, job, then):
    """A thread that calls ``then`` when the job's clip is being written."""

    def wait() -> None:
        marker = root / "out" / RUNNING / job_key(job.name)
        while not marker.exists():
            time.sleep(0.02)
        then()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


def test_same_outcomes_as_on_one_machine(tmp_path, address):
    (tmp_path / "local").mkdir()
    (tmp_path / "cluster").mkdir()
    local, remote = make_jobs(tmp_path / "local", 6), make_jobs(tmp_path / "cluster", 6)
    for jobs in (local, remote):
        jobs[2] = dataclasses.replace(jobs[2], fault="bad")
    there = run(tmp_path / "cluster", remote, address)
    here = run(tmp_path / "local", local, None)
    assert list(there) == list(here)
    for name in here:
        assert len(there[name].clips) == len(here[name].clips) == int(name != "job2")
        assert bool(there[name].problem) == bool(here[name].problem)
        clip = f"out/clips/{name}.mp4"
        if here[name].clips:
            assert (tmp_path / "cluster" / clip).read_bytes() == (tmp_path / "local" / clip).read_bytes()
    run(tmp_path / "cluster", remote, address)
    assert set(times_run(tmp_path / "cluster").values()) == {1}


def test_work_of_a_lost_worker_is_done_by_another(tmp_path, address):
    jobs = make_jobs(tmp_path, 4, frames=40, pause=0.02)
    lost = start_worker(address)
    pids: list[int] = []

    def kill() -> None:
        os.killpg(lost.pid, signal.SIGKILL)  # its nanny with it: it does not come back
        pids.append(lost.pid)

    with cluster.connect(address) as client:
        client.wait_for_workers(3, timeout=60)
    thread = in_the_middle_of(tmp_path, jobs[3], kill)
    outcomes = run(tmp_path, jobs, address)
    thread.join(timeout=30)
    lost.communicate()
    assert pids
    for outcome in outcomes.values():
        assert probe(tmp_path / "out" / outcome.clips[0].clip).num_frames == 40
    assert_tidy(tmp_path)


def test_jobs_that_kill_their_worker_do_not_stop_the_run(tmp_path, address):
    jobs = make_jobs(tmp_path, 4)
    jobs[1] = dataclasses.replace(jobs[1], fault="SIGSEGV")
    outcomes = run(tmp_path, jobs, address)
    assert [name for name, outcome in outcomes.items() if outcome.problem] == ["job1"]
    assert "ended its process (SIGSEGV)" in outcomes["job1"].problem
    assert times_run(tmp_path)["job1"] == 3  # on a worker, in a process of its own, and once more alone
    assert_tidy(tmp_path)


def test_stopped_by_ctrl_c(tmp_path, address):
    process = start(tmp_path, address)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert (process.returncode, errors) == (130, "stopped\n")
    finished = {path.stem for path in (tmp_path / "out/clips").glob("job*")}
    time.sleep(1.5)  # a beat later no worker is at it any more
    run(tmp_path, make_jobs(tmp_path, 6, frames=20, pause=0.03), address)
    assert {name for name, times in times_run(tmp_path).items() if times == 1} >= finished
    assert_tidy(tmp_path)


def test_what_workers_must_see(tmp_path, address, monkeypatch):
    (job,) = make_jobs(tmp_path, 1)
    with RunFolder(tmp_path / "out") as folder, cluster.connect(address) as client:
        filled_in = functools.partial(write_clip)  # as the scripts give it
        attempt = Attempt(filled_in, job, tmp_path / "out", {}, folder.run_id)
        cluster.check_workers(client, [attempt])
        opened = os.open(job.sources[0], os.O_RDONLY)
        mine = dataclasses.replace(job, sources=(f"/proc/self/fd/{opened}",))  # each process has its own
        with pytest.raises(ConfigError, match="cannot read /proc/self/fd"):
            cluster.check_workers(client, [dataclasses.replace(attempt, job=mine)])
        os.close(opened)
        elsewhere = dataclasses.replace(attempt, output_dir=tmp_path / "elsewhere")
        with pytest.raises(ConfigError, match="does not see the output folder .*elsewhere; choose"):
            cluster.check_workers(client, [elsewhere])
        with pytest.raises(ConfigError, match="does not see the output folder .*elsewhere; choose"):
            next(cluster.on_cluster([elsewhere], client))  # as on a worker that joins later
        monkeypatch.setattr(cluster, "code_version", lambda module: "code 0, PyAV 1")
        with pytest.raises(
            ConfigError, match=r"another version \(code \w{12}, PyAV [\d.]+\) than this machine \(code 0"
        ):
            cluster.check_workers(client, [attempt])


def test_a_worker_without_the_package(tmp_path, scheduler):
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['dataset_preparation'] = None\n")
    bare = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "dask",
            "worker",
            scheduler,
            "--nthreads",
            "1",
            "--no-dashboard",
            "--name",
            "bare",
        ],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        with cluster.connect(scheduler) as client:
            while not any(worker["id"] == "bare" for worker in client.scheduler_info(-1)["workers"].values()):
                time.sleep(0.05)
        with pytest.raises(ConfigError, match="cannot run the preparation .*dataset_preparation.*; install"):
            run(tmp_path, make_jobs(tmp_path, 1), scheduler)
    finally:
        end(bare)


def test_nobody_answers(tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 0.5)
    address = f"tcp://127.0.0.1:{free_port()}"
    with pytest.raises(ConfigError, match=f"--cluster {address}: no Dask scheduler answers"):
        run(tmp_path, make_jobs(tmp_path, 1), address)
    with pytest.raises(ConfigError, match="is no address"):
        run(tmp_path, make_jobs(tmp_path, 1), "here")


def test_without_dask(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ConfigError, match=r"pip install 'videosync\[cluster\]'"):
        run(tmp_path, make_jobs(tmp_path, 1), "tcp://127.0.0.1:1")


def test_scheduler_and_workers_that_come_and_go(tmp_path, monkeypatch):
    """No worker yet; one that joins later; then the scheduler goes away."""
    monkeypatch.setattr(cluster, "WORKER_SECONDS", 0.3)
    port = free_port()
    process = dask("scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard")
    here = f"tcp://127.0.0.1:{port}"
    workers = []
    try:
        jobs = make_jobs(tmp_path, 40, frames=30, pause=0.02)
        with pytest.raises(
            ConfigError, match=f"no worker has joined the scheduler; start some with 'dask worker {here}'"
        ):
            run(tmp_path, jobs, here)
        workers.append(start_worker(here))
        monkeypatch.setattr(cluster, "WORKER_SECONDS", 60)
        running = tmp_path / "out" / RUNNING

        def then() -> None:
            workers.append(start_worker(here))
            while len(list(running.iterdir())) < 2:
                time.sleep(0.02)
            end(process)

        thread = in_the_middle_of(tmp_path, jobs[0], then)
        with pytest.raises(ConfigError, match="the scheduler went away"):
            run(tmp_path, jobs, here)
        thread.join(timeout=30)
    finally:
        for each in [*workers, process]:
            end(each)
    assert len(times_run(tmp_path)) < 40
