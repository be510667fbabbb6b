"""How far a batch is: a bar with the time that is left, or lines of JSON."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from videosync.cli.bar import json_line
from videosync.jobs.progress import Progress, Watcher

if TYPE_CHECKING:
    from videosync.jobs.job import Outcome


class EventBar(Progress):
    """One bar on a terminal, a line now and then elsewhere. The command says itself what came of it."""

    noun = "events"

    def finish(self) -> None:
        """The table of results follows."""


class EventLines:
    """A line of JSON on stderr for each event that is done. Arguments as of ``jobs.progress.Progress``."""

    def __init__(self, label: str, sizes: Mapping[str, int], earlier: set[str]) -> None:
        self.label, self.sizes, self.count = label, sizes, len(earlier)
        self.left = sum(size for name, size in sizes.items() if name not in earlier)
        self.bytes, self.begun = 0, time.monotonic()
        self._say()

    def done(self, name: str, outcome: Outcome) -> None:
        self.count += 1
        self.bytes += self.sizes[name]
        self.left -= self.sizes[name]
        self._say(event=name, problem=outcome.problem or None)

    def tick(self) -> None:
        """A line an event is enough."""

    def close(self) -> None:
        """Nothing is open."""

    def finish(self) -> None:
        """The command says what came of it."""

    def _say(self, **said: str | None) -> None:
        left = (time.monotonic() - self.begun) * self.left / self.bytes if self.bytes else None
        json_line(what=self.label, unit="event", done=self.count, total=len(self.sizes), **said, left=left)


class NoBar(EventLines):
    """Says nothing."""

    def _say(self, **said: str | None) -> None:
        pass


BARS: dict[str, Callable[[str, Mapping[str, int], set[str]], Watcher]] = {
    "bar": EventBar,
    "json": EventLines,
    "off": NoBar,
}
