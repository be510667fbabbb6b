"""Progress, where a person looks on."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videosync.errors import printable
from videosync.timeline.progress import STEPS

if TYPE_CHECKING:
    from tqdm import tqdm

PROGRESS = ("bar", "json", "off")
EVERY = 0.5  # seconds between two lines of JSON on one thing

USUAL_WIDTH, USUAL_HEIGHT = 80, 24  # of a terminal that does not tell


class FrameBar:
    """Progress on stderr, a line for each file that is read and each other step, where a person looks on."""

    def __init__(self) -> None:
        self.bar: tqdm | None = None
        self.what = ""
        self.total = 0

    def __enter__(self) -> FrameBar:
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.close()

    def __call__(self, what: str, done: int, total: int) -> None:
        if not sys.stderr.isatty():
            return
        if self.bar is None or (what, total) != (self.what, self.total):
            self.__exit__()
            self.what, self.total = what, total
            name = what if what in STEPS else printable(Path(what).name)
            from tqdm import tqdm  # where nobody looks on it need not be imported

            width = os.get_terminal_size(sys.stderr.fileno()).columns or USUAL_WIDTH
            self.bar = tqdm(  # which shows nothing on a terminal of 0 rows, as of one that does not tell
                desc=name, total=total, unit=STEPS.get(what, "frame"), leave=False, ncols=width, nrows=USUAL_HEIGHT
            )
        self.bar.update(done - self.bar.n)


class JsonLines:
    """The same as lines of JSON on stderr, for other programs: ``what`` (a file, or a step of ``STEPS``), ``unit``,
    ``done``, ``total`` and ``seconds_left`` (null: not known yet)."""

    def __init__(self) -> None:
        self.what: tuple[str, int] | None = None
        self.begun = self.said = 0.0

    def __enter__(self) -> JsonLines:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing stays open."""

    def __call__(self, what: str, done: int, total: int) -> None:
        now = time.monotonic()
        if (what, total) != self.what:
            self.what, self.begun = (what, total), now
        elif done < total and now < self.said + EVERY:
            return
        self.said = now
        left = (now - self.begun) * (total - done) / done if done else None
        json_line(what=what, unit=STEPS.get(what, "frame"), done=done, total=total, left=left)


class Silent(FrameBar):
    """Says nothing."""

    def __call__(self, what: str, done: int, total: int) -> None:
        pass


def frame_progress(kind: str) -> FrameBar | JsonLines:
    """What shows the progress of one job; ``kind``: of ``PROGRESS``."""
    kinds: dict[str, type[FrameBar] | type[JsonLines]] = {"bar": FrameBar, "json": JsonLines, "off": Silent}
    return kinds[kind]()


def json_line(*, left: float | None, **said: Any) -> None:
    """One line on stderr; ``left``: seconds."""
    line = json.dumps({**said, "seconds_left": None if left is None else round(left, 1)})
    print(line, file=sys.stderr, flush=True)
