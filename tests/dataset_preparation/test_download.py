"""The download scripts against a real server on this machine: what they fetch, and how they go on."""

import shutil
import sys

import pytest

from tests.dataset_preparation.downloads import (
    MULTI_HUMAN,
    ONE,
    PATH,
    POSE,
    POURING,
    SEQUENCE,
    download,
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


@pytest.mark.parametrize("script", [POSE, MULTI_HUMAN, POURING])
def test_python_hands_the_scripts_to_sh(script, tmp_path):
    ways = [download(script, "--help", cwd=tmp_path, shell=shell) for shell in ("sh", sys.executable)]
    assert ways[0].stdout.startswith("usage: ")
    assert [(way.returncode, way.stdout, way.stderr) for way in ways] == [(0, ways[0].stdout, "")] * 2
    refused = download(script, "--nonsense", cwd=tmp_path, shell=sys.executable)
    assert (refused.returncode, refused.stderr) == (2, "error: unknown argument '--nonsense'; see --help\n")


@pytest.mark.parametrize("shell", ["sh", "bash", sys.executable])
def test_tree_names_and_bytes(tmp_path, shell):
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell}")
    cameras = [
        "00",
        "03",
        "06",
        "09",
        "10",
        "11",
        "15",
        "20",
        "21",
        "24",
        "27",
    ]  # not 30: this sequence lacks it
    answers = Answers({remote(camera): video(5000 + i, i) for i, camera in enumerate(cameras)})
    target = tmp_path / "a folder" / "#1 [x] 'y' $z"
    with serve(answers) as url:
        result = download(POSE, target, "--sequences", SEQUENCE, url=url, shell=shell)
        assert result.returncode == 0, result.stderr
        assert files_in(target) == [f"{SEQUENCE}/hdVideos/hd_00_{camera}.mp4" for camera in cameras]
        for i, camera in enumerate(cameras):
            assert (target / SEQUENCE / "hdVideos" / f"hd_00_{camera}.mp4").read_bytes() == video(5000 + i, i)
        assert "fetched 11, already there 0, not on the server 1, failed 0" in result.stdout
        assert f"not on the server:\n  {SEQUENCE}/hdVideos/hd_00_30.mp4\n" in result.stdout

        answers.log.clear()
        again = download(POSE, f"{target}/", "--sequences", SEQUENCE, url=url, shell=shell)
        assert again.returncode == 0
        assert "fetched 0, already there 11, not on the server 1, failed 0" in again.stdout
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
        assert f"{names[1]}: not on the server (HTTP status 404)" in result.stderr
        assert files_in(target) == [names[0], names[2]]
        answers.files[names[1]] = absent
        assert download(POURING, url=url, cwd=tmp_path).returncode == 0
    assert {name: (target / name).read_bytes() for name in files_in(target)} == answers.files


def test_dry_run_lists_everything_and_writes_nothing(tmp_path):
    cameras = ("00", "03", "06", "09")
    answers = Answers({remote(camera): video(3 * 2**20) for camera in cameras[:3]})
    folder = tmp_path / SEQUENCE / "hdVideos"
    folder.mkdir(parents=True)
    (folder / "hd_00_00.mp4").write_bytes(video(3 * 2**20))
    (folder / "hd_00_03.mp4.part").write_bytes(video(3 * 2**20)[: 2**20])
    before = {path: (tmp_path / path).read_bytes() for path in files_in(tmp_path)}
    with serve(answers) as url:
        options = ("--dry-run", "--sequences", SEQUENCE, "--cameras", " ".join(cameras))
        result = download(POSE, tmp_path, *options, url=url)
        elsewhere = download(POSE, tmp_path / "absent", *options, url=url)
    assert result.returncode == elsewhere.returncode == 0
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    arrows = {c: f"{url}/{remote(c)} -> {SEQUENCE}/hdVideos/hd_00_{c}.mp4" for c in cameras}
    assert f"there already 3.0 MiB {arrows['00']}" in lines
    assert f"resume 1.0 MiB of 3.0 MiB {arrows['03']}" in lines
    assert f"fetch 3.0 MiB {arrows['06']}" in lines
    assert f"not on server {arrows['09']}" in lines
    assert any(line.startswith("5.0 MiB to fetch; ") for line in lines)
    assert before == {path: (tmp_path / path).read_bytes() for path in files_in(tmp_path)}
    assert not (tmp_path / "absent").exists()
    assert {method for method, _, _ in answers.log} == {"HEAD"}


