"""Progress, where a person looks on."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from videosync.timeline.progress import STEPS

if TYPE_CHECKING:
    from tqdm import tqdm

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
            name = what if what in STEPS else Path(what).name
            from tqdm import tqdm  # where nobody looks on it need not be imported

            width = os.get_terminal_size(sys.stderr.fileno()).columns or USUAL_WIDTH
            self.bar = tqdm(  # which shows nothing on a terminal of 0 rows, as of one that does not tell
                desc=name, total=total, unit=STEPS.get(what, "frame"), leave=False, ncols=width, nrows=USUAL_HEIGHT
            )
        self.bar.update(done - self.bar.n)
