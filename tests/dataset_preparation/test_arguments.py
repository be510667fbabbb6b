"""What all preparation scripts do with their command line."""

import subprocess
import sys
from pathlib import Path

import pytest

from dataset_preparation.arguments import preparation_parser, require_folder, run_script
from dataset_preparation.usual_places import KnownArchive
from videosync.errors import VideoSyncError


def parser(tmp_path, **more):
    (tmp_path / "raw" / "tape").mkdir(parents=True, exist_ok=True)
    known = [KnownArchive(str(tmp_path / "raw"), str(tmp_path / "out"), ("tape*",))]
    return preparation_parser("x_process.py", "What it does.", archives=known, **more)


def test_folders_reach_the_work_absolute_and_the_code_comes_back(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    seen = []
    argv = ["--data_root", "here", "--output_dir", "~/there"]
    assert run_script(parser(tmp_path), argv, lambda args: seen.append(args) or 7) == 7
    assert (seen[0].data_root, seen[0].output_dir) == (tmp_path / "here", tmp_path / "home" / "there")
    assert (seen[0].size, seen[0].crf, seen[0].limit, seen[0].cluster) == (224, 12, 0, None)


@pytest.mark.parametrize("argv", [["here", "there"], ["here", "--size", "8", "there"], ["--output_dir=there", "here"]])
def test_folders_may_be_given_by_place(tmp_path, monkeypatch, argv):
    monkeypatch.chdir(tmp_path)
    seen = []
    run_script(parser(tmp_path), argv, lambda args: seen.append((args.data_root, args.output_dir)) or 0)
    assert seen == [(tmp_path / "here", tmp_path / "there")]


def known(name):
    return KnownArchive(f"raw/{name}", name, ("*/tape*", "disc"))


def prepared(monkeypatch, tmp_path, *argv):
    """What a script with two known archives would work on, in ``tmp_path`` with a home folder there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    flags = preparation_parser("x", "", archives=[known("one"), known("two")])
    seen = []
    code = run_script(flags, argv, lambda args: seen.append((args.data_root, args.output_dir)) or 0)
    return code, [tuple(str(folder.relative_to(tmp_path)) for folder in folders) for folders in seen]


def test_without_a_folder_the_usual_places_are_looked_at_in_turn(tmp_path, monkeypatch, capsys):
    here, home = Path("datasets"), Path("home/datasets")
    (tmp_path / here / "raw" / "one").mkdir(parents=True)  # empty: does not count
    assert prepared(monkeypatch, tmp_path) == (2, [])
    (sentence,) = capsys.readouterr().err.splitlines()
    assert "no raw/one or raw/two that holds */tape* or disc in any of datasets, ~/datasets, /data," in sentence

    (tmp_path / home / "raw/one/a/tape1").mkdir(parents=True)
    assert prepared(monkeypatch, tmp_path) == (0, [(f"{home}/raw/one", f"{home}/one")])
    (tmp_path / here / "raw/two/disc").mkdir(parents=True)
    both = [(f"{home}/raw/one", f"{home}/one"), (f"{here}/raw/two", f"{here}/two")]
    assert prepared(monkeypatch, tmp_path) == (0, both)
    assert f"found datasets/raw/two; the dataset goes to {here}/two" in capsys.readouterr().out

    assert prepared(monkeypatch, tmp_path, "datasets/raw/two") == (0, both[1:])
    assert prepared(monkeypatch, tmp_path, "x", "y") == (0, [("x", "y")])
    with pytest.raises(SystemExit, match="2"):
        prepared(monkeypatch, tmp_path, "--output_dir", "y")
    assert "say with --data_root which of them" in capsys.readouterr().err


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
        (["--crf", "99"], "--crf 99: must be 0 to 51"),
        (["--workers", "0"], "--workers 0: must be 1 or more"),
        (["--size", "big"], "--size: invalid int value: 'big'"),
        (["--output_dir", "file"], "file: is a file; give a folder to write"),
        (["--limti", "3"], "unknown argument '--limti'. Did you mean '--limit'?"),
        (["--output_dir", "raw"], "would be overwritten"),
        (["--output_dir", ""], "--output_dir: is empty"),
        (["", "out"], "root: is empty"),
        (["a", "b", "c"], "unknown argument 'c'"),
        (["a", "--data_root", "b"], "the folder a and --data_root b: give one of the two"),
        (["--data_root", "~nobody_of_this_name/x"], "no such user"),
        (["--data_root", "caf\udce9"], "--data_root: is no UTF-8 text"),
    ],
)
def test_wrong_flags_end_before_the_work(tmp_path, monkeypatch, capsys, argv, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
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
        "import sys; from dataset_preparation.arguments import *\n"
        "def work(args):\n"
        "    for _ in range(100000): print('a line of the table')\n"
        "    return 0\n"
        "sys.exit(run_script(preparation_parser('x', ''), ['a', 'b'], work))\n"
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
