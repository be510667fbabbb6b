"""What a process holds while it does one thing again and again."""

from __future__ import annotations

import gc
import shutil
import tempfile
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tests.soak.jobs import JOBS

GROWTH_MB, GROWTH = 20.0, 0.05
SLACK = 4  # open files and threads: pools of libraries that fill late
LOOKS = 10  # at memory, evenly over the rounds


@dataclass
class Watch:
    """Counts rounds, and notes what the process holds after every tenth of them.

    Args:
        rounds: how many there will be.
        look: what is held now: MB, open files, threads.
    """

    rounds: int
    look: Callable[[], tuple[float, int, int]]
    done: int = 0
    held: list[tuple[float, int, int]] = field(default_factory=list)

    def __call__(self) -> None:
        self.done += 1
        while len(self.held) < LOOKS * self.done // self.rounds:
            self.held.append(self.look())

    def verdict(self) -> dict[str, Any]:
        """What was held after a fifth and at the end; ``failed``: what has grown, or ""."""
        if self.done < self.rounds:
            return {"n": self.done, "failed": f"ended after {self.done} of {self.rounds} rounds"}
        (mb, files, threads), (mb_end, files_end, threads_end) = self.held[LOOKS // 5 - 1], self.held[-1]
        grown = {
            "memory": mb_end - mb > max(GROWTH_MB, GROWTH * mb),
            "open files": files_end - files > SLACK,
            "threads": threads_end - threads > SLACK,
        }
        return {
            "n": self.done, "mb": mb, "mb_end": mb_end, "files": files, "files_end": files_end, "threads": threads,
            "threads_end": threads_end, "failed": ", ".join(f"{name} grew" for name, so in grown.items() if so),
        }  # fmt: skip


def of_all(look: Callable[[psutil.Process], float]) -> float:
    """The sum over this process and those it has started, data workers too."""
    own, total = psutil.Process(), 0.0
    for one in (own, *own.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):  # it has just ended
            total += look(one)
    return total


def held() -> tuple[float, int, int]:
    """Resident memory of this process and those it has started, MB; open files and threads of this one."""
    gc.collect()
    own = psutil.Process()
    return of_all(lambda one: one.memory_info().rss) / 2**20, own.num_fds(), own.num_threads()


def processor_seconds() -> float:
    """Of the same processes, and of those that they have seen end."""
    return of_all(lambda one: sum(one.cpu_times()[:4]))


def run(name: str, rounds: int, seed: int) -> dict[str, Any]:
    """One job, in this process: a row of the table."""
    watch = Watch(rounds, held)
    folder = Path(tempfile.mkdtemp(prefix="soak_"))
    started = processor_seconds()
    try:
        with open(folder / "said", "w") as said, redirect_stdout(said), redirect_stderr(said):
            problem = JOBS[name].work(rounds, seed, folder, watch)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    found = watch.verdict()
    found["failed"] = "; ".join(filter(None, [problem, found["failed"]]))
    return {"name": JOBS[name].title, **found, "cpu": processor_seconds() - started}
