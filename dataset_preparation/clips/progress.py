"""How far all jobs of a run are: one bar on a terminal, a line now and then in a log file."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Mapping
from types import TracebackType

from tqdm import tqdm

from dataset_preparation.clips.job import Outcome
from dataset_preparation.clips.records import job_key

POLL_SECONDS = 1.0
LINE_SECONDS = 30.0  # between two lines where there is no terminal; a shorter run has none


class Progress:
    """Context manager. Time left is told by bytes of source files.

    Args:
        sizes: bytes of the source files of each job, by name.
        earlier: names of the jobs that earlier runs did.
        shares: asked for the finished share of the jobs being run, by job key.
    """

    def __init__(
        self,
        label: str,
        sizes: Mapping[str, int],
        earlier: set[str],
        shares: Callable[[], Mapping[str, float]],
    ) -> None:
        self._label = label
        self._sizes = {job_key(name): max(1, size) for name, size in sizes.items()}
        self._shares = shares
        self._done = {job_key(name) for name in earlier}
        self._bytes_done = self._bytes_before = sum(self._sizes[key] for key in self._done)
        self._total = max(1, sum(self._sizes.values()))
        self._earlier = len(earlier)
        self._frames = 0
        self._problems = 0
        self._over = threading.Event()

    def __enter__(self) -> Progress:
        self._start = time.monotonic()
        self._thread = threading.Thread(target=self._show, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        if kind is None:
            print(self._summary())

    def done(self, name: str, outcome: Outcome) -> None:
        key = job_key(name)
        self._done.add(key)
        self._bytes_done += self._sizes[key]
        self._frames += outcome.frames
        self._problems += bool(outcome.problem)

    def _show(self) -> None:
        bar = tqdm(
            desc=self._label,
            total=self._total,
            initial=self._bytes_before,
            smoothing=0,
            leave=False,
            disable=not sys.stderr.isatty(),
            bar_format="{desc} {percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}",
        )
        next_line = self._start + LINE_SECONDS
        finished = self._bytes_before
        with bar:
            while not self._over.wait(POLL_SECONDS):
                finished = max(finished, self._finished_bytes())  # a marker that is being written says 0
                if not bar.disable:
                    bar.set_postfix_str(self._state(), refresh=False)
                    bar.n = finished
                    bar.refresh()
                elif time.monotonic() >= next_line:
                    next_line += LINE_SECONDS
                    print(
                        f"{self._label}: {finished / self._total:.0%}, {self._state()}{self._left(finished)}",
                        file=sys.stderr,
                        flush=True,
                    )

    def _finished_bytes(self) -> int:
        running = {key: share for key, share in self._shares().items() if key not in self._done}
        part = sum(share * self._sizes.get(key, 0) for key, share in running.items())
        return min(self._total, self._bytes_done + int(part))

    def _state(self) -> str:
        jobs = f"{len(self._done):,} of {len(self._sizes):,} jobs"
        return f"{jobs}, {self._rate()}" if self._frames else jobs

    def _rate(self) -> str:
        return f"{self._frames / (time.monotonic() - self._start):,.0f} frames/s"

    def _left(self, finished: int) -> str:
        new = finished - self._bytes_before
        if not new:
            return ""
        seconds = (time.monotonic() - self._start) * (self._total - finished) / new
        return f", {tqdm.format_interval(seconds)} left"

    def _summary(self) -> str:
        count = len(self._done) - self._earlier
        earlier = f" ({self._earlier:,} more were done before)" if self._earlier else ""
        if not count:
            return f"{self._label}: nothing to do{earlier.replace('more were', 'jobs were')}"
        problems = f", {self._problems:,} with a problem" if self._problems else ""
        rate = f": {self._rate()}" if self._frames else ""
        seconds = time.monotonic() - self._start
        return f"{self._label}: {count:,} jobs{earlier}{problems}, {self._frames:,} frames in {seconds:.1f} s{rate}"
