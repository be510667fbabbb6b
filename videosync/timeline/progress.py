"""What a job is doing, for whoever watches: one callback for reading, comparing and solving."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TypeVar

# what, done, in all. ``what`` is the path of a file of which frames are counted, or a step of ``STEPS``
Progress = Callable[[str, int, int], None]

OPENING, HEARING, MATCHING = "opening files", "reading sound", "comparing sound"
CHOOSING, COMPARING, SOLVING = "choosing pairs", "comparing pictures", "placing files"
STEPS = {  # each that is no file → what is counted
    OPENING: "file", HEARING: "file", MATCHING: "pair", CHOOSING: "pair", COMPARING: "pair", SOLVING: "step",
}  # fmt: skip

T = TypeVar("T")


def step(progress: Progress | None, what: str) -> Callable[[int, int], None] | None:
    """What reports how much of one step, or file, is done; None: nobody watches."""
    return None if progress is None else partial(progress, what)


def counted(progress: Progress | None, what: str, items: Iterable[T]) -> Iterator[T]:
    """The items, each reported when it is done with."""
    things = list(items)
    for done, item in enumerate(things):
        if progress is not None:
            progress(what, done, len(things))
        yield item
    if progress is not None and things:
        progress(what, len(things), len(things))
