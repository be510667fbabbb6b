"""Files that change while they are read: ``python -m tests.fuzz.changing``.

A recording is cut, lengthened, written over, exchanged or deleted at a random moment while a command reads it and its
healthy partner. Wanted is one sentence or an answer. Counted as failed: a traceback, another exit code, a control
character, a file under its own name that is not whole, a process that stands still (for 30 s no thread of it runs or
waits for a disk), and one that uses 20 times the processor time that the command takes when nobody disturbs it. A
process that only gets no processor time is waited for.
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import os
import shlex
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from benchmarks.pipeline import keep_result
from benchmarks.tables import markdown, text
from dataset_preparation import multiview_process
from tests.fuzz.kills import broken, child
from tests.fuzz.media import FPS, make_media
from tests.fuzz.worker import CONTROL
from videosync.arguments import at_least
from videosync.cli import audit, check, sync
from videosync.data.manifest import Sample, View, write_manifest

NAMES = (
    "h264_aac.mp4", "mpeg4_pcm.mov", "h264_opus.mkv", "vp8_opus.webm", "mpeg4_mp3.avi", "mjpeg_pcm.avi", "h264_aac.ts",
    "mpeg2_mp2.mpg", "raw.h264",
)  # fmt: skip
FRAMES = 8 * FPS
EXPECTED = {0, 2, 3, 4}  # exit codes: done, wrong input, not placed, placed in part
STILL = 30.0  # seconds without processor time while no thread wants any
TIMES, AT_LEAST = 20.0, 30.0  # processor time of an undisturbed run, and seconds, that count as endless


def cut(path: Path, rng: np.random.Generator) -> None:
    os.truncate(path, int(rng.random() * path.stat().st_size))


def cut_and_grow(path: Path, rng: np.random.Generator) -> None:
    """As a copy that begins anew."""
    data = path.read_bytes()
    os.truncate(path, int(rng.random() * len(data)) if rng.random() < 0.5 else 0)
    with path.open("r+b") as file:
        for start in range(0, len(data), len(data) // 20 + 1):
            file.write(data[start : start + len(data) // 20 + 1])
            file.flush()
            time.sleep(0.01)


def lengthen(path: Path, rng: np.random.Generator) -> None:
    """With itself, with noise, or with a hole."""
    kind, data = rng.random(), path.read_bytes()
    if kind < 0.3:
        os.truncate(path, len(data) * 3)
        return
    with path.open("ab") as file:
        file.write(data if kind < 0.7 else rng.bytes(len(data) // 2))


def write_over(path: Path, rng: np.random.Generator) -> None:
    """Noise or zeros in its midst."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(int(rng.random() * size))
        count = int(rng.random() * size / 2)
        file.write(rng.bytes(count) if rng.random() < 0.5 else bytes(count))


def exchange(path: Path, rng: np.random.Generator) -> None:
    """For another video, under the same name or in the same file; for a folder, for a pipe that nobody writes."""
    others = sorted(path.parent.parent.parent.glob("media/*"))
    other, kind = others[int(rng.integers(len(others)))], rng.random()
    if kind < 0.4:
        shutil.copyfile(other, path)
        return
    new = path.with_name("new")
    if kind < 0.8:
        shutil.copyfile(other, new)
    elif kind < 0.9:
        os.mkfifo(new)
    else:
        path.unlink()
        path.mkdir()
        return
    new.replace(path)


def delete(path: Path, rng: np.random.Generator) -> None:
    path.unlink()


CHANGES = {
    "cut": cut, "cut and grown": cut_and_grow, "lengthened": lengthen, "written over": write_over,
    "exchanged": exchange, "deleted": delete,
}  # fmt: skip


def _sync(folder: Path, files: Sequence[Path], out: Path) -> int:
    flags = {"json": "a.json", "trim": "cut", "report": "page.html"}
    written = [f"--{flag}={out / name}" for flag, name in flags.items()]
    return sync.main([*map(str, files), "--accept", "0.001", *written])


def _check(folder: Path, files: Sequence[Path], out: Path) -> int:
    return check.main([str(folder), "--sheet", str(out / "sheet.png")])


def _audit(folder: Path, files: Sequence[Path], out: Path) -> int:
    return audit.main([str(folder), f"--csv={out / 'a.csv'}"])


def _prepare(folder: Path, files: Sequence[Path], out: Path) -> int:
    return multiview_process.main(
        ["--data_root", str(folder), "--output_dir", str(out / "set"), "--size", "64", "--workers", "1"]
    )


Command = Callable[[Path, Sequence[Path], Path], int]
COMMANDS: dict[str, Command] = {"sync": _sync, "check": _check, "audit": _audit, "prepare": _prepare}


@dataclass
class End:
    """How a process ended: its exit code (below 0: a signal), or what it was ended for; its processor time."""

    code: int
    why: str
    seconds: float


def attend(number: int, seconds: float, act: Callable[[], None], limit: float) -> End:
    """Wait for a child, ``act`` when it has had ``seconds`` of processor time, and end it where it does not end."""
    acted, used, since = False, 0.0, time.monotonic()
    while True:
        now, wants = state(number)  # before it is waited for: then it is gone
        found, status = os.waitpid(number, os.WNOHANG)
        if not acted and (found or now >= seconds):
            acted = True
            act()
        if found:
            return End(os.waitstatus_to_exitcode(status), "", max(now, used))
        if now != used or wants:
            used, since = now, time.monotonic()
        why = "endless" if used > limit else "stands still" if time.monotonic() - since > STILL else ""
        if why:
            os.kill(number, signal.SIGUSR1)
            time.sleep(2.0)
            os.killpg(number, signal.SIGKILL)
            os.waitpid(number, 0)
            return End(-signal.SIGKILL, why, used)
        time.sleep(0.2 if acted else 0.03)


