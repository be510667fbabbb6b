"""What a cue is: a function from the signals of two clips to lag scores, made of parts that are fused."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from videosync.lags.fusion import fuse
from videosync.signals.encoder import LEARNED
from videosync.signals.measure import UNSEEN, Meter
from videosync.signals.motion import CAMERA, MotionMeter
from videosync.signals.sound import SOUND
from videosync.signals.thumbnails import ThumbnailMeter

Signals = Mapping[str, np.ndarray]  # name → [T, F]
Curve = Callable[[Signals, Signals, np.ndarray], np.ndarray]  # (clip 0, clip 1, lags [L]) → scores [L]


@dataclass(frozen=True)
class Part:
    """One way to compare two clips, and the channels that it compares."""

    channels: tuple[str, ...]
    curve: Curve
    meter: Meter | None = None  # gives the channels; None: they are motion signals
    ready: Callable[[Signals], Signals] = dict  # a clip with what ``curve`` would work out of it each time
    # the same, but of the clip as it is: what it then has does not hold of a part of it
    once: Callable[[Signals], Signals] = dict
    abstains: Callable[[Signals], bool] = lambda clip: False  # whether a clip gives it nothing to go by
    both_orders: bool = False  # whether the curve of swapped clips differs by more than rounding, so that both count


# in place of a part that abstains: 0 at every lag, which changes no sum
NOTHING = Part((), lambda clip0, clip1, lags: np.zeros(len(lags)))


@dataclass(frozen=True)
class Cue:
    """One or more parts, fused."""

    parts: tuple[Part, ...]

    @property
    def channels(self) -> tuple[str, ...]:
        """The signals that it compares."""
        return tuple(dict.fromkeys(name for part in self.parts for name in part.channels))

    @property
    def uses_encoder(self) -> bool:
        """Of pictures."""
        return LEARNED in self.channels

    @property
    def uses_sound_encoder(self) -> bool:
        return SOUND in self.channels

    def meters(self, *motion: str) -> tuple[Meter, ...]:
        """What measures its channels, for any number of clips; channels of ``motion`` are measured in any case.

        The motion meter, which also finds whether the camera moves, and thumbnails, which show hard changes, are always
        among them.
        """
        known = [name for part in self.parts if part.meter is None for name in part.channels]
        others = [part.meter for part in self.parts if part.meter is not None]
        return MotionMeter(tuple(dict.fromkeys((*known, *motion)))), ThumbnailMeter(), *others

    def unused(self, clip: Signals) -> tuple[bool, bool]:
        """Whether its encoder, and whether every part, abstains for a clip."""
        abstaining = [part for part in self.parts if part.abstains(clip)]
        return any(part.meter is not None for part in abstaining), len(abstaining) == len(self.parts)

    def for_clips(self, clip0: Signals, clip1: Signals) -> Cue:
        """The cue for two clips: parts that abstain for one of them give 0 at every lag."""
        some = (NOTHING if part.abstains(clip0) or part.abstains(clip1) else part for part in self.parts)
        return Cue(tuple(some))

    def score(self, clip0: Signals, clip1: Signals, lags: Sequence[int] | np.ndarray) -> np.ndarray:
        """How much the clips support each offset.

        Args:
            clip0, clip1: signals, float [T0, F] and [T1, F] of each of ``channels``.
            lags: offsets k to score, rising: frame ``i`` of clip 0 shows the moment of frame ``i + k`` of clip 1.

        Returns:
            float64 [L] in units of the spread over lags, median about 0; all 0 where nothing can be told. Swapping
            the clips (and the sign of ``lags``) reverses the scores exactly.

        Raises:
            ValueError: a lag leaves no overlap.
        """
        return self.for_clips(clip0, clip1).evidence(clip0, clip1, lags)[0]

    def evidence(
        self, clip0: Signals, clip1: Signals, lags: Sequence[int] | np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The scores, and those of each part alone: float64 [L] as of ``score``, and [P, L] as they are measured.

        All parts take part; see ``for_clips``. Both are reversed exactly when the clips are swapped.

        Raises ValueError: a lag leaves no overlap.
        """
        lags, swapped = np.asarray(lags, np.int64), order(clip0, clip1)
        if swapped > 0:
            scores, parts = self.evidence(clip1, clip0, -lags[::-1])
            return scores[::-1], parts[:, ::-1]
        clips = self.once(clip0), self.once(clip1)

        def measured(first: int, second: int, offsets: np.ndarray) -> np.ndarray:
            parts = self.curves(clips[first], clips[second], offsets)
            return np.concatenate([fuse(parts)[None], parts])  # [1 + P, L]

        rows = measured(0, 1, lags)
        if swapped == 0 or any(part.both_orders for part in self.parts):
            rows = (rows + measured(1, 0, -lags[::-1])[:, ::-1]) / 2
        return rows[0], rows[1:]

    def curves(self, clip0: Signals, clip1: Signals, lags: np.ndarray) -> np.ndarray:
        """The scores of each part, in this order of the clips alone: [P, L]."""
        return np.stack([part.curve(clip0, clip1, lags) for part in self.parts])

    def ready(self, clip: Signals) -> Signals:
        """A clip with all that its parts would work out of it each time."""
        for part in self.parts:
            clip = part.ready(clip)
        return clip

    def once(self, clip: Signals) -> Signals:
        """The same, and also with what holds of the clip as it is only; of no use where it is cut."""
        clip = self.ready(clip)
        for part in self.parts:
            clip = part.once(clip)
        return clip


def together(*parts: Part) -> Part:
    """Parts of one kind, all of motion signals, which count as one."""

    def curve(clip0: Signals, clip1: Signals, lags: np.ndarray) -> np.ndarray:
        return fuse(part.curve(clip0, clip1, lags) for part in parts)

    def once(clip: Signals) -> Signals:
        for part in parts:
            clip = part.once(clip)
        return clip

    return Part(tuple(dict.fromkeys(name for part in parts for name in part.channels)), curve, once=once)


def order(clip0: Signals, clip1: Signals) -> int:
    """-1 or 1: the first or the second clip is the shorter, or, of equal ones, of lesser signals; 0: the same."""
    frames = [len(next(iter(clip.values()))) for clip in (clip0, clip1)]
    if frames[0] != frames[1]:
        return -1 if frames[0] < frames[1] else 1
    for one, other in zip(sorted(clip0), sorted(clip1)):
        signals = (one, clip0[one].tobytes()), (other, clip1[other].tobytes())
        if signals[0] != signals[1]:
            return -1 if signals[0] < signals[1] else 1
    return 0


def camera_moves(clip: Signals) -> bool:
    """Whether the camera's own motion was taken out of the signals; False where it was not looked for."""
    return CAMERA in clip and bool(clip[CAMERA].any())


def joined(clip: Signals, channels: Iterable[str]) -> np.ndarray:
    """The columns of several channels: [T, F of all]."""
    return np.concatenate([clip[name] for name in channels], axis=1)


def seen(clip: Signals) -> np.ndarray | None:
    """1, or 0 where a clip shows nothing: [T, 1]; None: it has no gap."""
    return 1 - clip[UNSEEN].astype(np.float64) if UNSEEN in clip else None