def test_lost_connections_are_resumed(tmp_path, one):
    answers, url = one
    answers.drops = [30_000, 20_000]
    result = download(POSE, tmp_path, *ONE, "--retries", 1, url=url)
    assert result.returncode == 0, result.stderr
    assert answers.gets("hd_00_00") == [None, "bytes=30000-", "bytes=50000-"]
    assert (tmp_path / PATH).read_bytes() == video(100_000)
    assert "the connection was lost at 29.3 KiB; trying again in 1 s (1 of 1)" in result.stdout


def test_connection_that_never_gets_on_fails_in_the_end(tmp_path, one):
    answers, url = one
    answers.drops = [30_000, 0, 0]
    result = download(POSE, tmp_path, *ONE, "--retries", 1, url=url)
    assert result.returncode == 1
    assert f"{PATH}: the connection was lost" in result.stderr
    assert files_in(tmp_path) == [f"{PATH}.part"]
    assert "failed 1" in result.stdout
    assert download(POSE, tmp_path, *ONE, "--retries", 0, url=url).returncode == 1
    assert download(POSE, tmp_path, *ONE, url=url).returncode == 0
    assert (tmp_path / PATH).read_bytes() == video(100_000)


def test_server_without_ranges(tmp_path, one):
    answers, url = one
    answers.ranges = False
    answers.drops = [30_000]
    assert download(POSE, tmp_path, *ONE, "--retries", 0, url=url).returncode == 1
    result = download(POSE, tmp_path, *ONE, url=url)
    assert result.returncode == 0, result.stderr
    assert "starting over" in result.stdout
    assert (tmp_path / PATH).read_bytes() == video(100_000)

    (tmp_path / PATH).unlink()  # and when the connection is lost on the way
    answers.drops = [30_000]
    result = download(POSE, tmp_path, *ONE, url=url)
    assert result.returncode == 0, result.stderr
    assert "the server cannot resume: starting over" in result.stdout
    assert (tmp_path / PATH).read_bytes() == video(100_000)


@pytest.mark.parametrize(
    ("part", "ranges"),
    [
        (video(100_000)[:40_000], ["bytes=40000-"]),
        (video(100_000), []),  # complete, but for its name
        (video(100_000, seed=1)[:40_000], [None]),  # of another file
        (video(100_001), [None]),  # too long
        (b"", [None]),
    ],
    ids=["same", "complete", "other", "long", "empty"],
)
def test_unfinished_files(tmp_path, one, part, ranges):
    answers, url = one
    start_with(tmp_path, part, ".part")
    result = download(POSE, tmp_path, *ONE, url=url)
    assert result.returncode == 0, result.stderr
    assert answers.gets("hd_00_00") == ranges
    larger = "the unfinished file here is larger (100001 bytes) than the server's (100000): starting over"
    assert (larger in result.stdout) == (len(part) > 100_000)
    assert (tmp_path / PATH).read_bytes() == video(100_000)
    assert files_in(tmp_path) == [PATH]


@pytest.mark.parametrize(
    ("finished", "ranges", "note"),
    [
        (
            video(100_000)[:40_000],
            ["bytes=40000-"],
            "40000 bytes; the server's has 100000: going on from there",
        ),
        (video(100_000, seed=1)[:40_000], [None], "starting over"),
        (video(200_000), [None], "200000 bytes; the server's has 100000: fetching it anew"),
    ],
    ids=["short", "short and other", "long"],
)
def test_finished_file_of_wrong_size(tmp_path, one, finished, ranges, note):
    answers, url = one
    start_with(tmp_path, finished)
    result = download(POSE, tmp_path, *ONE, url=url)
    assert result.returncode == 0, result.stderr
    assert note in result.stdout
    assert answers.gets("hd_00_00") == ranges
    assert (tmp_path / PATH).read_bytes() == video(100_000)
    assert files_in(tmp_path) == [PATH]
