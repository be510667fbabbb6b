"""Damaged and hostile files by the thousand: ``python -m tests.fuzz --cases 10000`` (``make fuzz``).

Each case is a healthy sample with a few damages: one of over twenty containers and codecs, or a manifest,
configuration, checkpoint, file of tensors, set of matrices, answer, annotation or playlist. It is read as a user would
have it read. Wanted is one sentence, or an answer. Counted as failed: a traceback, a hang, a crash, memory beyond the
limit, a control character on the terminal, a file that is opened though nobody named it, code that is run.

A case follows from the seed and its number: --only FORMAT --first N --cases 1 repeats it.
"""

from __future__ import annotations

import argparse
import os
import select
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from benchmarks.pipeline import keep_result
from benchmarks.tables import markdown, text
from tests.fuzz.samples import make_samples, read_samples
from tests.fuzz.worker import drawn
from videosync.arguments import at_least
from videosync.files import parse_json

MEGABYTES = 6000  # of address space; torch alone maps one or two thousand
ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
SERVED = 1000  # cases of a worker; what it has reserved of its address space for threads does not come back
SHOWN = "h264_aac.mp4"  # what would be seen if a file that nobody named were opened


Verdict = dict[str, Any]  # number, kind and name of a case; failed: how, or ""


class Process:
    """A worker, and the case it has."""

    def __init__(self, command: Sequence[str]) -> None:
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, **ONE_THREAD},
        )  # fmt: skip
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.questions, self.answers = self.process.stdin, self.process.stdout
        self.number, self.since, self.served = -1, 0.0, 0

    def give(self, number: int) -> None:
        self.number, self.since, self.served = number, time.monotonic(), self.served + 1
        self.questions.write(f"{number}\n")
        self.questions.flush()

    def answer(self) -> Verdict | None:
        """None: it has ended."""
        line = self.answers.readline()
        return dict(parse_json(line)) if line.endswith("\n") else None

    def end(self) -> str:
        """Kill it, if it has not ended; how it ended."""
        self.process.kill()
        _, errors = self.process.communicate()
        code = self.process.returncode
        return f"signal {-code}" if code < 0 else f"exit code {code} {errors[-800:]}"


def run(root: Path, numbers: Sequence[int], *, seed: int, only: str, jobs: int, seconds: float) -> Generator[Verdict]:
    """The verdicts, as they come. A case that ends or holds up its worker is one; another worker goes on."""
    memory = MEGABYTES << 20
    command = [sys.executable, "-m", "tests.fuzz.worker", str(root), str(seed), only, str(memory)]
    waiting, samples = iter(numbers), read_samples(root / "samples")
    workers = [Process(command) for _ in range(min(jobs, len(numbers)))]
    for worker in workers:
        worker.give(next(waiting))
    while workers:
        ready, _, _ = select.select([worker.answers for worker in workers], [], [], 1.0)
        for place, worker in reversed(list(enumerate(workers))):
            late = time.monotonic() - worker.since > seconds
            if worker.answers not in ready and not late:
                continue
            found = None if late and worker.answers not in ready else worker.answer()
            if found is None:
                ended = worker.end()
                why = f"hang: no answer within {seconds:g} s" if late else f"crash: {ended}"
                _, kind, name = drawn(samples, seed, worker.number, only)
                found = {"number": worker.number, "kind": kind, "name": name, "failed": why}
                workers[place] = worker = Process(command)
            yield found
            number = next(waiting, None)
            if number is not None and worker.served >= SERVED:
                worker.end()
                workers[place] = worker = Process(command)
            if number is None:
                worker.end()
                del workers[place]
            else:
                worker.give(number)


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--cases", type=at_least(1), default=10_000, help="how many (default %(default)s)")
    add("--first", type=at_least(0), default=0, help="number of the first (default %(default)s)")
    add("--seed", type=at_least(0), default=0, help="of the damages (default %(default)s)")
    add("--only", default="", metavar="FORMAT[,…]", help="cases of some formats (media, manifest, …; default: all)")
    add("--jobs", type=at_least(1), default=2, help="processes (default %(default)s)")
    add("--seconds", type=float, default=60.0, help="after which a case counts as a hang (default %(default)s)")
    add("--minutes", type=float, default=60.0, help="after which no further case begins (default %(default)s)")
    add("--result", metavar="NAME", help="keep the numbers as benchmarks/results/NAME.json")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    args = build_parser().parse_args(argv)
    args.command = shlex.join(["python", "-m", "tests.fuzz", *(sys.argv[1:] if argv is None else argv)])
    os.environ.setdefault("SVT_LOG", "1")  # errors alone, of an encoder that greets
    root = Path(tempfile.mkdtemp(prefix="fuzz_"))
    try:
        make_samples(root / "samples")
        shutil.copy(root / "samples" / "media" / SHOWN, root / "canary.mp4")
        numbers = range(args.first, args.first + args.cases)
        done: list[Verdict] = []
        until = time.monotonic() + 60 * args.minutes
        asked = run(root, numbers, seed=args.seed, only=args.only, jobs=args.jobs, seconds=args.seconds)
        for found in tqdm(asked, total=len(numbers), disable=not sys.stderr.isatty()):
            done.append(found)
            if found["failed"]:
                print({key: value for key, value in found.items() if value}, file=sys.stderr, flush=True)
            if time.monotonic() > until:
                asked.close()
                break
    finally:
        shutil.rmtree(root, ignore_errors=True)
    failures = [found for found in done if found["failed"]]
    rows = []
    for kind, cases in sorted(Counter(found["kind"] for found in done).items()):
        bad = Counter(found["failed"].partition(":")[0] for found in failures if found["kind"] == kind)
        rows.append({"format": kind, "cases": cases, "failed": sum(bad.values()), "how": ", ".join(bad)})
    print(markdown(rows, [(key, text(key)) for key in ("format", "cases", "failed", "how")]))
    print(f"\n{len(done)} cases of seed {args.seed}: {len(failures)} failed")
    keep_result(args, rows, cases=len(done), failed=len(failures), seed=args.seed)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