def state(number: int) -> tuple[float, bool]:
    """Processor time of a process and those it has started, and whether a thread of theirs runs, would run, or waits
    for a disk."""
    seconds, states = 0.0, set()
    own = psutil.Process(number)
    for one in (own, *own.children(recursive=True)):
        with contextlib.suppress(OSError, psutil.NoSuchProcess):  # it has just ended
            seconds += sum(one.cpu_times()[:4])
            states |= {stat.read_text().rpartition(") ")[2][0] for stat in Path(f"/proc/{one.pid}/task").glob("*/stat")}
    return seconds, bool({"R", "D"} & states)


class Harness:
    """Args: root: an empty folder."""

    def __init__(self, root: Path, names: Sequence[str] = NAMES, frames: int = FRAMES) -> None:
        self.root, self.log = root, root / "log"
        (root / "media").mkdir()
        self.media = make_media(root / "media", names, frames)
        self.frames = frames
        self.known: dict[tuple[str, str], float] = {}  # command, name → seconds of processor time

    def _fresh(self, name: str) -> tuple[Path, list[Path], Path]:
        place, out = self.root / "case" / "event", self.root / "out"
        for folder in (self.root / "case", out):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
        place.mkdir()
        files = [place / f"{camera}{Path(name).suffix}" for camera in ("cam0", "cam1")]
        for file in files:
            shutil.copyfile(self.media[name], file)
        views = tuple(View(f"event/{file.name}", 0, self.frames, float(FPS)) for file in files)
        write_manifest(place.parent, [Sample("event", "train", views)])
        return place.parent, files, out

    def _start(self, command: str, folder: Path, files: Sequence[Path], out: Path) -> int:
        self.log.write_text("")

        def work() -> int:
            faulthandler.register(signal.SIGUSR1, file=2)
            return COMMANDS[command](folder, files, out)

        return child(work, self.log, out)

    def undisturbed(self, command: str, name: str) -> float:
        """Processor time of a command when nobody changes its files."""
        if (command, name) not in self.known:
            number = self._start(command, *self._fresh(name))
            end = attend(number, 0.0, lambda: None, 600.0)
            assert end.code in EXPECTED, f"{command} {name}: {end} {self.log.read_text()[-3000:]}"
            self.known[command, name] = end.seconds
        return self.known[command, name]

    def case(self, seed: int, number: int) -> tuple[str, str]:
        """What was done to the file, and what went wrong, or ""."""
        rng = np.random.default_rng([seed, number])
        command, name, change = (str(rng.choice(list(some))) for some in (COMMANDS, self.media, CHANGES))
        seconds = self.undisturbed(command, name)
        folder, files, out = self._fresh(name)
        changed = files[int(rng.integers(2))]
        at = float(rng.random()) * seconds
        end = attend(
            self._start(command, folder, files, out),
            at, lambda: CHANGES[change](changed, rng), max(AT_LEAST, TIMES * seconds),
        )  # fmt: skip
        said = self.log.read_text(errors="replace")
        problem = end.why
        if not problem and end.code not in EXPECTED:
            problem = f"exit code {end.code}"
        elif not problem and "Traceback (most recent call last)" in said:
            problem = "traceback"
        elif not problem and (met := CONTROL.search(said.replace("\r", ""))):
            problem = f"control character {met[0]!r}"
        if not problem:
            problem = ", ".join(broken(out))
        if problem:
            problem += (
                f" (case {number}: {command} {name}, {changed.name} {change} after {at:.2f} of {seconds:.2f} s)\n"
            )
            problem += said[-6000:]
        return change, problem


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--cases", type=at_least(1), default=300, help="how many (default %(default)s)")
    add("--first", type=at_least(0), default=0, help="number of the first (default %(default)s)")
    add("--seed", type=at_least(0), default=0, help="of what is changed, how and when (default %(default)s)")
    add("--minutes", type=float, default=60.0, help="after which no further case begins (default %(default)s)")
    add("--result", metavar="NAME", help="keep the numbers as benchmarks/results/NAME.json")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    args = build_parser().parse_args(argv)
    args.command = shlex.join(["python", "-m", "tests.fuzz.changing", *(sys.argv[1:] if argv is None else argv)])
    root = Path(tempfile.mkdtemp(prefix="changing_"))
    done: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    try:
        harness = Harness(root)
        until = time.monotonic() + 60 * args.minutes
        for number in range(args.first, args.first + args.cases):
            if time.monotonic() > until:
                break
            change, problem = harness.case(args.seed, number)
            done[change] += 1
            failed[change] += bool(problem)
            if problem:
                print(problem, file=sys.stderr, flush=True)
    finally:
        shutil.rmtree(root, ignore_errors=True)
    rows = [
        {"the file is": change, "times": done[change], "failed": failed[change]} for change in CHANGES if done[change]
    ]
    print(markdown(rows, [(key, text(key)) for key in ("the file is", "times", "failed")]))
    print(f"\n{done.total()} cases of seed {args.seed}: {failed.total()} failed")
    keep_result(args, rows, times=done.total(), failed=failed.total(), seed=args.seed)
    return 1 if failed.total() else 0


if __name__ == "__main__":
    sys.exit(main())
