"""The download scripts when something is wrong: answers, connections, disk, arguments, and being stopped."""

import contextlib
import os
import shutil
import signal
import subprocess
import time

import pytest

from tests.dataset_preparation.downloads import (
    MULTI_HUMAN,
    ONE,
    PATH,
    POSE,
    POURING,
    SCRIPTS,
    SEQUENCE,
    command,
    download,
    environment,
    files_in,
    one_video,
    remote,
    start_with,
    video,
)
from tests.dataset_preparation.file_server import Answers, serve

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")


@pytest.fixture
def one():
    with one_video() as server:
        yield server


def test_answers_that_are_no_video_are_refused(tmp_path):
    page = b"\r\n<!DOCTYPE html><title>Please log in</title>"
    names = [remote(camera) for camera in ("00", "03", "06", "09", "10", "11")]
    answers = Answers({name: video(2000) for name in names})
    answers.files[names[0]] = b""
    answers.types[names[1]] = "text/html; charset=utf-8"
    answers.files[names[2]] = page  # under a wrong type
    answers.announced[names[3]] = 5000
    answers.announced[names[4]] = 1000
    with serve(answers) as url:
        options = ("--sequences", SEQUENCE, "--cameras", "00 03 06 09 10 11", "--retries", 0)
        result = download(POSE, tmp_path, *options, url=url)
    assert result.returncode == 1
    failures = result.stderr.partition("failed:\n")[2].splitlines()
    assert failures[:5] == [
        f"  {SEQUENCE}/hdVideos/hd_00_00.mp4: the server's file is empty",
        f"  {SEQUENCE}/hdVideos/hd_00_03.mp4: the server answered with a web page instead of the file",
        f"  {SEQUENCE}/hdVideos/hd_00_06.mp4: the server sent a web page instead of the file",
        f"  {SEQUENCE}/hdVideos/hd_00_09.mp4: the server announced 5000 bytes and sent 2000",
        f"  {SEQUENCE}/hdVideos/hd_00_10.mp4: the server announced 1000 bytes and sent 2000",
    ]
    assert "fetched 1, already there 0, not on the server 0, failed 5" in result.stdout
    assert files_in(tmp_path) == [f"{SEQUENCE}/hdVideos/hd_00_{n}" for n in ("09.mp4.part", "11.mp4")]


def test_server_that_tells_no_sizes(tmp_path, one):
    answers, url = one
    answers.tells_length = False
    start_with(tmp_path, b"rest of an earlier try", ".part")
    result = download(POSE, tmp_path, *ONE, url=url)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / PATH).read_bytes() == video(100_000)
    assert "1 files of unknown size" in result.stdout
    again = download(POSE, tmp_path, *ONE, url=url)
    assert "its size cannot be checked" in again.stdout
    assert "already there 1" in again.stdout
    assert len(answers.gets("hd_00_00")) == 1


def test_server_errors_are_tried_again_and_cost_nothing_that_is_here(tmp_path, one):
    answers, url = one
    start_with(tmp_path, video(100_000)[:40_000], ".part")
    answers.head_errors = [503]
    answers.errors = [500]
    result = download(POSE, tmp_path, *ONE, url=url)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / PATH).read_bytes() == video(100_000)
    assert answers.gets("hd_00_00") == ["bytes=40000-"]
    assert "the server answered with HTTP status 503; trying again in 1 s" in result.stdout
    assert "the server answered with an error at 39.1 KiB; trying again in 1 s" in result.stdout


def test_forbidden_file_is_a_failure(tmp_path, one):
    answers, url = one
    answers.head_errors = [403]
    result = download(POSE, tmp_path, *ONE, url=url)
    assert result.returncode == 1
    assert f"{PATH}: the server answered with HTTP status 403" in result.stderr


def test_file_that_the_server_no_longer_has_is_kept(tmp_path, one):
    answers, url = one
    start_with(tmp_path, video(100_000))
    del answers.files[remote("00")]
    result = download(POSE, tmp_path, *ONE, url=url)
    assert result.returncode == 0
    assert "no longer on the server" in result.stdout
    assert (tmp_path / PATH).read_bytes() == video(100_000)


