"""Preparation jobs: each once, whatever stops the run or kills a process in the middle."""

import dataclasses
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dataset_preparation.clips import attempt, progress
from dataset_preparation.clips.job import Outcome
from dataset_preparation.clips.records import DONE, job_key
from dataset_preparation.clips.run_folder import LOCK, RUNNING, TEMPORARY, RunFolder
from dataset_preparation.clips.workers import run_jobs
from tests.dataset_preparation.jobs.clip_jobs import make_jobs, times_run, write_clip
from videosync.data.samples import MANIFEST_NAME
from videosync.errors import ManifestError, VideoWriteError
from videosync.video.read import probe

SCRIPT = Path(__file__).with_name("jobs") / "clip_jobs.py"


def run(root, jobs, workers=1, settings=None) -> dict[str, Outcome]:
    settings = {"size": 32} if settings is None else settings
    return run_jobs(
        write_clip,
        jobs,
        output_dir=root / "out",
        settings=settings,
        workers=workers,
        cluster=None,
        label="cutting",
    )


def assert_tidy(root):
    names = [name for _, _, names in os.walk(root / "out") for name in names]
    assert not [name for name in names if TEMPORARY.fullmatch(name)]
    assert not list((root / "out" / RUNNING).iterdir())


@pytest.mark.parametrize("workers", [1, 3])
def test_each_job_runs_once(tmp_path, workers, capsys):
    jobs = make_jobs(tmp_path, 7)
    jobs.reverse()
    first = run(tmp_path, jobs, workers)
    assert list(first) == [job.name for job in jobs]
    for job in jobs:
        (clip,) = first[job.name].clips
        assert probe(tmp_path / "out" / clip.clip).num_frames == clip.num_frames == 3
    assert re.fullmatch(r"cutting: 7 jobs, 21 frames in [\d.]+ s: [\d,]+ frames/s\n", capsys.readouterr().out)
    assert run(tmp_path, jobs, workers) == first
    assert capsys.readouterr().out == "cutting: nothing to do (7 jobs were done before)\n"
    assert times_run(tmp_path) == {f"job{i}": 1 for i in range(7)}
    assert_tidy(tmp_path)


def test_no_jobs(tmp_path):
    assert run(tmp_path, [], 2) == {}


def test_only_what_changed_is_run_again(tmp_path):
    jobs = make_jobs(tmp_path, 8)
    run(tmp_path, jobs)
    (tmp_path / "source1.bin").write_bytes(bytes(101))
    os.utime(tmp_path / "source2.bin", ns=(1, 1))
    (tmp_path / "out/clips/job3.mp4").unlink()
    (tmp_path / "out/clips/job4.mp4").write_bytes(b"")
    with open(tmp_path / "out/clips/job5.mp4", "r+b") as clip:
        clip.truncate(200)
    jobs[6] = dataclasses.replace(jobs[6], frames=4)
    run(tmp_path, jobs)
    assert times_run(tmp_path) == {f"job{i}": 1 + (1 <= i <= 6) for i in range(8)}
    for path in (tmp_path / "out/.done").iterdir():
        path.write_text(path.read_text()[:30])  # as a power failure may leave it
    run(tmp_path, jobs[:1])
    run(tmp_path, jobs[:1], settings={"size": 64})
    assert times_run(tmp_path)["job0"] == 3


def test_bad_files_are_remembered_until_they_change(tmp_path):
    jobs = make_jobs(tmp_path, 3)
    jobs[1] = dataclasses.replace(jobs[1], fault="bad")
    for _ in range(2):
        outcomes = run(tmp_path, jobs)
        assert outcomes["job1"] == Outcome(problem=f"{tmp_path}/source1.bin: is damaged")
        assert times_run(tmp_path) == {"job0": 1, "job1": 1, "job2": 1}
    (tmp_path / "source1.bin").write_bytes(bytes(5))
    run(tmp_path, jobs)
    assert times_run(tmp_path) == {"job0": 1, "job1": 2, "job2": 1}
    (tmp_path / "source1.bin").unlink()
    run(tmp_path, jobs)
    run(tmp_path, jobs)
    assert times_run(tmp_path)["job1"] == 3
    assert_tidy(tmp_path)


@pytest.mark.parametrize("workers", [1, 2])
def test_unwritable_output_stops_the_run_and_is_not_recorded(tmp_path, workers):
    jobs = make_jobs(tmp_path, 4, pause=0.01)
    jobs[2] = dataclasses.replace(jobs[2], fault="disk")
    for times in (1, 2):
        with pytest.raises(VideoWriteError, match="the disk is full"):
            run(tmp_path, jobs, workers)
        assert times_run(tmp_path)["job2"] == times
        assert_tidy(tmp_path)
    healthy = make_jobs(tmp_path, 4, pause=0.01)
    assert all(outcome.clips for outcome in run(tmp_path, healthy, workers).values())


