"""How far all jobs of a run are: one bar on a terminal, a line now and then in a log file."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from types import TracebackType

from tqdm import tqdm

from dataset_preparation.clips.job import Outcome

LINE_SECONDS = 30.0  # between two lines where there is no terminal; a shorter run has none


class Progress:
    """Context manager. Time left is told by bytes of source files.

    Args:
        sizes: bytes of the source files of each job, by name.
        earlier: names of the jobs that earlier runs did.
    """

    def __init__(self, label: str, sizes: Mapping[str, int], earlier: set[str]) -> None:
        self._label = label
        self._sizes = {name: max(1, size) for name, size in sizes.items()}
        self._earlier = len(earlier)
        self._jobs = self._frames = self._problems = 0
        terminal = sys.stderr.isatty()
        self._bar = tqdm(
            desc=label,
            total=sum(self._sizes.values()),
            initial=sum(self._sizes[name] for name in earlier),
            smoothing=0,
            leave=False,
            mininterval=0.1 if terminal else LINE_SECONDS,
            delay=0 if terminal else LINE_SECONDS,
            bar_format="{desc} {percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}"
            + "\n" * (not terminal),
        )

    def __enter__(self) -> Progress:
        self._start = time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()
        if kind is None:
            print(self._summary())

    def done(self, name: str, outcome: Outcome) -> None:
        self._jobs += 1
        self._frames += outcome.frames
        self._problems += bool(outcome.problem)
        jobs = f"{self._earlier + self._jobs:,} of {len(self._sizes):,} jobs"
        self._bar.set_postfix_str(f"{jobs}, {self._rate()}" if self._frames else jobs, refresh=False)
        self._bar.update(self._sizes[name])

    def tick(self) -> None:
        """Time goes on, also where no job ends."""
        if sys.stderr.isatty():
            self._bar.refresh()

    def _rate(self) -> str:
        return f"{self._frames / (time.monotonic() - self._start):,.0f} frames/s"

    def _summary(self) -> str:
        earlier = f" ({self._earlier:,} more were done before)" if self._earlier else ""
        if not self._jobs:
            return f"{self._label}: nothing to do{earlier.replace('more were', 'jobs were')}"
        problems = f", {self._problems:,} with a problem" if self._problems else ""
        rate = f": {self._rate()}" if self._frames else ""
        seconds = time.monotonic() - self._start
        did = f"{self._jobs:,} jobs{earlier}{problems}, {self._frames:,} frames in {seconds:.1f} s{rate}"
        return f"{self._label}: {did}"
