"""The short form of ``python -m tests.fuzz.changing``, and that it knows a process that hangs."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fuzz import changing
from tests.fuzz.changing import FPS, Harness, attend
from tests.fuzz.kills import child

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads as on Linux")]


def spin() -> int:
    while True:
        pass


@pytest.mark.parametrize(
    ("work", "code", "why"),
    [
        (lambda: 3, 3, ""),
        (lambda: time.sleep(600) or 0, -signal.SIGKILL, "stands still"),
        (spin, -signal.SIGKILL, "endless"),
    ],
    ids=["ends", "stands still", "endless"],
)
def test_a_process_that_hangs_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, work: Callable[[], int], code: int, why: str
) -> None:
    monkeypatch.setattr(changing, "STILL", 2.0)
    done: list[int] = []
    end = attend(child(work, tmp_path / "log", tmp_path), 0.0, lambda: done.append(os.getpid()), limit=3.0)
    assert (end.code, end.why, len(done)) == (code, why, 1)


def test_a_file_that_changes_while_it_is_read_is_a_sentence_or_an_answer(tmp_path: Path) -> None:
    harness = Harness(tmp_path, ("h264_aac.mp4", "h264_opus.mkv", "mpeg4_mp3.avi", "h264_aac.ts"), 3 * FPS)
    assert [problem for _, problem in (harness.case(1, number) for number in range(24)) if problem] == []
