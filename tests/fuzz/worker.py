"""A process that reads damaged files, one after the other, until one of them ends it.

Numbers of cases come in on standard input, a line each; for each a line of JSON goes out. What the code under test
prints goes into a file, which is looked through.
"""

from __future__ import annotations

import ctypes
import io
import json
import logging
import os
import re
import resource
import shutil
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.fuzz.ask import ASKS
from tests.fuzz.mutate import CANARY, damaged
from tests.fuzz.samples import HASHED, Samples, read_samples, seal

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
CHECKED = re.compile(r"^\d+ problems?$", re.MULTILINE)  # how ``videosync check`` ends its list
EXPECTED = {0, 2, 3}  # exit codes: done, wrong input, not placed
MEDIA_SHARE = 0.55  # of the cases; a tenth of these go through the whole of ``videosync sync``
IN_OPEN, IN_NONBLOCK = 0x20, 0x800
NAMING = {"manifest", "answer", "old_annotations"}  # formats whose use it is to name videos
NAMED = {"data_set", "archive"}  # where what is wrong is said in one line that names the file
FORBIDDEN = ("os.system", "os.exec", "os.posix_spawn", "subprocess.Popen", "socket.connect", "pty.spawn")


class Watch:
    """Knows whether a file was opened, by whatever code (inotify of Linux)."""

    def __init__(self, path: Path) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self.handle = libc.inotify_init1(IN_NONBLOCK)
        if self.handle < 0 or libc.inotify_add_watch(self.handle, os.fsencode(path), IN_OPEN) < 0:
            raise OSError(ctypes.get_errno(), "inotify")

    def opened(self) -> bool:
        try:
            return bool(os.read(self.handle, 4096))
        except BlockingIOError:
            return False


def drawn(samples: Samples, seed: int, number: int, only: str) -> tuple[np.random.Generator, str, str]:
    """What a case is drawn with, its format and the file that is damaged."""
    rng = np.random.default_rng([seed, number])
    kind = "media" if rng.random() < MEDIA_SHARE else str(rng.choice(sorted(set(samples) - {"media"})))
    if only:
        kinds = only.split(",")
        kind = kinds[number % len(kinds)]
    return rng, kind, str(rng.choice(samples[kind][1]))


def unnamed(said: str, name: str) -> str:
    """What is wrong with how a command said that it cannot use a file, or ""."""
    sentences = sum(line.startswith("error") for line in said.splitlines())
    if sentences != 1 and not CHECKED.search(said):
        return f"{sentences} sentences"
    names = [part for part in Path(name).with_suffix("").parts[1:] if part != "checkpoints"]  # a set has several files
    sentence = said[said.find("\nerror") + 1 :]  # a list of what is wrong may follow its line
    return "" if any(part in sentence for part in names) else "the file is not named"


class Worker:
    """Args: the folder of samples and scratch of this run, its seed, and of which formats cases are (none: of all)."""

    def __init__(self, root: Path, seed: int, only: str) -> None:
        self.seed, self.only = seed, only
        self.samples = read_samples(root / "samples")
        self.scratch = root / f"scratch_{os.getpid()}"
        self.canary = root / "canary.mp4"
        self.watch = Watch(self.canary)
        self.ran: list[str] = []  # forbidden events of the case under way
        sys.addaudithook(self._notice)

    def _notice(self, event: str, args: tuple[Any, ...]) -> None:
        """git is asked for the commit that a result was made with; data workers are met at a socket of this machine."""
        asks_git = event == "subprocess.Popen" and Path(str(args[0])).name == "git"
        if event in FORBIDDEN and not asks_git and not (event == "socket.connect" and isinstance(args[1], str | bytes)):
            self.ran.append(event)

    def case(self, number: int) -> dict[str, Any]:
        """What came of one case; its damage follows from the seed and the number alone."""
        rng, kind, name = drawn(self.samples, self.seed, number, self.only)
        folder = self.samples[kind][0]
        ask = "sync" if kind == "media" and rng.random() < 0.1 else kind
        other_folder, others = self.samples[str(rng.choice(sorted(self.samples)))]
        other = (other_folder / str(rng.choice(others))).read_bytes()
        place = self.scratch / str(number)
        if kind == "media":
            place.mkdir(parents=True)
            shutil.copy(folder / name, place / f"healthy_{name}")
        else:
            shutil.copytree(folder, place)
        file = place / name
        data = damaged((folder / name).read_bytes(), rng, other)
        file.unlink(missing_ok=True)  # a copy keeps the read-only mode of its source
        file.write_bytes(data.replace(CANARY.encode(), os.fsencode(self.canary)))
        if kind in HASHED and rng.random() < 0.7:
            seal(place, kind)
        judged = self._judged(lambda: ASKS[ask](place, file), watched=kind not in NAMING)
        if kind in NAMED and judged["code"] == 2 and not judged["failed"]:
            judged["failed"] = unnamed(judged["said"], name)
        judged["said"] = judged["said"][-300:] if judged["failed"] else ""
        found = {"number": number, "kind": ask, "name": name, **judged}
        shutil.rmtree(place, ignore_errors=True)
        return found

    def _judged(self, work: Callable[[], int], *, watched: bool) -> dict[str, Any]:
        os.ftruncate(1, 0)
        os.lseek(1, 0, os.SEEK_SET)
        self.watch.opened()
        self.ran.clear()
        failed, where, code = "", "", -1
        try:
            code = work()
            if code not in EXPECTED:
                failed = f"exit code {code}"
        except SystemExit as error:
            if error.code not in EXPECTED:
                failed = f"exit code {error.code}"
        except BaseException as error:
            failed = f"{type(error).__name__}: {str(error)[:200]}"
            frames = traceback.extract_tb(error.__traceback__)[::-1]
            frames = [frames[0], *(frame for frame in frames[1:] if "/videosync/" in frame.filename)]
            where = " < ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames[:5])
        sys.stdout.flush()
        sys.stderr.flush()
        said = os.pread(1, 1 << 20, 0).decode("utf-8", "replace")
        if not failed and "Traceback (most recent call last)" in said:
            failed, where = "traceback", said[-600:]
        if not failed and watched and self.watch.opened():
            failed = "another file was opened"
        if not failed and self.ran:
            failed = f"code was run: {self.ran[0]}"
        if not failed and (met := CONTROL.search(said)):
            failed, where = f"control character {met[0]!r}", said[max(met.start() - 80, 0) : met.end() + 80]
        return {"failed": failed, "where": where, "said": said, "code": code}


def serve(root: Path, seed: int, only: str, memory: int) -> None:
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    heard = os.open(root / f"said_{os.getpid()}", os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(heard, 1)
    os.dup2(heard, 2)
    for number, name, errors in ((1, "stdout", "surrogateescape"), (2, "stderr", "backslashreplace")):
        setattr(
            sys, name, io.TextIOWrapper(io.FileIO(number, "wb", closefd=False), "utf-8", errors, line_buffering=True)
        )
    logging.basicConfig(stream=sys.stderr)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    worker = Worker(root, seed, only)
    for line in sys.stdin:
        print(json.dumps(worker.case(int(line))), file=answers, flush=True)


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
