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

from tests.dataset_preparation.jobs.clip_jobs import make_jobs, times_run, write_clip
from videosync.data.samples import MANIFEST_NAME
from videosync.errors import ManifestError, VideoSyncError, VideoWriteError
from videosync.jobs import progress
from videosync.jobs.job import Outcome
from videosync.jobs.records import DONE, job_key
from videosync.jobs.run_folder import LOCK, UNFINISHED, run_folder
from videosync.jobs.workers import Run, run_jobs
from videosync.video.read import probe

SCRIPT = Path(__file__).with_name("jobs") / "clip_jobs.py"


def run(root, jobs, workers=2, settings=None, cluster=None) -> dict[str, Outcome]:
    return run_jobs(
        write_clip,
        jobs,
        output_dir=root / "out",
        settings={"size": 32} if settings is None else settings,
        workers=workers,
        cluster=cluster,
        label="cutting",
    )


def assert_tidy(root):
    assert not (root / "out" / UNFINISHED).exists()
    names = [path.name for path in (root / "out/clips").glob("*")]
    assert all(re.fullmatch(r"job\d+\.mp4", name) for name in names)


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
    assert run(tmp_path, []) == {}


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


@pytest.mark.parametrize(
    ("fault", "problem", "remembered"),
    [
        ("bad", "{source}: is damaged", True),
        ("no access", "{source}: cannot be read (Permission denied)", False),
        ("memory", "there was not enough memory; run it again with fewer --workers", False),
    ],
)
def test_what_is_wrong_with_a_file_is_remembered_until_it_changes(tmp_path, fault, problem, remembered):
    jobs = make_jobs(tmp_path, 2)
    jobs[1] = dataclasses.replace(jobs[1], fault=fault)
    source = tmp_path / "source1.bin"
    for turn in range(2):
        assert run(tmp_path, jobs)["job1"] == Outcome(problem=problem.format(source=source))
        assert times_run(tmp_path) == {"job0": 1, "job1": 1 if remembered else turn + 1}
    if remembered:
        for change in (lambda: source.write_bytes(bytes(5)), source.unlink):
            before = times_run(tmp_path)["job1"]
            change()
            run(tmp_path, jobs)
            run(tmp_path, jobs)
            assert times_run(tmp_path)["job1"] == before + 1
    assert_tidy(tmp_path)


@pytest.mark.parametrize(
    ("fault", "error", "said"),
    [("disk", VideoWriteError, "the disk is full"), ("bug", ZeroDivisionError, "a mistake in the code")],
)
def test_what_no_file_is_to_blame_for_stops_the_run_and_is_not_recorded(tmp_path, fault, error, said):
    jobs = make_jobs(tmp_path, 4, pause=0.01)
    jobs[2] = dataclasses.replace(jobs[2], fault=fault)
    for times in (1, 2):
        with pytest.raises(error, match=said):
            run(tmp_path, jobs)
        assert times_run(tmp_path)["job2"] == times
        assert_tidy(tmp_path)
    healthy = make_jobs(tmp_path, 4, pause=0.01)
    assert all(outcome.clips for outcome in run(tmp_path, healthy).values())


def test_a_clip_that_kills_its_worker_costs_that_clip_alone(tmp_path, capfd):
    jobs = make_jobs(tmp_path, 9)
    faults = {1: "SIGSEGV", 3: "SIGKILL", 4: "exit"}
    jobs = [dataclasses.replace(job, fault=faults.get(i, "")) for i, job in enumerate(jobs)]
    outcomes = run(tmp_path, jobs)
    assert [name for name, outcome in outcomes.items() if outcome.problem] == ["job1", "job3", "job4"]
    assert all(len(outcome.clips) == (not outcome.problem) for outcome in outcomes.values())
    assert f"{tmp_path}/source1.bin: ended its process (SIGSEGV(-11)): the file" in outcomes["job1"].problem
    assert "(SIGKILL(-9)): there was probably too little memory" in outcomes["job3"].problem
    assert "ended its process (EXIT(3))" in outcomes["job4"].problem
    assert "Fatal Python error" not in capfd.readouterr().err
    assert_tidy(tmp_path)
    before = times_run(tmp_path)
    assert run(tmp_path, jobs) == outcomes
    again = [name for name, times in times_run(tmp_path).items() if times > before[name]]
    assert again == ["job3", "job4"], "what a crash of the decoder may not be is tried again"


