"""Files that are complete or absent; text and JSON: encodings, marks and measures."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from videosync.errors import VideoWriteError
from videosync.files import (
    _SWEPT,
    finished_folders,
    make_folder,
    new_file,
    new_folder,
    read_object,
    read_text,
    shown,
    sweep,
    write_json,
    write_text,
)


def test_a_mark_of_utf_8_is_no_part_of_the_text(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("é\r\n", encoding="utf-8-sig", newline="")
    assert read_text(path) == "é\r\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a": ' + b"9" * 5000 + b"}", "thousands of digits"),
        (b"[1]", "expected an object with keys, not \\[1\\]"),
        (b"{", "line 1 column 2"),
        ('{"a": "é"}'.encode("cp1252"), "the byte 0xe9 in line 1"),
        ('{"a": 1}'.encode("utf-16"), "not UTF-8, but UTF-16"),
    ],
)
def test_what_is_no_object_is_said_in_words(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=said):
        read_object(path)


def test_values_in_messages_are_cut() -> None:
    assert shown("a") == "'a'"
    assert len(shown("a" * 1000)) == 80
    assert shown(10**5000) == "int beyond all measure"


@pytest.mark.parametrize(
    ("name", "why"), [("file/x", "a file is in its way"), ("x" * 300, "too long"), ("/proc/none/x", "No such file")]
)
def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path, name: str, why: str) -> None:
    if name.startswith("/proc") and not Path("/proc/self").is_dir():
        pytest.skip("no system that lists its processes in a folder")
    (tmp_path / "file").touch()
    with pytest.raises(VideoWriteError, match=f"this folder cannot be made .*{why}.*; choose another one"):
        make_folder(tmp_path / name)


def fill(path: Path, text: str) -> None:
    (path / "part.txt" if path.is_dir() else path).write_text(text)


def content(path: Path) -> str:
    return (path / "part.txt" if path.is_dir() else path).read_text()


@pytest.mark.parametrize("new", [new_file, new_folder])
def test_what_is_written_is_complete_or_absent(tmp_path: Path, new: Any) -> None:
    path = tmp_path / "made" / "a.npy"
    with new(path) as hidden:
        assert (hidden.parent, hidden.is_dir()) == (path.parent, new is new_folder)
        assert new is new_folder or hidden.suffix == ".npy"
        fill(hidden, "first")
        assert not path.exists()
    assert content(path) == "first"
    for error in (KeyboardInterrupt(), ValueError()):
        with pytest.raises(type(error)), new(path) as hidden:  # noqa: PT012
            fill(hidden, "half")
            raise error
    assert content(path) == "first"
    with new(path) as hidden:
        fill(hidden, "second")
    assert content(path) == "second"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.skipif(os.name == "nt", reason="has no such modes")
@pytest.mark.parametrize("new", [new_file, new_folder])
def test_what_a_library_wrote_for_its_owner_alone_is_a_file_like_others(tmp_path: Path, new: Any) -> None:
    path, other = tmp_path / "a", tmp_path / "b"
    other.write_text("")
    with new(path) as hidden:
        fill(hidden, "weights")
        (hidden / "part.txt" if hidden.is_dir() else hidden).chmod(0o600)
    assert (path / "part.txt" if path.is_dir() else path).stat().st_mode == other.stat().st_mode


@pytest.mark.parametrize("new", ["new_file", "new_folder"])
def test_a_killed_process_leaves_nothing_under_the_name(tmp_path: Path, new: str) -> None:
    code = f"""
import os, signal, sys
from videosync.files import {new}
with {new}(sys.argv[1]) as hidden:
    (hidden / "part.txt" if hidden.is_dir() else hidden).write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    path = tmp_path / "a"
    assert subprocess.run([sys.executable, "-c", code, str(path)], check=False).returncode == -signal.SIGKILL
    assert [other.name[:3] for other in tmp_path.iterdir()] == [".a."]
    assert finished_folders(tmp_path) == []
    with new_folder(path) as hidden:
        fill(hidden, "whole")
    assert finished_folders(tmp_path) == [path]
    path.with_name(f".{path.name}.previous").mkdir()  # killed before the older one was taken away
    assert finished_folders(tmp_path) == [path]
    assert [other.name for other in tmp_path.iterdir()] == [path.name]
    assert list(tmp_path.iterdir()) == [path]  # what was left is taken away


def test_what_other_living_processes_and_machines_write_stays(tmp_path: Path) -> None:
    with new_file(tmp_path / "a.json") as hidden:  # as the next process would see it
        hidden.write_text("half")
        number = str(os.getpid())
        dead, elsewhere, mine = (
            hidden.with_name(hidden.name.replace(number, other)) for other in ("4194400", f"{number}x", ".hidden-notes")
        )
        parent = hidden.with_name(hidden.name.replace(number, str(os.getppid())))
        for path in (dead, elsewhere, mine, parent):
            path.touch()
        _SWEPT.clear()
        sweep(tmp_path)
        assert not dead.exists()
        assert all(path.exists() for path in (hidden, elsewhere, mine, parent))


def test_a_folder_caught_between_two_renames_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "last"
    with new_folder(path) as hidden:
        fill(hidden, "first")
    rename = Path.rename

    def stopped_at_second(self: Path, target: Path) -> Path:
        if target == path:
            raise KeyboardInterrupt
        return rename(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", stopped_at_second)
        with pytest.raises(KeyboardInterrupt), new_folder(path):
            pass
    assert not path.exists()
    assert finished_folders(tmp_path) == [path]
    assert content(path) == "first"
    assert finished_folders(tmp_path / "absent") == []


def test_half_a_surrogate_pair_is_written_as_json_escapes_it(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", half := {"a": "\ud800é"})
    assert json.loads((tmp_path / "a.json").read_bytes()) == half


def test_a_full_disk_is_one_sentence_that_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"a": "é"})
    assert path.read_bytes() == b'{\n "a": "\xc3\xa9"\n}\n'
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(path, float("nan"))

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(VideoWriteError, match=r"a\.json: cannot be written \(No space left on device\); make room"):
        write_text(path, "longer")
    assert (list(tmp_path.iterdir()), read_object(path)) == ([path], {"a": "é"})
    (tmp_path / "file").touch()
    with pytest.raises(VideoWriteError, match="cannot be written"):
        write_text(tmp_path / "file" / "a", "")
