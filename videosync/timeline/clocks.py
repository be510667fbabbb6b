"""How the clocks of two files run against each other: drift, speed, and breaks, after which another offset fits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

from videosync.types import reversed_ppm

Pair = tuple[int, int]


@dataclass(frozen=True)
class Stretch:
    """Between two moments, each of them (seconds of file 0, of file 1) that show the same."""

    before: tuple[float, float]
    after: tuple[float, float]

    def reversed(self) -> Self:
        return replace(self, before=self.before[::-1], after=self.after[::-1])

    def later(self, seconds0: float, seconds1: float) -> Self:
        """That of files which begin so much before these clips of them."""
        before, after = ((zero + seconds0, one + seconds1) for zero, one in (self.before, self.after))
        return replace(self, before=before, after=after)


@dataclass(frozen=True)
class Break(Stretch):
    """Where one offset ends and another begins: the last moment of the first one, the first moment of the second."""

    @property
    def size_seconds(self) -> float:
        """What passes in file 1 and not in file 0."""
        return (self.after[1] - self.before[1]) - (self.after[0] - self.before[0])


@dataclass(frozen=True)
class Untold(Stretch):
    """Too little is shared to tell a drift or lost frames, and the offset is not seen to hold from end to end: when it
    is seen."""

    ppm: float  # drift that there may be, to either side


@dataclass(frozen=True)
class Clocks:
    """Of file 0 and file 1: what is at ``t`` in file 0 is at ``k + rate · t`` in file 1.

    The offset ``k`` is that of the pair's lag scores, in seconds of the file ``clock``.
    """

    rate: float = 1.0  # seconds of file 1 in one of file 0; 1 where no difference is certain
    interval_ppm: tuple[float, float] | None = None  # 95 % of ``rate - 1``; None: too short to tell
    clock: int = 1  # whose seconds the offset of the lag scores is in: 0 or 1
    slow: int | None = None  # the file that is played too slowly, where one is: 0 or 1
    sure: bool = True  # False: what is said of the speed is a guess, and nothing rests on it
    breaks: tuple[Break, ...] = ()
    untold: Untold | None = None
    suspected: Break | None = None  # that is likely, but not sure

    @property
    def drift_ppm(self) -> float:
        """How much faster the clock of file 1 runs."""
        return (self.rate - 1) * 1e6

    def seconds_of(self, file: int) -> float:
        """Seconds of ``file``, 0 or 1, in one of those of the offset."""
        return 1.0 if file == self.clock else self.rate if file == 1 else 1 / self.rate

    def later(self, seconds0: float, seconds1: float) -> Clocks:
        """Those of files which begin so much before these clips of them; the offset is the caller's."""
        return replace(
            self,
            breaks=tuple(each.later(seconds0, seconds1) for each in self.breaks),
            untold=self.untold and self.untold.later(seconds0, seconds1),
            suspected=self.suspected and self.suspected.later(seconds0, seconds1),
        )

    def reversed(self) -> Clocks:
        """Those of the swapped pair."""
        ends = self.interval_ppm
        return replace(
            self,
            rate=1 / self.rate,
            interval_ppm=None if ends is None else (reversed_ppm(ends[1]), reversed_ppm(ends[0])),
            clock=1 - self.clock,
            slow=None if self.slow is None else 1 - self.slow,
            breaks=tuple(each.reversed() for each in self.breaks),
            untold=self.untold and self.untold.reversed(),
            suspected=self.suspected and self.suspected.reversed(),
        )


def towards(clocks: Mapping[Pair, Clocks], number: int, reference: int) -> Clocks | None:
    """The clocks of (``number``, ``reference``), whichever comes first; None: the pair was not compared."""
    if (number, reference) in clocks:
        return clocks[number, reference]
    return clocks[reference, number].reversed() if (reference, number) in clocks else None
