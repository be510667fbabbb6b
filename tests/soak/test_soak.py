"""The short forms of ``make soak``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.soak.__main__ import main
from tests.soak.watch import Watch


@pytest.mark.parametrize(
    ("mb_a_round", "files_a_round", "rounds", "said"),
    [
        (0.0, 0.0, 100, ""),
        (0.2, 0.0, 100, ""),  # 16 MB between the 20th round and the 100th
        (0.3, 0.0, 100, "memory grew"),
        (0.3, 0.1, 100, "memory grew, open files grew"),
        (0.0, 0.0, 99, "ended after 99 of 100 rounds"),
    ],
)
def test_what_grows_is_said(mb_a_round: float, files_a_round: float, rounds: int, said: str) -> None:
    watch = Watch(100, lambda: (300 + mb_a_round * watch.done, int(files_a_round * watch.done), 5))
    for _ in range(rounds):
        watch()
    assert watch.verdict()["failed"] == said


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(not Path("/proc/self").exists(), reason="open files are counted as Linux does")
@pytest.mark.parametrize(("job", "rounds"), [("sync", 60), ("train", 400), ("workers", 3)])
def test_memory_stays_where_it_is(job: str, rounds: int, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["--only", job, "--rounds", str(rounds), "--seed", "1"])
    assert code == 0, capsys.readouterr().out
