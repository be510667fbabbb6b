"""How far all jobs of a run are: one bar on a terminal, a line now and then in a log file."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Protocol

from tqdm import tqdm

from videosync.jobs.job import Outcome

LINE_SECONDS = 30.0  # between two lines where there is no terminal; a shorter run has none


class Watcher(Protocol):
    """Who is told how far a run is."""

    def done(self, name: str, outcome: Outcome) -> None:
        """A job has ended."""

    def tick(self) -> None:
        """Time goes on, also where no job ends."""

    def close(self) -> None:
        """The run has ended, however it did."""

    def finish(self) -> None:
        """All jobs are done; called after ``close``."""


class Progress:
    """Time left is told by bytes of source files.

    Args:
        sizes: bytes of the source files of each job, by name.
        earlier: names of the jobs that earlier runs did.
    """

    noun = "jobs"

    def __init__(self, label: str, sizes: Mapping[str, int], earlier: set[str]) -> None:
        self._label, self._sizes, self._earlier = label, sizes, len(earlier)
        self._jobs = self._frames = self._problems = 0
        self._start = time.monotonic()
        self._terminal = sys.stderr.isatty()
        self._bar = tqdm(
            desc=label,
            total=sum(sizes.values()),
            initial=sum(sizes[name] for name in earlier),
            smoothing=0,
            leave=False,
            mininterval=0.1 if self._terminal else LINE_SECONDS,
            delay=0 if self._terminal else LINE_SECONDS,
            bar_format="{desc} {percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}" + "\n" * (not self._terminal),
        )

    def done(self, name: str, outcome: Outcome) -> None:
        self._jobs += 1
        self._frames += outcome.frames
        self._problems += bool(outcome.problem)
        jobs = f"{self._earlier + self._jobs:,} of {len(self._sizes):,} {self.noun}"
        self._bar.set_postfix_str(f"{jobs}{self._rate(', ')}", refresh=False)
        self._bar.update(self._sizes[name])

    def tick(self) -> None:
        """Time goes on, also where no job ends."""
        if self._terminal:
            self._bar.refresh()

    def close(self) -> None:
        self._bar.close()

    def finish(self) -> None:
        tqdm.write(self.summary(), file=sys.stdout)

    def summary(self) -> str:
        earlier = f" ({self._earlier:,} more were done before)" if self._earlier else ""
        if not self._jobs:
            return f"{self._label}: nothing to do{earlier.replace('more were', 'jobs were')}"
        problems = f", {self._problems:,} with a problem" if self._problems else ""
        did = f"{self._jobs:,} jobs{earlier}{problems}, {self._frames:,} frames"
        return f"{self._label}: {did} in {time.monotonic() - self._start:.1f} s{self._rate(': ')}"

    def _rate(self, before: str) -> str:
        rate = self._frames / (time.monotonic() - self._start)
        return f"{before}{rate:,.0f} frames/s" if self._frames else ""