def test_sequence_without_any_camera_is_a_failure(tmp_path, one):
    _, url = one
    options = ("--sequences", f"{SEQUENCE} 171204_pose11", "--cameras", "00 03")
    result = download(POSE, tmp_path, *options, url=url)
    assert result.returncode == 1
    assert "171204_pose11: none of its 2 files is on the server; check the name" in result.stderr
    assert "fetched 1, already there 0, not on the server 1, failed 2" in result.stdout
    assert files_in(tmp_path) == [PATH]


def test_no_server(tmp_path):
    result = download(POSE, tmp_path, "--retries", 0)  # nothing listens on port 1
    assert result.returncode == 1
    assert result.stderr.startswith("error: cannot reach http://127.0.0.1:1/171204_pose1/")
    assert result.stderr.count("\n") == 1
    assert files_in(tmp_path) == []


def test_a_dry_run_lists_the_files_also_without_a_server(tmp_path):
    result = download(POURING, tmp_path, "--dry-run")
    assert result.returncode == 1
    assert result.stdout.count("size not told") == 3
    assert "pouring_val-0-of-1.tfrecord -> pouring_val-0-of-1.tfrecord" in result.stdout
    assert "the server was not reached" in result.stderr
    assert files_in(tmp_path) == []


def test_server_that_goes_away_is_not_asked_for_every_other_file(tmp_path):
    answers = Answers({remote(camera): video(2000) for camera in ("00", "03", "06")}, leaves=True)
    with serve(answers) as url:
        options = ("--sequences", SEQUENCE, "--cameras", "00 03 06", "--retries", 1)
        result = download(POSE, tmp_path, *options, url=url)
    assert result.returncode == 1
    assert f"{PATH}: no connection to the server" in result.stderr
    assert result.stderr.count(": not tried") == 2
    assert "fetched 0, already there 0, not on the server 0, failed 3" in result.stdout
    assert files_in(tmp_path) == []


def test_too_little_space(tmp_path, one):
    answers, url = one
    answers.announced[remote("00")] = 2 * shutil.disk_usage(tmp_path).total
    for options in ((), ("--dry-run",)):
        result = download(POSE, tmp_path / "new", *ONE, *options, url=url)
        assert result.returncode == 1
        assert result.stderr.startswith(f"error: '{tmp_path}/new' has too little space: ")
        assert result.stderr.count("\n") == 1
    assert answers.gets("hd_00_00") == []


@pytest.mark.parametrize(("number", "whole_group"), [(signal.SIGINT, True), (signal.SIGTERM, False)])
def test_stopping_leaves_a_part_that_the_same_command_completes(tmp_path, one, number, whole_group):
    answers, url = one
    answers.seconds_per_block = 0.1
    part = tmp_path / f"{PATH}.part"
    with subprocess.Popen(
        command(POSE, tmp_path, *ONE),
        env=environment(url),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        deadline = time.monotonic() + 120
        while not (part.exists() and part.stat().st_size) and time.monotonic() < deadline:
            time.sleep(0.02)
        second = download(POSE, tmp_path, *ONE, url=url)  # two would spoil one another's file
        if whole_group:
            os.killpg(process.pid, number)  # as Ctrl-C in a terminal
        else:
            process.send_signal(number)
        _, errors = process.communicate(timeout=120)
    assert second.returncode == 1
    assert second.stderr.startswith(
        f"error: another download into '{tmp_path}' is running (process {process.pid} on "
    )
    assert process.returncode == 128 + number
    assert "the same command goes on there" in errors
    assert files_in(tmp_path) == [f"{PATH}.part"]
    size = part.stat().st_size
    assert 0 < size < 100_000
    time.sleep(0.3)
    assert part.stat().st_size == size  # curl was stopped too

    answers.seconds_per_block = 0.0
    assert download(POSE, tmp_path, *ONE, url=url).returncode == 0
    assert answers.gets("hd_00_00")[-1] == f"bytes={size}-"
    assert (tmp_path / PATH).read_bytes() == video(100_000)


def test_killed_download_does_not_block_the_next(tmp_path, one):
    answers, url = one
    answers.seconds_per_block = 0.1
    with subprocess.Popen(
        command(POSE, tmp_path, *ONE), env=environment(url), start_new_session=True
    ) as process:
        deadline = time.monotonic() + 120
        while not (tmp_path / f"{PATH}.part").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGKILL)
    answers.seconds_per_block = 0.0
    assert ".downloading" in files_in(tmp_path)
    result = download(POSE, tmp_path, *ONE, url=url)
    assert result.returncode == 0, result.stderr
    assert files_in(tmp_path) == [PATH]
    assert (tmp_path / PATH).read_bytes() == video(100_000)


