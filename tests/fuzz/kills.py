"""Jobs that are killed at random moments, or meet a full disk, and started again: ``python -m tests.fuzz.kills``.

Half of the kills come just before something is done to the folder that a job writes (a file opened, renamed, removed),
chosen by number, so that they fall between any two of them; half at a time, so that they fall within. What then lies
there under a name that users see must be whole. The job is started again: what it leaves must be what it leaves when
nobody disturbs it, and nothing else. Otherwise the kill counts as a loss. The same with a full disk: a small tmpfs,
where one may be mounted, that is given room before the job is started again; the sentence that it ends with is looked
at too.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import av
import cv2
import numpy as np
import torch  # every child has it from here  # noqa: F401
from safetensors.numpy import load_file

from benchmarks.pipeline import keep_result
from benchmarks.tables import markdown, text
from tests.fuzz.jobs import JOBS, Job, make_source
from videosync.arguments import at_least
from videosync.files import file_hash, read_json, read_text

DOING = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree", "shutil.copyfile", "os.truncate")
HIDDEN = re.compile(r"(^|/)\.(?!lock$|done(/|$)|videosync)")  # of preparation, .lock and .done/ stay
FULL = (0.05, 0.3, 0.6, 0.9)  # of what a job writes, that there is room for
KILLED = "killed"
ALIKE = 10.0  # mean square difference of two encodings of a picture, at most: 38 dB


def child(work: Callable[[], int], log: Path, out: Path, kill_at: int = 0, count: Path | None = None) -> int:
    """Start ``work`` in a process of its own; its number. It ends itself before the ``kill_at``-th doing in ``out``."""
    number = os.fork()
    if number:
        return number
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with open(log, "ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    sys.stdout, sys.stderr = (os.fdopen(n, "w", buffering=1, encoding="utf-8", closefd=False) for n in (1, 2))
    done = 0
    beginning = str(out)

    def notice(event: str, args: tuple[object, ...]) -> None:
        nonlocal done
        if event not in DOING or not args or not isinstance(args[0], str | bytes | os.PathLike):
            return
        reads = event == "open" and not (isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
        if reads or not os.fsdecode(args[0]).startswith(beginning):
            return
        done += 1
        if done == kill_at:
            os.killpg(0, signal.SIGKILL)

    sys.addaudithook(notice)
    try:
        code = work()
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except BaseException:  # nothing may leave this process as if it were the one it came from
        traceback.print_exc()
        code = 99
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    if count is not None:
        count.write_text(str(done))
    os._exit(code)


def ended(number: int, until: float = 600.0) -> int:
    """The exit code of a child, that has until then to end; below 0: the signal that ended it."""
    limit, alive = time.monotonic() + until, True
    try:
        while time.monotonic() < limit:
            found, status = os.waitpid(number, os.WNOHANG)
            if found:
                alive = False
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.005)
    finally:  # also where this process is told to stop
        if alive:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(number, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])


def names(out: Path) -> set[str]:
    return {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}


def broken(out: Path) -> list[str]:
    """What lies there under a name that users see and is not whole."""
    found = []
    for name in sorted(name for name in names(out) if not re.search(r"(^|/)\.", name)):
        path = out / name
        try:
            if path.suffix == ".json":
                read_json(path)
            elif path.suffix == ".safetensors":
                load_file(path)
            elif path.suffix == ".npy":
                np.load(path)
            elif path.suffix == ".npz":
                dict(np.load(path))
            elif path.suffix == ".mp4":
                with av.open(str(path)) as container:
                    assert sum(1 for _ in container.decode(video=0))
            elif path.suffix == ".png":
                assert cv2.imread(str(path)) is not None
            else:
                assert path.stat().st_size or path.suffix == ".jsonl"
                if path.suffix == ".jsonl":
                    [json.loads(line) for line in read_text(path).splitlines()[:-1]]
        except Exception as error:
            found.append(f"{name} is not whole ({type(error).__name__}: {str(error)[:80]})")
    return found


def alike(path: Path, other: Path) -> bool:
    """Whether two videos show the same frames at the same times, as far as an encoder tells them.

    libx264's mbtree, which a third of the size depends on, reads memory that it never wrote: bytes differ from run to
    run, and so do pixels, by a little.
    """
    frames = []
    for name in (path, other):
        with av.open(str(name)) as container:
            frames.append([(frame.time, frame.to_ndarray()) for frame in container.decode(video=0)])
    one, two = frames
    return [(time, picture.shape) for time, picture in one] == [(time, picture.shape) for time, picture in two] and all(
        np.square(a.astype(float) - b).mean() < ALIKE for (_, a), (_, b) in zip(one, two, strict=True)
    )


def differences(job: Job, out: Path, undisturbed: Path) -> list[str]:
    """How a folder differs from the one of a job that nobody disturbed."""
    wanted, there = names(undisturbed), names(out)
    found = [f"{name} is missing" for name in sorted(wanted - there)]
    found += [f"{name} is left over" for name in sorted(there - wanted) if HIDDEN.search(name)]
    found += [
        f"{name} differs"
        for name in sorted(wanted & there)
        if (name.endswith(job.same) and file_hash(out / name) != file_hash(undisturbed / name))
        or (name.endswith(job.alike) and not alike(out / name, undisturbed / name))
    ]
    return found + broken(out)


class Harness:
    """Args: root: an empty folder. What the jobs read is made in it, and each job's undisturbed result."""

    def __init__(self, root: Path) -> None:
        self.root, self.source, self.log = root, root / "source", root / "log"
        self.source.mkdir()
        code = ended(child(lambda: make_source(self.source) or 0, self.log, root / "none"))
        assert code == 0, self.log.read_text()
        self.known: dict[str, tuple[int, float]] = {}  # job → things it does in its folder, seconds

    def undisturbed(self, name: str) -> tuple[Path, int, float]:
        """Where a job's result is, and what it took."""
        out, count = self.root / "undisturbed" / name, self.root / "count"
        if name not in self.known:
            place = self.fresh(name)
            begun = time.monotonic()
            code = ended(child(lambda: JOBS[name].run(self.source, place), self.log, place, count=count))
            assert code == 0, f"{name}: exit code {code}\n{self.log.read_text()[-3000:]}"
            self.known[name] = int(count.read_text()), time.monotonic() - begun
            shutil.copytree(place, out)
        return out, *self.known[name]

    def fresh(self, name: str) -> Path:
        """The folder that a job writes: always the same, as some files hold their own path."""
        out = self.root / "out" / name
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        return out

    def kill(self, name: str, rng: np.random.Generator) -> list[str]:
        """One kill and what was lost; nothing where nothing was."""
        undisturbed, doings, seconds = self.undisturbed(name)
        out, job, at, wait = self.fresh(name), JOBS[name], 0, 600.0
        if rng.random() < 0.5:
            at = int(rng.integers(1, doings + 1))
        else:
            wait = float(rng.random()) * seconds
        ended(child(lambda: job.run(self.source, out), self.log, out, kill_at=at), wait)
        moment = f"before doing {at} of {doings}" if at else f"after {wait:.2f} of {seconds:.2f} s"
        problems = [*broken(out), *self._again(name, out, undisturbed)]
        return [f"{name}, killed {moment}: {problem}" for problem in problems]

    def _again(self, name: str, out: Path, undisturbed: Path) -> list[str]:
        code = ended(child(lambda: JOBS[name].again(self.source, out), self.log, out))
        if code != 0:
            return [f"started again it ends with {code}: {self.log.read_text()[-300:]}"]
        return differences(JOBS[name], out, undisturbed)

    def fill(self, name: str, share: float) -> list[str]:
        """A disk with room for a ``share`` of what the job writes, and what was lost."""
        undisturbed, *_ = self.undisturbed(name)
        size = sum((undisturbed / file).stat().st_size for file in names(undisturbed))
        out = self.fresh(name)
        said = self.root / "said"
        said.unlink(missing_ok=True)
        with small_disk(out, round(share * size)) as enlarge:
            code = ended(child(lambda: JOBS[name].run(self.source, out), said, out))
            problems = [] if code == 2 else [f"ends with {code}"]
            lines = [line for line in said.read_text().splitlines() if line.startswith("error")]
            if len(lines) != 1 or "Traceback" in said.read_text():
                problems.append(f"is not one sentence: {said.read_text()[-500:]!r}")
            problems += broken(out)
            enlarge()
            problems += self._again(name, out, undisturbed)
        return [f"{name}, room for {100 * share:.0f} %: {problem}" for problem in problems]


