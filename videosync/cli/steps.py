"""Chains of commands: each is shown as it would be typed, run, and noted in ``commands.txt``."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from videosync.cli.common import check_writable
from videosync.errors import VideoSyncError
from videosync.files import make_folder

LAUNCHER = "torch.distributed.run"  # what torchrun runs
PROCESSES = 2
COMMANDS = "commands.txt"
Words = Sequence[str]


@dataclass(frozen=True)
class Step:
    """Commands that wait for nothing but the steps before.

    One alone writes to the terminal. Several are run side by side, as many as there are cores and each on one thread,
    and write into ``logs/NAME.log``, by their names; at the end of each, the last lines of it with ``shown`` follow.
    """

    title: str
    commands: Sequence[Words]
    names: Sequence[str] = ()
    shown: str = ""
    fine: Collection[int] = (0,)  # exit codes that do not end the chain


def fresh_folder(output: Path) -> None:
    """An empty folder; what an earlier chain left there is deleted. Raises VideoSyncError: it holds something else."""
    check_writable("--output", output)
    if output.exists() and any(output.iterdir()) and not (output / COMMANDS).exists():
        raise VideoSyncError(f"{output}: not empty and not made by the demo; choose another --output")
    if output.exists():
        shutil.rmtree(output)
    make_folder(output)


def run_steps(output: Path, steps: Sequence[Step]) -> float:
    """Run them in ``output``; returns the seconds they took. Raises VideoSyncError when one fails."""
    started = time.monotonic()
    for number, step in enumerate(steps, start=1):
        spent = time.monotonic() - started
        print(f"\n[{number}/{len(steps)}] {step.title}  ({spent:.0f} s so far)", flush=True)
        with (output / COMMANDS).open("a") as log:
            log.writelines(as_typed(words) + "\n" for words in step.commands)
        failed = _side_by_side(output, step) if step.names else _alone(step)
        if failed:
            raise VideoSyncError(f"step {number} ({step.title}) {failed}")
    return time.monotonic() - started


def _alone(step: Step) -> str:
    for words in step.commands:
        print(f"$ {as_typed(words)}", flush=True)
        code = subprocess.run(words, env=environment(words), stdin=subprocess.DEVNULL, check=False).returncode
        if code not in step.fine:
            return f"ended with exit code {code}; its output is above"
    return ""


def _side_by_side(output: Path, step: Step) -> str:
    logs = output / "logs"
    logs.mkdir(exist_ok=True)
    env = {**os.environ, "OMP_NUM_THREADS": "1"}

    def run(name: str, words: Words) -> tuple[str, int]:
        print(f"$ {as_typed(words)}", flush=True)
        with (logs / f"{name}.log").open("w") as log:
            done = subprocess.run(
                words, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, check=False
            )
        return name, done.returncode

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        running = [pool.submit(run, name, words) for name, words in zip(step.names, step.commands, strict=True)]
        for future in as_completed(running):
            name, code = future.result()
            lines = (logs / f"{name}.log").read_text(errors="replace").splitlines()
            if code not in step.fine:
                pool.shutdown(cancel_futures=True)
                said = "\n".join(lines[-5:])
                return f"ended with exit code {code}; {logs / name}.log ends with\n{said}"
            if step.shown and (found := [line for line in lines if step.shown in line]):
                print(f"  {name}: {found[-1]}", flush=True)
    return ""


def as_typed(words: Words) -> str:
    """What a user would type for it."""
    text = shlex.join(["python", *words[1:]])
    return text.replace(f"python -m {LAUNCHER}", "torchrun").replace("python -m videosync", "videosync")


def command_words(name: str, *arguments: str, launched: bool = False) -> list[str]:
    """``videosync NAME …``, by this interpreter."""
    launcher = ["-m", LAUNCHER, "--standalone", "--nproc_per_node", str(PROCESSES)] if launched else []
    return [sys.executable, *launcher, "-m", "videosync", name, *arguments]


def environment(words: Words) -> dict[str, str]:
    """Under a launcher each process gets its share of the cores; alone, a command takes all."""
    share = max(1, (os.cpu_count() or 1) // PROCESSES)
    return {**os.environ, "OMP_NUM_THREADS": str(share)} if LAUNCHER in words else dict(os.environ)
