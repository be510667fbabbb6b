"""Files of other libraries, damaged: one sentence, whatever the library makes of them."""

from __future__ import annotations

import io
import os
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from videosync import foreign
from videosync.errors import CheckpointError
from videosync.files import read_text, special_kind
from videosync.foreign import read_npy, read_npz, read_safetensors, require_honest


def header(text: str, data: bytes = b"") -> bytes:
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode() + data


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\x03\x04",
        header("{'descr': '<f4', 'fortran_order': False, 'shape': (2,"),  # tokenize's own error
        header("{'descr': '<f4', 'fortran_order': False, 'shape': (" + "9" * 40 + ",), }\n"),
        header("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,), }\n", b"\0" * 8),
        header("{'descr': '|O', 'fortran_order': False, 'shape': (2,), }\n", b"\0" * 16),
        header("[" * 3000),
    ],
    ids=["empty", "cut", "header cut", "digits", "more than is there", "objects", "nested"],
)
def test_damaged_arrays_are_a_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.npy"
    path.write_bytes(content)
    for read in (read_npy, read_npz):
        with pytest.raises(ValueError, match="."):
            read(path)
    np.save(path, np.arange(6).reshape(2, 3))
    assert read_npy(path).tolist() == [[0, 1, 2], [3, 4, 5]]
    np.savez(tmp_path / "a.npz", b=np.arange(2))
    assert read_npz(tmp_path / "a.npz")["b"].tolist() == [0, 1]


def test_archives_unpack_to_no_more_than_memory_has_room_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez_compressed(tmp_path / "a.npz", a=np.zeros(100_000))
    assert read_npz(tmp_path / "a.npz")["a"].shape == (100_000,)
    monkeypatch.setattr(foreign, "_UNPACKED", 10_000)
    with pytest.raises(ValueError, match=r"MB that would become 0\.0008 GB in memory"):
        read_npz(tmp_path / "a.npz")
    for damage in (b"", b"PK\x05\x06" + b"\xff" * 18, zip_of_version(255)):
        (tmp_path / "b.npz").write_bytes(damage)
        require_honest(tmp_path / "b.npz")
    opened = io.BytesIO(zip_of_version(20))
    opened.seek(3)
    require_honest(opened)
    assert opened.tell() == 3


def zip_of_version(needed: int) -> bytes:
    """An archive that asks for a later reader."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("a", b"a")
    content = bytearray(made.getvalue())
    content[content.rindex(b"PK\x01\x02") + 6] = needed
    return bytes(content)


@pytest.mark.parametrize(
    "content", [b"", b"\xff" * 30, struct.pack("<Q", 2) + b"{}x", struct.pack("<Q", 9) + b'{"a": "b"']
)
def test_damaged_tensors_are_a_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)
    with pytest.raises(
        CheckpointError, match=r"a\.safetensors: not a complete \.safetensors file \(.+\); copy it again$"
    ):
        read_safetensors(path, load_file)
    with pytest.raises(CheckpointError, match=r"b\.safetensors: there is no such file"):
        read_safetensors(tmp_path / "b.safetensors", load_file)
    save_file({"a": np.arange(3)}, path)
    assert read_safetensors(path, load_file)["a"].tolist() == [0, 1, 2]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="has no pipes with names")
def test_pipes_and_devices_are_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "a"
    os.mkfifo(path)
    for read in (read_text, read_npy, read_npz):
        with pytest.raises(ValueError, match="^a pipe, not a file; save it as a file first$"):
            read(path)
    assert special_kind("/dev/null") == "a device"
    assert [special_kind(other) for other in (tmp_path, tmp_path / "absent", "a\0b")] == ["", "", ""]
