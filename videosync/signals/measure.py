"""Signals of a clip: one pass over its frames feeds every meter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from videosync.signals.hard_changes import limited
from videosync.signals.looks import Looks

Signals = dict[str, np.ndarray]  # channel → float32 [T, F]
UNSEEN = "unseen"  # a channel of clips in which nothing is shown for a while: 1 there, else 0, [T, 1]


@dataclass(frozen=True, eq=False)
class Source:
    """The file that a clip of T frames comes from, as far as a meter may need more of it than its frames."""

    keyframes: tuple[int, ...] = ()  # among the frames, by number; their flashes are bridged (signals.keyframes)
    path: str | None = None  # None: the frames come from no file
    times: np.ndarray | None = None  # float64 [T] seconds since the file's first frame
    looks: Looks | None = None  # at larger pictures of the file, which it is shown before its frames are watched


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
    return measure_some(frames, meters, [(source or Source(), None)])[0]


def measure_some(
    frames: Iterable[np.ndarray], meters: Sequence[Meter], clips: Sequence[tuple[Source, np.ndarray | None]]
) -> list[Signals]:
    """Signals of several clips of the same frames, in one pass over all of them.

    Args:
        frames: as of ``measure``. clips: a source, and which of the frames belong to the clip: bool [T] (None: all).
    """
    begun = [([(meter, meter.begin(source)) for meter in meters], chosen) for source, chosen in clips]
    for number, frame in enumerate(_checked(frames)):
        for readings, chosen in begun:
            if chosen is None or chosen[number]:
                for meter, reading in readings:
                    if meter.needs == "pictures":
                        reading.watch(frame)
    reach = {name: columns for meter in meters for name, columns in meter.reach.items()}
    found = [{name: signal for _, r in readings for name, signal in r.signals().items()} for readings, _ in begun]
    return [limited(signals, reach) for signals in found]


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