@contextlib.contextmanager
def small_disk(place: Path, size: int) -> Iterator[Callable[[], object]]:
    """A tmpfs of ``size`` bytes; what is given makes it large. Raises OSError where none may be mounted."""
    mount(["-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)])
    try:
        yield lambda: mount(["-o", "remount,size=1g", str(place)])
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def mount(words: Sequence[str]) -> None:
    """Raises OSError in the words of mount."""
    program = shutil.which("mount")
    done = program and subprocess.run([program, *words], capture_output=True, text=True, check=False)
    if not done or done.returncode:
        raise OSError(done.stderr.strip() if done else "there is no program mount")


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--kills", type=at_least(0), default=200, help="how many, over all jobs in turn (default %(default)s)")
    add("--first", type=at_least(0), default=0, help="number of the first, to go on from (default %(default)s)")
    add("--seed", type=at_least(0), default=0, help="of the moments (default %(default)s)")
    add("--jobs", nargs="+", choices=JOBS, default=list(JOBS), metavar="JOB", help="some of %(choices)s (default: all)")
    add("--full", action="store_true", help="also with a full disk, where a tmpfs may be mounted")
    add("--minutes", type=float, default=60.0, help="after which nothing further begins (default %(default)s)")
    add("--result", metavar="NAME", help="keep the numbers as benchmarks/results/NAME.json")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    args = build_parser().parse_args(argv)
    args.command = shlex.join(["python", "-m", "tests.fuzz.kills", *(sys.argv[1:] if argv is None else argv)])
    root = Path(tempfile.mkdtemp(prefix="kills_"))
    done: Counter[tuple[str, str]] = Counter()
    lost: Counter[tuple[str, str]] = Counter()

    def note(name: str, how: str, problems: list[str]) -> None:
        done[name, how] += 1
        lost[name, how] += bool(problems)
        for problem in problems:
            print(problem, file=sys.stderr, flush=True)

    fills = [(name, share) for share in FULL for name in args.jobs] if args.full else []
    cases: list[int | tuple[str, float]] = [*range(args.first, args.first + args.kills)]
    for place, fill in enumerate(fills):  # evenly among the kills
        cases.insert((place + 1) * args.kills // len(fills) + place, fill)
    until = time.monotonic() + 60 * args.minutes
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: what was done by then is said
    try:
        harness = Harness(root)
        for case in cases:
            if time.monotonic() > until:
                break
            if isinstance(case, int):
                name = args.jobs[case % len(args.jobs)]
                note(name, KILLED, harness.kill(name, np.random.default_rng([args.seed, case])))
                continue
            try:
                note(case[0], "disk full", harness.fill(*case))
            except OSError as error:
                print(f"no small disk can be mounted: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        print("told to stop", file=sys.stderr)
    finally:
        shutil.rmtree(root, ignore_errors=True)
    rows = [
        {"job": name, "how": how, "times": done[name, how], "losses": lost[name, how]} for name, how in sorted(done)
    ]
    print(markdown(rows, [(key, text(key)) for key in ("job", "how", "times", "losses")]))
    kills = sum(times for (_, how), times in done.items() if how == KILLED)
    full = done.total() - kills
    print(f"\n{kills} of {args.kills} kills, {full} full disks, seed {args.seed}: {lost.total()} losses")
    keep_result(args, rows, kills=kills, times=done.total(), losses=lost.total(), seed=args.seed)
    return 1 if lost.total() else 0


if __name__ == "__main__":
    sys.exit(main())