@pytest.mark.parametrize("workers", [1, 2])
def test_mistakes_in_the_code_are_not_swallowed(tmp_path, workers):
    jobs = [
        *make_jobs(tmp_path, 2),
        *[dataclasses.replace(job, name="x", fault="bug") for job in make_jobs(tmp_path, 1)],
    ]
    with pytest.raises(ZeroDivisionError, match="a mistake in the code"):
        run(tmp_path, jobs, workers)
    assert_tidy(tmp_path)


def test_too_little_memory_is_a_problem_of_this_run_only(tmp_path):
    jobs = make_jobs(tmp_path, 2, fault="memory")
    for times in (1, 2):
        assert "not enough memory" in run(tmp_path, jobs)["job0"].problem
        assert times_run(tmp_path) == {"job0": times, "job1": times}


def test_jobs_that_kill_their_process_neither_stop_the_run_nor_vanish(tmp_path):
    jobs = make_jobs(tmp_path, 5)
    faults = {1: "SIGSEGV", 2: "once SIGSEGV", 3: "SIGKILL"}
    jobs = [dataclasses.replace(job, fault=faults.get(i, "")) for i, job in enumerate(jobs)]
    outcomes = run(tmp_path, jobs, 2)
    assert [name for name, outcome in outcomes.items() if outcome.problem] == ["job1", "job3"]
    assert f"{tmp_path}/source1.bin: ended its process (SIGSEGV)" in outcomes["job1"].problem
    assert "(SIGKILL): there was probably too little memory" in outcomes["job3"].problem
    assert_tidy(tmp_path)


@pytest.mark.parametrize(
    ("fault", "how", "runs"),
    [("SIGSEGV", "SIGSEGV", 2), ("exit", "exit code 3", 2), ("SIGKILL", "SIGKILL", 4)],
)
def test_a_job_that_killed_a_run_is_kept_apart_in_the_next(tmp_path, fault, how, runs):
    (job,) = make_jobs(tmp_path, 1, fault=fault)
    for _ in range(2):
        with RunFolder(tmp_path / "out"):
            pass
        (tmp_path / "out" / RUNNING / job_key(job.name)).write_text("earlier 0.5\n")
        assert f"({how})" in run(tmp_path, [job])["job0"].problem  # and this process is still there
    # remembered, apart from a kill: it comes from outside, so that another time it may go well
    assert times_run(tmp_path) == {"job0": runs}


def test_one_run_at_a_time(tmp_path):
    jobs = make_jobs(tmp_path, 1)
    with (
        RunFolder(tmp_path / "out"),
        pytest.raises(ManifestError, match=rf"process {os.getpid()} on .*; wait for"),
    ):
        run(tmp_path, jobs)
    run(tmp_path, jobs)


def test_work_stops_when_the_run_has_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(attempt, "BEAT_SECONDS", 0.0)
    (job,) = make_jobs(tmp_path, 1)
    with RunFolder(tmp_path / "out") as folder:
        order = attempt.Attempt(write_clip, job, tmp_path / "out", {}, folder.run_id)
        (tmp_path / "out" / LOCK).write_text("another")
        with pytest.raises(attempt.Stopped):
            attempt.execute(order)
    assert not list((tmp_path / "out/clips").iterdir())
    assert_tidy(tmp_path)


def test_names_must_be_unique(tmp_path):
    with pytest.raises(ValueError, match="two jobs are named 'job0'"):
        run(tmp_path, make_jobs(tmp_path, 1) * 2)


@pytest.mark.parametrize("names", [("cam", "CAM"), ("caf\u00e9", "cafe\u0301")])
def test_clips_that_some_disks_do_not_tell_apart_are_refused(tmp_path, names):
    jobs = [dataclasses.replace(job, name=name) for job, name in zip(make_jobs(tmp_path, 2), names)]
    with pytest.raises(ManifestError) as error:
        run(tmp_path, jobs)
    assert all(job.sources[0] in str(error.value) for job in jobs)
    same_file = [dataclasses.replace(job, sources=jobs[0].sources) for job in jobs]
    with pytest.raises(ManifestError, match=f"{names[0]} and {names[1]} would both become the clip"):
        run(tmp_path, same_file)
    assert not times_run(tmp_path)


def test_log_files_get_lines_with_the_running_jobs_share(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(progress, "POLL_SECONDS", 0.02)
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.1)
    monkeypatch.setattr(attempt, "BEAT_SECONDS", 0.0)
    jobs = make_jobs(tmp_path, 2, frames=10, pause=0.03)
    (tmp_path / "source0.bin").write_bytes(bytes(300))  # against 100 of the other
    run(tmp_path, jobs)
    lines = capsys.readouterr().err.splitlines()
    pattern = r"cutting: (\d+)%, [012] of 2 jobs(, \d+ frames/s)?(, [\d:]+ left)?"
    shares = [int(re.fullmatch(pattern, line)[1]) for line in lines]
    assert len(shares) >= 3
    assert shares == sorted(shares)
    assert any(0 < share < 75 for share in shares), "the share of the first job, while it was running"


