"""What a person sees while ``videosync sync`` works, and a program does not."""

from __future__ import annotations

import fcntl
import io
import json
import os
import pty
import struct
import sys
import termios
from contextlib import suppress

import pytest

from videosync.cli.bar import FrameBar, frame_progress
from videosync.timeline.progress import COMPARING, OPENING, STEPS, counted


def shown(columns: int, monkeypatch: pytest.MonkeyPatch) -> str:
    """What a terminal of so many columns gets to see of three steps; 0: it does not tell, as in some consoles."""
    reader, writer = pty.openpty()
    rows = 24 if columns else 0
    fcntl.ioctl(writer, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    with os.fdopen(writer, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        with FrameBar() as bar:
            bar(OPENING, 0, 2)
            bar("folder/cam0.mp4", 0, 150)
            bar(COMPARING, 0, 1)
    text = b""
    with suppress(OSError):  # the other end is closed
        while more := os.read(reader, 65536):
            text += more
    os.close(reader)
    return text.decode()


@pytest.mark.parametrize("columns", [0, 60, 120])
def test_each_step_is_shown_as_it_begins(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    text = shown(columns, monkeypatch)
    assert "opening files:   0%" in text
    assert "0/2" in text
    assert "cam0.mp4:   0%" in text
    assert "comparing pictures:   0%" in text
    assert max(map(len, text.replace("\n", "\r").split("\r"))) <= (columns or 80)


def test_nothing_is_written_where_nobody_looks_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with FrameBar() as bar:
        bar(OPENING, 0, 2)
    assert not sys.stderr.getvalue()  # type: ignore[attr-defined]


def test_every_step_is_reported_from_none_to_all() -> None:
    told: list[tuple[str, int, int]] = []
    assert list(counted(lambda *said: told.append(said), COMPARING, "ab")) == ["a", "b"]
    assert told == [(COMPARING, 0, 2), (COMPARING, 1, 2), (COMPARING, 2, 2)]
    assert COMPARING in STEPS


def test_programs_get_lines_of_json(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("videosync.cli.bar.EVERY", 3600.0)
    with frame_progress("json") as told:
        for what, total in ((OPENING, 2), ("caf\udce9/cam0.mp4", 150)):
            for done in range(total + 1):
                told(what, done, total)
    with frame_progress("off") as silent:
        silent(OPENING, 0, 2)
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(line["what"], line["unit"], line["done"]) for line in lines] == [
        (OPENING, "file", 0),
        (OPENING, "file", 2),
        ("caf\udce9/cam0.mp4", "frame", 0),
        ("caf\udce9/cam0.mp4", "frame", 150),
    ]
    assert [line["seconds_left"] for line in lines] == [None, 0.0, None, 0.0]
