"""The download scripts against a real server on this machine: what they fetch, how they go on, what they refuse."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.dataset_preparation.file_server import Answers, serve

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
SCRIPTS = Path(__file__).resolve().parents[2] / "dataset_preparation"
POSE, MULTI_HUMAN, POURING = (
    f"download_{name}.sh" for name in ("cmu_script", "cmu_multi_human_script", "pouring_data")
)
SEQUENCE = "171204_pose1"
ONE = ("--sequences", SEQUENCE, "--cameras", "00")
PATH = f"{SEQUENCE}/hdVideos/hd_00_00.mp4"


def remote(camera, sequence=SEQUENCE):
    return f"{sequence}/videos/hd_shared_crf20/hd_00_{camera}.mp4"


def video(size, seed=0):
    return b"\0\0\0\x18ftypmp42" + random.Random(seed).randbytes(size - 12)


def environment(url):
    clean = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    return clean | {"VIDEOSYNC_CMU_URL": url, "VIDEOSYNC_POURING_URL": url}


def download(script, *arguments, url="http://127.0.0.1:1", cwd=None, env=None, shell="sh"):
    return subprocess.run(
        [shell, SCRIPTS / script, *map(str, arguments)],
        env=environment(url) | (env or {}),
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
    )


def files_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def start_with(target, content, suffix=""):
    file = target / (PATH + suffix)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


@pytest.fixture
def one():
    """A server with one video of 100,000 bytes."""
    answers = Answers({remote("00"): video(100_000)})
    with serve(answers) as url:
        yield answers, url


@pytest.mark.parametrize("shell", ["sh", "bash", sys.executable])
@pytest.mark.parametrize("script", [POSE, MULTI_HUMAN, POURING])
def test_help_needs_no_network_and_names_the_folder_and_the_address(tmp_path, script, shell):
    env = {"VIDEOSYNC_CMU_URL": "", "VIDEOSYNC_POURING_URL": ""}
    result = download(script, "--help", cwd=tmp_path, env=env, shell=shell)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith(f"usage: sh {SCRIPTS / script} [TARGET] ")
    assert "(default: datasets/raw/" in result.stdout
    address = "storage.googleapis.com" if script == POURING else "domedb.perception.cs.cmu.edu"
    assert address in result.stdout
    assert ('[--cameras "NN …"]' in result.stdout) == (script != POURING)


@pytest.mark.parametrize("shell", ["sh", "bash", sys.executable])
def test_tree_names_and_bytes(tmp_path, shell):
    cameras = ["00", "03", "06", "09", "10", "11", "15", "20", "21", "24", "27"]  # not 30: this sequence lacks it
    answers = Answers({remote(camera): video(5000 + i, i) for i, camera in enumerate(cameras)})
    target = tmp_path / "a folder" / "#1 [x] 'y' $z"
    with serve(answers) as url:
        result = download(POSE, target, "--sequences", SEQUENCE, url=url, shell=shell)
        assert result.returncode == 0, result.stderr
        assert files_in(target) == [f"{SEQUENCE}/hdVideos/hd_00_{camera}.mp4" for camera in cameras]
        for i, camera in enumerate(cameras):
            assert (target / SEQUENCE / "hdVideos" / f"hd_00_{camera}.mp4").read_bytes() == video(5000 + i, i)
        assert "11 files to fetch, 53.8 KiB as far as sizes are told" in result.stdout
        assert f"not on the server: {SEQUENCE}/hdVideos/hd_00_30.mp4\n" in result.stdout

        answers.log.clear()
        again = download(POSE, f"{target}/", f"--sequences={SEQUENCE}", url=url, shell=shell)
        assert again.returncode == 0
        assert "0 files to fetch" in again.stdout
        assert "; 11 there already" in again.stdout
        assert {method for method, _, _ in answers.log} == {"HEAD"}


def test_default_sequences_and_folders(tmp_path):
    expected = {
        POSE: [f"171204_pose{i}" for i in range(1, 7)] + [f"171026_pose{i}" for i in range(1, 4)],
        MULTI_HUMAN: [
            "151125_mafia",
            "160317_meeting1",
            "160906_pizza1",
            *(f"{day}_mafia{i}" for day in (160224, 160226, 160422) for i in (1, 2)),
        ],
    }
    for script, folder in ((POSE, "cmu_pose"), (MULTI_HUMAN, "cmu_multi_human")):
        answers = Answers({remote("03", s): video(2000) for s in expected[script]})
        with serve(answers) as url:
            result = download(script, "--cameras", "03", url=url, cwd=tmp_path)
        assert result.returncode == 0, result.stderr
        asked = [path for method, path, _ in answers.log if method == "HEAD"]
        assert sorted(asked) == sorted(answers.files)
        assert len(files_in(tmp_path / "datasets/raw" / folder)) == 9


def test_pouring_needs_all_three_files(tmp_path):
    names = [f"pouring_{part}.tfrecord" for part in ("train-0-of-2", "train-1-of-2", "val-0-of-1")]
    answers = Answers({name: video(3000, i) for i, name in enumerate(names)})
    target = tmp_path / "datasets/raw/pouring"
    with serve(answers) as url:
        absent = answers.files.pop(names[1])
        result = download(POURING, url=url, cwd=tmp_path)
        assert result.returncode == 1
        assert f"{names[1]}: not on the server" in result.stderr
        assert files_in(target) == [names[0], names[2]]
        answers.files[names[1]] = absent
        assert download(POURING, url=url, cwd=tmp_path).returncode == 0
    assert {name: (target / name).read_bytes() for name in files_in(target)} == answers.files


def test_dry_run_lists_everything_and_writes_nothing(tmp_path, one):
    answers, url = one
    answers.files |= {remote(camera): video(3 * 2**20) for camera in ("03", "06")}
    start_with(tmp_path, video(100_000))
    (tmp_path / SEQUENCE / "hdVideos/hd_00_03.mp4.part").write_bytes(video(2**20))
    before = files_in(tmp_path)
    options = ("--dry-run", "--sequences", SEQUENCE, "--cameras", "00 03,06 09")
    result = download(POSE, tmp_path, *options, url=url)
    assert (result.returncode, result.stderr) == (0, "")
    place = f"{SEQUENCE}/hdVideos/hd_00"
    assert result.stdout.splitlines() == [
        f"  {url}/{remote('03')} -> {place}_03.mp4 (1.0 MiB of 3.0 MiB)",
        f"  {url}/{remote('06')} -> {place}_06.mp4 (0 bytes of 3.0 MiB)",
        f"  not on the server: {place}_09.mp4",
        f"2 files to fetch, 5.0 MiB as far as sizes are told, into '{tmp_path}'; 1 there already",
    ]
    assert before == files_in(tmp_path)
    download(POSE, tmp_path / "absent", *options, url=url)
    assert not (tmp_path / "absent").exists()


def test_lost_connections_are_resumed(tmp_path, one):
    answers, url = one
    answers.drops = [30_000, 20_000]
    result = download(POSE, tmp_path, *ONE, "--retries", 1, url=url)
    assert result.returncode == 0, result.stderr
    assert answers.gets() == [None, "bytes=32768-", "bytes=53248-"]
    assert (tmp_path / PATH).read_bytes() == video(100_000)
    assert "curl ended with status 18 at 32.0 KiB; trying again in 1 s (1 of 1)" in result.stdout


@pytest.mark.slow
def test_connection_that_never_gets_on_fails_in_the_end(tmp_path, one):
    answers, url = one
    answers.drops = [30_000, 0, 0]
    result = download(POSE, tmp_path, *ONE, "--retries", 1, url=url)
    assert result.returncode == 1
    assert f"  {PATH}: curl ended with status 18 at 32.0 KiB" in result.stderr
    assert files_in(tmp_path) == [f"{PATH}.part"]
    assert download(POSE, tmp_path, *ONE, url=url).returncode == 0
    assert (tmp_path / PATH).read_bytes() == video(100_000)


@pytest.mark.parametrize(
    ("content", "suffix", "ranges"),
    [
        (video(100_000)[:40_000], ".part", ["bytes=40000-"]),
        (video(100_000), ".part", []),  # complete, but for its name
        (video(100_001), ".part", [None]),
        (b"", ".part", [None]),
        (video(100_000)[:40_000], "", [None]),  # of the final name, but incomplete: nobody knows what it is
        (video(200_000), "", [None]),
    ],
    ids=["unfinished", "complete", "too long", "empty", "short", "long"],
)
def test_files_that_are_here_already(tmp_path, one, content, suffix, ranges):
    answers, url = one
    start_with(tmp_path, content, suffix)
    result = download(POSE, tmp_path, *ONE, url=url)
    assert result.returncode == 0, result.stderr
    assert answers.gets() == ranges
    assert (f"the file here has {len(content)} bytes, and is fetched anew" in result.stdout) == (not suffix)
    assert (tmp_path / PATH).read_bytes() == video(100_000)
    assert files_in(tmp_path) == [PATH]


@pytest.mark.slow
def test_server_without_ranges(tmp_path, one):
    answers, url = one
    answers.ranges = False
    answers.drops = [30_000]
    result = download(POSE, tmp_path, *ONE, url=url)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / PATH).read_bytes() == video(100_000)


def test_server_that_tells_no_sizes(tmp_path, one):
    answers, url = one
    answers.tells_length = False
    start_with(tmp_path, b"rest of an earlier try", ".part")
    result = download(POSE, tmp_path, *ONE, url=url)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / PATH).read_bytes() == video(100_000)
    assert "(size not told)" in result.stdout
    assert "; 1 there already" in download(POSE, tmp_path, *ONE, url=url).stdout
    assert len(answers.gets()) == 1


@pytest.mark.slow
def test_server_errors_are_tried_again_and_cost_nothing_that_is_here(tmp_path, one):
    answers, url = one
    start_with(tmp_path, video(100_000)[:40_000], ".part")
    answers.errors = {"HEAD": [503], "GET": [500]}
    result = download(POSE, tmp_path, *ONE, url=url)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / PATH).read_bytes() == video(100_000)
    assert answers.gets() == ["bytes=40000-"] * 2


def test_answers_that_are_no_video_are_refused(tmp_path):
    answers = Answers({remote(camera): video(2000) for camera in ("00", "03", "06", "09")})
    answers.files[remote("00")] = b"\r\n<!DOCTYPE html><title>Please log in</title>"
    answers.files[remote("10")] = b""
    answers.announced = {remote("03"): 5000, remote("06"): 1000}
    options = ("--sequences", f"{SEQUENCE} 171204_pose11", "--cameras", "00 03 06 09 10", "--retries", 0)
    with serve(answers) as url:
        result = download(POSE, tmp_path, *options, url=url)
        answers.errors = {"HEAD": [403]}
        forbidden = download(POSE, tmp_path, *ONE, url=url)
    place = f"  {SEQUENCE}/hdVideos/hd_00"
    assert result.returncode == forbidden.returncode == 1
    assert result.stderr.splitlines() == [
        "error: these are missing, and the same command tries again:",
        "  171204_pose11: not on the server; check the name and the address",
        f"{place}_00.mp4: the server sent a web page instead of the file",
        f"{place}_03.mp4: the server announced 5000 bytes and sent 2000",
        f"{place}_06.mp4: the server announced 1000 bytes and sent 2000",
        f"{place}_10.mp4: the server's file is empty",
    ]
    assert f"{place}_00.mp4: the server answered with HTTP status 403" in forbidden.stderr
    assert files_in(tmp_path) == [f"{SEQUENCE}/hdVideos/hd_00_09.mp4"]


def test_ctrl_c_leaves_a_part_that_the_same_command_completes(tmp_path, one):
    answers, url = one
    answers.seconds_per_block = 0.1
    part = tmp_path / f"{PATH}.part"
    with subprocess.Popen(
        ["sh", SCRIPTS / POSE, tmp_path, *ONE],
        env=environment(url),
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        deadline = time.monotonic() + 120
        while not (part.exists() and part.stat().st_size) and time.monotonic() < deadline:
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGINT)  # as in a terminal
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "stopped; the same command goes on there" in errors
    assert files_in(tmp_path) == [f"{PATH}.part"]
    size = part.stat().st_size
    assert 0 < size < 100_000
    answers.seconds_per_block = 0.0
    assert download(POSE, tmp_path, *ONE, url=url).returncode == 0
    assert answers.gets()[-1] == f"bytes={size}-"
    assert (tmp_path / PATH).read_bytes() == video(100_000)


@pytest.mark.parametrize(
    ("script", "arguments", "sentence"),
    [
        (POSE, ["--sequence", "x"], "unknown argument '--sequence'; see --help"),
        (POSE, ["-x"], "unknown argument '-x'; see --help"),
        (POURING, ["--cameras", "00"], "unknown argument '--cameras'; see --help"),
        (POSE, ["one", "two"], "one target folder is expected, not 'one' and 'two'; quote a name with spaces"),
        (POSE, [""], "the target folder has an empty name"),
        (POSE, ["--cameras"], "--cameras needs a value; see --help"),
        (POSE, ["--cameras", "--dry-run"], "--cameras needs a value; see --help"),
        (POSE, ["--cameras", "3"], "'3' is no camera; HD cameras have two digits, 00 to 30"),
        (POSE, ["--sequences", "../x"], "'../x' is no name of a sequence; one looks like 171204_pose1"),
        (POSE, ["--cameras="], "nothing to fetch: --sequences and --cameras each need at least one name"),
        (POSE, ["--retries", "many"], "--retries is a number from 0 to 9999, not 'many'"),
        (POSE, ["file"], "the target 'file' is a file; give a folder"),
    ],
)
def test_wrong_arguments_are_answered_with_one_sentence(tmp_path, script, arguments, sentence):
    (tmp_path / "file").touch()
    result = download(script, *arguments, cwd=tmp_path)
    assert (result.returncode, result.stdout, result.stderr) == (2, "", f"error: {sentence}\n")
    assert files_in(tmp_path) == ["file"]


def test_wrong_surroundings_are_answered_with_a_sentence(tmp_path, one):
    address = download(POSE, url="ftp://example.org", cwd=tmp_path)
    assert address.returncode == 2
    assert address.stderr == "error: the address 'ftp://example.org' must begin with http:// or https://\n"
    no_curl = download(POSE, cwd=tmp_path, shell=shutil.which("sh"), env={"PATH": str(tmp_path)})
    assert no_curl.returncode == 2
    assert "error: curl is not installed; " in no_curl.stderr
    (tmp_path / "file").touch()
    under_a_file = download(POSE, "file/new", *ONE, url=one[1], cwd=tmp_path)
    assert under_a_file.returncode == 1
    assert f"error: cannot make the folder 'file/new/{SEQUENCE}/hdVideos'; choose" in under_a_file.stderr
    nobody = download(POSE, tmp_path)  # nothing listens on port 1
    assert nobody.returncode == 1
    assert "error: cannot reach http://127.0.0.1:1/171204_pose1/" in nobody.stderr
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]
