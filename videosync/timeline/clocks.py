"""How the clocks of two files run against each other: drift, speed, and breaks, after which another offset fits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from videosync.types import reversed_ppm

Pair = tuple[int, int]


@dataclass(frozen=True)
class Break:
    """Where one offset ends and another begins: (seconds of file 0, of file 1) that show the same moment."""

    before: tuple[float, float]  # the last moment at which the first offset is seen
    after: tuple[float, float]  # the first moment at which the second one is seen

    @property
    def size_seconds(self) -> float:
        """What passes in file 1 and not in file 0."""
        return (self.after[1] - self.before[1]) - (self.after[0] - self.before[0])

    def reversed(self) -> Break:
        return Break(self.before[::-1], self.after[::-1])

    def later(self, seconds0: float, seconds1: float) -> Break:
        """That of files which begin so much before these clips of them."""
        before, after = ((zero + seconds0, one + seconds1) for zero, one in (self.before, self.after))
        return Break(before, after)


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

    @property
    def drift_ppm(self) -> float:
        """How much faster the clock of file 1 runs."""
        return (self.rate - 1) * 1e6

    def seconds_of(self, file: int) -> float:
        """Seconds of ``file``, 0 or 1, in one of those of the offset."""
        return 1.0 if file == self.clock else self.rate if file == 1 else 1 / self.rate

    def later(self, seconds0: float, seconds1: float) -> Clocks:
        """Those of files which begin so much before these clips of them; the offset is the caller's."""
        return replace(self, breaks=tuple(each.later(seconds0, seconds1) for each in self.breaks))

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
        )


def towards(clocks: Mapping[Pair, Clocks], number: int, reference: int) -> Clocks | None:
    """The clocks of (``number``, ``reference``), whichever comes first; None: the pair was not compared."""
    if (number, reference) in clocks:
        return clocks[number, reference]
    return clocks[reference, number].reversed() if (reference, number) in clocks else None
