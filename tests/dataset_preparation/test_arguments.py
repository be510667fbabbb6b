"""What all preparation scripts do with their command line."""

import subprocess
import sys
from pathlib import Path

import pytest

from dataset_preparation.arguments import preparation_parser, require_folder, run_script
from videosync.errors import VideoSyncError


def parser(tmp_path, **more):
    options = {"data_root": tmp_path / "raw", "output_dir": tmp_path / "out", **more}
    return preparation_parser("x_process.py", "What it does.", **options)


def test_folders_reach_the_work_absolute_and_the_code_comes_back(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    seen = []
    argv = ["--data_root", "here", "--output_dir", "~/there"]
    assert run_script(parser(tmp_path), argv, lambda args: seen.append(args) or 7) == 7
    assert (seen[0].data_root, seen[0].output_dir) == (tmp_path / "here", tmp_path / "home" / "there")
    assert (seen[0].size, seen[0].crf, seen[0].limit, seen[0].cluster) == (224, 12, 0, None)


def test_what_goes_wrong_is_one_sentence(tmp_path, capsys):
    def fails(args):
        raise VideoSyncError("a sentence")

    def stops(args):
        raise KeyboardInterrupt

    def finds_a_file_in_the_way(args):
        (tmp_path / "file").touch()
        (tmp_path / "file" / "x").mkdir()

    assert run_script(parser(tmp_path), [], fails) == 2
    assert capsys.readouterr().err == "error: a sentence\n"
    assert run_script(parser(tmp_path), [], finds_a_file_in_the_way) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: {tmp_path}/file/x: Not a directory; check that it can be read")
    assert said.count("\n") == 1
    assert run_script(parser(tmp_path), [], stops) == 130
    assert capsys.readouterr().err == "stopped; the same command goes on where it left off\n"


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--size", "7"], "--size 7: must be an even number, 2 or more"),
        (["--clips", "0"], "--clips 0: must be 1 or more"),
        (["--limti", "3"], "unknown argument '--limti'; did you mean '--limit'?"),
        (["--output_dir", "raw"], "would be overwritten"),
        (["--output_dir", ""], "--output_dir: is empty"),
        (["--data_root", "~nobody_of_this_name/x"], "no such user"),
        (["--data_root", "caf\udce9"], "--data_root: is no UTF-8 text"),
    ],
)
def test_wrong_flags_end_before_the_work(tmp_path, monkeypatch, capsys, argv, said):
    monkeypatch.chdir(tmp_path)
    flags = parser(tmp_path)
    flags.add_argument("--clips", type=int, default=5)
    limits = {"clips": (lambda value: value >= 1, "1 or more")}
    with pytest.raises(SystemExit, match="2"):
        run_script(flags, argv, pytest.fail, limits=limits)
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_a_script_without_clips_has_no_size(tmp_path):
    with pytest.raises(SystemExit):
        run_script(parser(tmp_path, size=None), ["--size", "8"], pytest.fail)


def test_a_closed_pipe_is_no_error_of_ours(root):
    script = (
        "import sys; from pathlib import Path; from dataset_preparation.arguments import *\n"
        "def work(args):\n"
        "    for _ in range(100000): print('a line of the table')\n"
        "    return 0\n"
        "sys.exit(run_script(preparation_parser('x', '', data_root=Path('a'), output_dir=Path('b')), [], work))\n"
    )
    done = subprocess.run(
        ["bash", "-c", f'{sys.executable} -c "{script}" | head -1; exit ${{PIPESTATUS[0]}}'],
        cwd=root, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (141, "a line of the table\n", "")


def test_the_archive_must_be_a_folder(tmp_path):
    require_folder(tmp_path, "videos")
    with pytest.raises(VideoSyncError, match=r"none is not a folder; give the one that holds videos"):
        require_folder(Path(tmp_path / "none"), "videos")