@pytest.mark.slow
def test_workers_that_do_nothing_but_end_stop_the_run(tmp_path):
    with pytest.raises(VideoSyncError, match="the worker processes end before they have done anything"):
        run(tmp_path, make_jobs(tmp_path, 20, fault="exit"), workers=1)
    assert_tidy(tmp_path)


def test_one_run_at_a_time(tmp_path):
    jobs = make_jobs(tmp_path, 1)
    with run_folder(tmp_path / "out"), pytest.raises(ManifestError, match=rf"process {os.getpid()} on .*; wait for"):
        run(tmp_path, jobs)
    run(tmp_path, jobs)


def test_work_that_outlives_its_run_changes_nothing(tmp_path):
    (job,) = make_jobs(tmp_path, 1)

    def taken_away(job, folder):
        outcome = write_clip(job, folder)
        (tmp_path / "out" / LOCK).write_text("another")
        return outcome

    with run_folder(tmp_path / "out") as run_id, pytest.raises(VideoWriteError, match="was taken away from the run"):
        Run(taken_away, tmp_path / "out", {}, run_id).do(job)
    assert times_run(tmp_path) == {"job0": 1}
    assert not list((tmp_path / "out").rglob("*.mp4"))
    assert not (tmp_path / "out" / DONE).exists()


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


def test_log_files_get_a_line_now_and_then(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.01)
    run(tmp_path, make_jobs(tmp_path, 4, frames=10, pause=0.03), workers=1)
    lines = capsys.readouterr().err.split("\n")
    shares = [int(found[1]) for line in lines if (found := re.search(r"cutting +(\d+)%.* of 4 jobs, \d+ fra", line))]
    assert len(shares) >= 2
    assert shares == sorted(shares)


def launch(root, where=2):
    """A preparation of six jobs in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, SCRIPT, root, str(where), "6", "20"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def start(root, where=2):
    """The same, in the middle of its work."""
    process = launch(root, where)
    out = root / "out"
    wait_for(lambda: any((out / DONE).glob("[!.]*")) and any((out / UNFINISHED).rglob("*.mp4")), process)
    return process


def wait_for(condition, process, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)


def assert_goes_on(root):
    """Clips are whole, and the same command does the rest, then nothing."""
    for clip in (root / "out/clips").iterdir():
        assert probe(clip).num_frames == 20
    before = times_run(root)
    kept = {record.name for record in (root / "out" / DONE).glob("[!.]*")}
    assert 1 <= len(kept) < 6
    for _ in range(2):
        _, errors = (process := launch(root)).communicate(timeout=120)
        assert (process.returncode, errors) == (0, "")
    again = {name: times - before.get(name, 0) for name, times in times_run(root).items()}
    assert again == {f"job{i}": int(job_key(f"job{i}") not in kept) for i in range(6)}
    assert_tidy(root)


@pytest.mark.parametrize("starting", [False, pytest.param(True, id="while workers start")])
def test_stopped_by_ctrl_c(tmp_path, starting):
    process = launch(tmp_path) if starting else start(tmp_path)
    wait_for((tmp_path / "out" / LOCK).exists, process)
    time.sleep(0.2 * starting)
    os.killpg(process.pid, signal.SIGINT)  # all processes, as a terminal does
    _, errors = process.communicate(timeout=120)  # until the last one that holds the pipes has ended
    assert process.returncode == 130
    # loky may warn behind it of semaphores that its killed workers held
    assert errors.startswith("stopped\n")
    assert "Traceback" not in errors
    assert_tidy(tmp_path)
    if not starting:
        assert_goes_on(tmp_path)


@pytest.mark.slow
def test_killed(tmp_path):
    process = start(tmp_path)
    os.kill(process.pid, signal.SIGKILL)  # the main one alone: the workers end with it
    process.communicate(timeout=120)
    assert (tmp_path / "out" / UNFINISHED).exists()
    assert_goes_on(tmp_path)


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
    """The clip of another plan may be there, even of the same size, when the first plan comes back."""
    jobs = make_jobs(tmp_path, 1)
    run(tmp_path, jobs)
    run(tmp_path, [dataclasses.replace(jobs[0], fault="no access")])
    run(tmp_path, jobs)
    assert times_run(tmp_path) == {"job0": 3}
