"""Progress, where a person looks on."""

from __future__ import annotations

import sys
from pathlib import Path

from tqdm import tqdm


class FrameBar:
    """Frames that are done, on stderr, one line a file; nothing where stderr is no terminal."""

    def __init__(self) -> None:
        self.bar: tqdm | None = None
        self.path = ""

    def __enter__(self) -> FrameBar:
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.close()

    def __call__(self, path: str, done: int, total: int) -> None:
        if self.bar is None or path != self.path:
            self.__exit__()
            self.path = path
            hidden = not sys.stderr.isatty()
            self.bar = tqdm(desc=Path(path).name, total=total, unit="frame", leave=False, disable=hidden)
        self.bar.update(done - self.bar.n)