def launch(root, where, count, frames):
    """A preparation in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, SCRIPT, root, str(where), str(count), str(frames)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def start(root, where=2, count=6, frames=20):
    """The same, in the middle of its work."""
    process = launch(root, where, count, frames)
    out = root / "out"
    wait_for(lambda: any((out / DONE).glob("[!.]*")) and any((out / "clips").glob(".job*.mp4")), process)
    return process


def wait_for(condition, process, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)


def finish(root, finished):
    """Run the rest, then nothing; ``finished``: clips of the run that was stopped."""
    for clip in finished:
        assert probe(clip).num_frames == 20
    before = times_run(root)
    kept = {record.name for record in (root / "out" / DONE).iterdir()}  # a clip may lack its record yet
    assert len(kept) >= max(1, len(finished) - 2)
    for _ in range(2):
        done = subprocess.run([sys.executable, SCRIPT, root, "2", "6", "20"], capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
    again = {name: times - before.get(name, 0) for name, times in times_run(root).items()}
    assert again == {f"job{i}": int(job_key(f"job{i}") not in kept) for i in range(6)}
    assert_tidy(root)


def assert_stopped(process, root):
    """It said so, and left nothing half done."""
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    # joblib may warn behind it of semaphores that its killed workers held
    assert errors.startswith("stopped\n")
    assert "Traceback" not in errors
    assert_tidy(root)


@pytest.mark.parametrize(
    ("number", "workers"),
    [pytest.param(signal.SIGINT, 2, marks=pytest.mark.slow), (signal.SIGTERM, 2), (signal.SIGINT, 1)],
)
def test_stopped_by_a_signal(tmp_path, number, workers):
    process = start(tmp_path, workers)
    os.killpg(process.pid, number)  # all processes, as a terminal does
    assert_stopped(process, tmp_path)
    finished = list((tmp_path / "out/clips").iterdir())
    assert 1 <= len(finished) < 6
    if workers == 2 and number == signal.SIGINT:
        finish(tmp_path, finished)


@pytest.mark.parametrize("seconds", [0.1, 0.25, 0.4])
def test_stopped_while_workers_start(tmp_path, seconds):
    process = launch(tmp_path, 2, 6, 20)
    wait_for((tmp_path / "out" / LOCK).exists, process)
    time.sleep(seconds)
    os.killpg(process.pid, signal.SIGINT)
    assert_stopped(process, tmp_path)


@pytest.mark.parametrize("kill", [pytest.param(os.killpg, marks=pytest.mark.slow), os.kill])
def test_killed(tmp_path, kill):
    process = start(tmp_path)
    kill(process.pid, signal.SIGKILL)  # all processes, or the main one alone
    process.communicate(timeout=120)  # until the last one that holds the pipes has ended
    everything = set((tmp_path / "out/clips").iterdir())
    finished = {clip for clip in everything if not TEMPORARY.fullmatch(clip.name)}
    assert len(finished) < 6
    if kill == os.killpg:
        assert everything > finished, "half a clip, which the next run sweeps away"
        finish(tmp_path, finished)


def test_labels_never_stand_beside_clips_that_were_made_anew(tmp_path):
    """Else they would be wrong where a run with other stretches of the sources is cut off in its middle."""
    jobs = make_jobs(tmp_path, 3)
    run(tmp_path, jobs[:2])
    manifest = tmp_path / "out" / MANIFEST_NAME
    manifest.write_text("what the clips are")
    run(tmp_path, jobs)  # a job more changes nothing about the others
    assert manifest.exists()
    jobs[0] = dataclasses.replace(jobs[0], frames=4)
    jobs[1] = dataclasses.replace(jobs[1], fault="disk")
    with pytest.raises(VideoWriteError):
        run(tmp_path, jobs)
    assert not manifest.exists()


def test_a_record_does_not_outlive_its_clip(tmp_path):
    """The clip that another plan began may be there, even of the same size, when the first plan comes back."""
    jobs = make_jobs(tmp_path, 1)
    run(tmp_path, jobs)
    with pytest.raises(VideoWriteError):
        run(tmp_path, [dataclasses.replace(jobs[0], fault="disk")])
    run(tmp_path, jobs)
    assert times_run(tmp_path) == {"job0": 3}


def test_no_access_to_a_source_is_not_remembered(tmp_path):
    jobs = make_jobs(tmp_path, 1, fault="no access")
    for times in (1, 2):
        assert run(tmp_path, jobs)["job0"].problem.endswith("cannot be read (Permission denied)")
        assert times_run(tmp_path) == {"job0": times}
