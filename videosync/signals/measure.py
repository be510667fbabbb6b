"""Signals of a clip: one pass over its frames feeds every meter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from videosync.signals.hard_changes import limited

Signals = dict[str, np.ndarray]  # channel → float32 [T, F]


@dataclass(frozen=True, eq=False)
class Source:
    """The file that a clip of T frames comes from, as far as a meter may need more of it than its frames."""

    keyframes: tuple[int, ...] = ()  # among the frames, by number; their flashes are bridged (signals.keyframes)
    path: str | None = None  # None: the frames come from no file
    times: np.ndarray | None = None  # float64 [T] seconds since the file's first frame


class Reading(Protocol):
    """One meter at work on one clip."""

    def watch(self, frame: np.ndarray) -> None:
        """The next frame, uint8 [H,W,3] RGB or [H,W] grey. Not called for a meter of sound."""

    def signals(self) -> Signals:
        """After the last frame: float32 [T, F] of each of the meter's channels."""


class Meter(Protocol):
    """Measures one or more channels of a clip. Made once, with its network if it has one, and used for every file.

    A meter that needs pictures is shown each frame. One that needs sound opens ``Source.path`` itself, and resamples
    what it hears to ``Source.times``.
    """

    @property
    def needs(self) -> Literal["pictures", "sound"]: ...

    @property
    def reach(self) -> Mapping[str, np.ndarray]:
        """Channel → int [F]: how many frames back each of its columns looks, about."""

    def pixels(self, height: int, width: int) -> tuple[int, int]:
        """The (height, width) at which it needs the pictures of a file; larger ones do as well."""

    def begin(self, source: Source) -> Reading: ...


def measure(frames: Iterable[np.ndarray], meters: Sequence[Meter], source: Source | None = None) -> Signals:
    """Signals of one clip, in one pass over its frames; hard changes are limited if there are thumbnails among them.

    Args:
        frames: uint8 [H,W,3] RGB or [H,W] grey, all of one size. source: where they come from (default: no file).

    Raises:
        ValueError: frames that are not as described.
    """
    readings = [(meter, meter.begin(source or Source())) for meter in meters]
    watching = [reading for meter, reading in readings if meter.needs == "pictures"]
    for frame in _checked(frames):
        for reading in watching:
            reading.watch(frame)
    signals = {name: signal for _, reading in readings for name, signal in reading.signals().items()}
    return limited(signals, {name: columns for meter in meters for name, columns in meter.reach.items()})


def _checked(frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    first: tuple[int, ...] | None = None
    for number, frame in enumerate(frames):
        if frame.dtype != np.uint8 or frame.ndim not in (2, 3) or frame.shape[2:] not in ((), (3,)):
            raise ValueError(
                f"frame {number} is {frame.dtype} {list(frame.shape)}; expected uint8 [H,W,3] RGB or [H,W] grey"
            )
        first = first or frame.shape
        if frame.shape != first:
            raise ValueError(f"frame {number} is {list(frame.shape)}, frame 0 {list(first)}; sizes must agree")
        yield frame
