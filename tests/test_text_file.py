"""Reading text and JSON: encodings, marks and measures."""

from __future__ import annotations

from pathlib import Path

import pytest

from videosync.text_file import read_object, read_text, shown


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