@pytest.mark.parametrize(
    ("script", "arguments", "sentence"),
    [
        (POSE, ["--sequence", "x"], "unknown argument '--sequence'; see --help"),
        (POSE, ["--dry-run=1"], "unknown argument '--dry-run=1'; see --help"),
        (POSE, ["-x"], "unknown argument '-x'; see --help"),
        (POURING, ["--cameras", "00"], "unknown argument '--cameras'; see --help"),
        (
            POSE,
            ["one", "two"],
            "one target folder is expected, not 'one' and 'two'; quote a name with spaces",
        ),
        (POSE, [""], "the target folder has an empty name"),
        (POSE, ["--cameras"], "--cameras needs a value; see --help"),
        (POSE, ["--cameras", "--dry-run"], "--cameras needs a value; see --help"),
        (POSE, ["--cameras", "3"], "'3' is no camera; HD cameras have two digits, 00 to 30"),
        (POSE, ["--sequences", "../x"], "'../x' is no name of a sequence; one looks like 171204_pose1"),
        (
            POSE,
            ["--sequences", " "],
            "nothing to fetch: --sequences and --cameras each need at least one name",
        ),
        (POSE, ["--retries", "many"], "--retries is a number from 0 to 9999, not 'many'"),
        (POSE, ["file"], "the target 'file' is a file; give a folder"),
    ],
)
def test_wrong_arguments_are_answered_with_one_sentence(tmp_path, script, arguments, sentence):
    (tmp_path / "file").touch()
    result = download(script, *arguments, cwd=tmp_path)
    assert (result.returncode, result.stdout, result.stderr) == (2, "", f"error: {sentence}\n")
    assert files_in(tmp_path) == ["file"]


def test_wrong_surroundings_are_answered_with_one_sentence(tmp_path):
    address = download(POSE, url="ftp://example.org", cwd=tmp_path)
    assert (address.returncode, address.stderr) == (
        2,
        "error: the address 'ftp://example.org' must begin with http:// or https://\n",
    )
    shell = shutil.which("sh")
    no_curl = download(POSE, cwd=tmp_path, shell=shell, env={"PATH": str(tmp_path)})
    assert no_curl.returncode == 2
    assert no_curl.stderr.startswith("error: curl is not installed; ")
    (tmp_path / "file").touch()
    under_a_file = download(POSE, "file/new", cwd=tmp_path)
    assert (under_a_file.returncode, under_a_file.stderr) == (
        1,
        "error: cannot make the folder 'file/new'; choose another\n",
    )
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


@pytest.mark.parametrize("script", [POSE, MULTI_HUMAN, POURING])
def test_help_needs_no_network_and_names_the_folder_and_the_address(tmp_path, script):
    env = {"VIDEOSYNC_CMU_URL": "", "VIDEOSYNC_POURING_URL": ""}
    result = download(script, "--help", cwd=tmp_path, env=env)
    assert (result.returncode, result.stderr) == (0, "")
    assert "TARGET" in result.stdout
    assert "datasets/raw/" in result.stdout
    assert (
        "storage.googleapis.com" if script == POURING else "domedb.perception.cs.cmu.edu"
    ) in result.stdout
    with contextlib.chdir(SCRIPTS):  # called without its folder
        beside = subprocess.run(["sh", script, "--help"], capture_output=True, text=True, timeout=120)
    assert beside.returncode == 0
