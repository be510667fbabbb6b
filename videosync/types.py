"""Words, signs and shapes, said once.

Shape legend::

    B pairs · V = 2 views · T frames · C, H, W channels, height, width · D embedding size
    N matrices · K maximum offset in frames
    decoded frames       uint8  [T, H, W, 3]        RGB
    model input          uint8  [B, V, T, 3, H, W]  or float in 0…1
    embeddings           float  [B, V, T, D]        unit length
    similarity           float  [T0, T1]            row i = frame i of video 0; softmax rows sum to 1
    mask                 bool   [B, V, T]           True = a real frame, False = padding
    steps                int64  [B, V, T]           frame numbers in the source video (or common timeline)

Offset ``k`` of (video 0, video 1): frame ``i`` of video 0 shows the moment of frame ``i + k`` of video 1.
With start frames on a common timeline, ``k = start0 - start1``. Swapping the videos gives ``-k``, exactly.
Videos at 30 and 29.97 frames/s are compared by time (:mod:`videosync.data.clock`): ``k`` is then the nearest frame.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # `import videosync` needs neither
    import numpy as np
    import torch
    from torch import Tensor


WELL_WITHIN = 1 / 5  # of its interval to either side: an offset this small is none, in words


@dataclass(frozen=True)
class Witness:
    """What the pictures, or the sound, of two files say about their offset, each by itself."""

    name: str  # "picture" or "sound"
    placed: bool  # whether it is sure enough to be an answer
    confidence: float  # probability of being right: pictures within one frame, sound within 0.1 s
    seconds: float | None = None  # its best offset, sure or not
    interval_seconds: tuple[float, float] | None = None  # 95 %, of its own offset: of when sound arrives, not is made
    reason: str | None = None  # why it is not placed, in one sentence
    code: str | None = None  # the same in one word
    precise: bool | None = None  # sound: placed to milliseconds
    drift_ppm: float | None = None  # sound: how much faster the clock of file 1 runs; None: too short to tell
    agreeing_share: float | None = None  # sound: of the time that both sound
    shared_seconds: float | None = None  # sound: the time that both sound
    same_recording: bool | None = None  # sound: both are copies of one recording, perhaps put under the pictures

    def reversed(self) -> Witness:
        """That of the swapped files."""
        interval = self.interval_seconds
        return replace(
            self,
            seconds=_negative(self.seconds),
            interval_seconds=None if interval is None else (-interval[1], -interval[0]),
            drift_ppm=_negative(self.drift_ppm),
        )


@dataclass(frozen=True)
class OffsetEstimate:
    """What is known about the offset of two videos: how far they are apart, how sure that is, or why it cannot be told.

    ``seconds`` and ``frames`` have the sign of an offset: ``start0 - start1``, positive if video 1 started first.
    ``frames`` counts at ``fps``, the lower of the two frame rates, and may be fractional; both are None where neither
    file has pictures. Where ``placed`` is False there is no answer: the numbers are None and ``reason`` says why in one
    sentence.
    """

    video0: str
    video1: str
    placed: bool
    fps: float | None  # frames/s; of the slower one, where they differ
    seconds: float | None = None
    interval_seconds: tuple[float, float] | None = None  # 95 % of right answers lie in it
    confidence: float = 0.0  # probability of being right within one frame; where sound decided, within 0.1 s
    reason: str | None = None
    rivals_seconds: tuple[float, ...] = ()  # other offsets that fit about as well
    alone_seconds: float | None = None  # what this pair says without the other cameras, sure or not
    decided_by: str | None = None  # whose offset it is: "picture", "sound" or "hand" (given); None: there is no answer
    witnesses: tuple[Witness, ...] = ()  # those there are of this pair
    agree: bool | None = None  # whether the sound says the same as the answer of the pictures; None: not both speak
    # picture's offset minus sound's, where they agree: how much later sound arrives in file 0 than in file 1
    sound_delay_seconds: float | None = None
    best_guess_seconds: float | None = None  # not placed: the most likely offset
    best_guess_confidence: float | None = None  # how likely that is
    code: str | None = None  # ``reason`` in one word
    drift_ppm: float | None = None  # by pictures: how much faster the clock of file 1 runs; None: too short to tell
    drift_interval_ppm: tuple[float, float] | None = None  # 95 %; None also where another speed was found
    # where one offset ends and another begins: the last moment of the one (seconds of file 0, of file 1), and the
    # first of the other
    breaks: tuple[tuple[tuple[float, float], tuple[float, float]], ...] = ()

    @property
    def frames(self) -> float | None:
        return None if self.seconds is None or self.fps is None else self.seconds * self.fps

    def witness(self, name: str) -> Witness | None:
        """The one of this name, if there is one."""
        return next((witness for witness in self.witnesses if witness.name == name), None)

    def reversed(self) -> OffsetEstimate:
        """The same estimate with the videos the other way round."""
        interval = self.interval_seconds
        return replace(
            self,
            video0=self.video1,
            video1=self.video0,
            seconds=_negative(self.seconds),
            interval_seconds=None if interval is None else (-interval[1], -interval[0]),
            rivals_seconds=tuple(-rival for rival in self.rivals_seconds),
            alone_seconds=_negative(self.alone_seconds),
            witnesses=tuple(witness.reversed() for witness in self.witnesses),
            sound_delay_seconds=_negative(self.sound_delay_seconds),
            best_guess_seconds=_negative(self.best_guess_seconds),
            drift_ppm=None if self.drift_ppm is None else reversed_ppm(self.drift_ppm),
            drift_interval_ppm=None if (ends := self.drift_interval_ppm) is None else (
                reversed_ppm(ends[1]), reversed_ppm(ends[0])
            ),
            breaks=tuple((before[::-1], after[::-1]) for before, after in self.breaks),
        )  # fmt: skip

    def sentence(self, name0: str | None = None, name1: str | None = None, *, say_rate: bool = False) -> str:
        """In words, e.g. ``"cam2 started 0.40 s (12.0 frames) after cam1"``, or why there is no answer.

        Digits follow the interval, and an offset that is small beside it is "at the same time: 0.01 ± 0.09 s apart".
        ``say_rate``: say what rate the frames are counted at, "(12.0 frames at 30 fps)".
        """
        name0, name1 = name0 or self.video0, name1 or self.video1
        if self.seconds is None:
            return f"{name0} and {name1}: {self.reason}"
        around = 0.0 if self.interval_seconds is None else (self.interval_seconds[1] - self.interval_seconds[0]) / 2
        digits = decimals(around)
        frames = ""
        if self.frames is not None and self.fps is not None:
            rate = f" at {self.fps:.4g} fps" if say_rate else ""
            frames = f" ({abs(self.frames):.{min(1, decimals(around * self.fps))}f} frames{rate})"
        unsure = f" ± {around:.{digits}f}" if abs(self.seconds) < around else ""
        apart = f"{abs(self.seconds):.{digits}f}{unsure} s{frames}"
        same = round(abs(self.seconds), 3) == 0 if self.frames is None else round(abs(self.frames), 1) == 0
        if same or abs(self.seconds) < WELL_WITHIN * around:
            return f"{name0} and {name1} started at the same time" + (f": {apart} apart" if around else "")
        late, early = (name0, name1) if self.seconds > 0 else (name1, name0)
        return f"{late} started {apart} after {early}"


def reversed_ppm(drift: float) -> float:
    """The drift (ppm) of file 0 against file 1, from that of file 1 against file 0."""
    return 1e6 * (1 / (1 + 1e-6 * drift) - 1) + 0.0


def decimals(around: float) -> int:
    """How many decimals, three at most, say something of a number of seconds that is known to ± ``around``."""
    return next((digits for digits in (3, 2, 1) if around < 50 * 10.0**-digits), 0)


def _negative(value: float | None) -> float | None:
    return None if value is None else -value + 0.0  # no -0.0


@dataclass(frozen=True, eq=False)
class Embeddings:
    """What an encoder sees in each frame of one video."""

    vectors: np.ndarray  # float32 [T, D], unit length; all 0 where nothing changes in the video
    times: np.ndarray  # float64 [T] seconds since the first frame
    fps: float  # frames/s; the average where the rate varies
    path: str  # as it was given
    temperature: float  # of the similarity matrices of its encoder (metric "sqeuclidean")

    def __len__(self) -> int:
        return len(self.vectors)


class Batch(Protocol):
    """What a training step takes: it says itself what the model is given."""

    @property
    def names(self) -> tuple[str, ...]:
        """Of its B samples, for messages."""

    @property
    def num_frames(self) -> int:
        """Frames of all its clips, padding included."""

    def inputs(self) -> dict[str, Tensor]:
        """The arguments of the model's ``forward``, by name."""

    def to(self, device: torch.device | str) -> Batch:
        """The same on another device."""


@dataclass(frozen=True)
class ClipBatch:
    """One training batch of view pairs (see the shape legend)."""

    frames: Tensor  # uint8 [B, V, T, 3, H, W], or cached backbone features float [B, V, T, F]
    mask: Tensor  # bool [B, V, T]
    steps: Tensor  # int64 [B, V, T]; comparable between the two views of one pair
    lengths: Tensor  # int64 [B, V] length in frames of the timeline that ``steps`` count on
    names: tuple[str, ...] = ()  # B names, for messages
    labels: Tensor | None = None  # int64 [B, V, T] of supervised training; -1 = unknown, or padding

    def to(self, device: torch.device | str) -> ClipBatch:
        move = lambda t: t.to(device, non_blocking=True)  # noqa: E731
        labels = None if self.labels is None else move(self.labels)
        tensors = move(self.frames), move(self.mask), move(self.steps), move(self.lengths)
        return ClipBatch(*tensors, self.names, labels)

    @property
    def num_frames(self) -> int:
        return self.mask.numel()

    def inputs(self) -> dict[str, Tensor]:
        return {"frames": self.frames, "mask": self.mask}


@dataclass(frozen=True)
class AudioVisualBatch:
    """One training batch of videos with sound, two clips of each."""

    video: Tensor  # float [B, 2, 3, T, S, S] with ImageNet's mean and deviation taken out
    audio: Tensor  # float [B, 2, 1, 80, F] log-mel, standardised
    names: tuple[str, ...] = ()  # B names, for messages

    def to(self, device: torch.device | str) -> AudioVisualBatch:
        move = lambda t: t.to(device, non_blocking=True)  # noqa: E731
        return AudioVisualBatch(move(self.video), move(self.audio), self.names)

    @property
    def num_frames(self) -> int:
        batch, clips, _, frames, _, _ = self.video.shape
        return batch * clips * frames

    def inputs(self) -> dict[str, Tensor]:
        return {"video": self.video, "audio": self.audio}


@dataclass(frozen=True)
class TwoStreamOutput:
    """What a network of two streams makes of B videos with sound, two clips each: float ``[B, 2, D]``, any length."""

    p_video: Tensor  # predictions
    z_video: Tensor  # projections; gradients flow through them unless a loss stops them
    p_audio: Tensor
    z_audio: Tensor

    def float(self) -> TwoStreamOutput:
        """The same in float32."""
        return TwoStreamOutput(*(tensor.float() for tensor in vars(self).values()))


@dataclass(frozen=True)
class Window:
    """Frames ``start … start + num_frames - 1`` of one video file (its own frame numbers)."""

    video: str  # absolute path
    start: int
    num_frames: int
    fps: float


@dataclass(frozen=True)
class SyncPair:
    """Two windows of equal length from two views of one event, and the true offset between them."""

    pair_id: str  # unique in the set, e.g. "event_0007/cam0-cam1/0"
    event: str
    window0: Window
    window1: Window
    offset: int  # k: frame i of window0 shows the moment of frame i + k of window1

    def __post_init__(self) -> None:
        if self.window0.num_frames != self.window1.num_frames:
            raise ValueError(
                f"{self.pair_id}: windows of {self.window0.num_frames} and {self.window1.num_frames} frames; "
                "the two windows of a pair must have equal length, or length gives the offset away"
            )


@dataclass(frozen=True)
class MatrixPairs:
    """Similarity matrices of N pairs in both directions, with their labels.

    Pairs may be of different lengths: of matrix n only the first ``lengths[n]`` rows and columns are real, the rest
    is 0. T is the room for the longest.

    ``forward[n]`` is similarity(video 0, video 1) and ``backward[n]`` similarity(video 1, video 0), each with
    softmax over its own rows, so that every predictor can be made exactly antisymmetric.
    """

    forward: np.ndarray  # float32 [N, T, T]
    backward: np.ndarray  # float32 [N, T, T]
    lengths: np.ndarray  # int64 [N] frames of either window
    offsets: np.ndarray  # int64 [N] true offsets k, frames
    events: tuple[str, ...]  # N
    pair_ids: tuple[str, ...]  # N
    fps: np.ndarray  # float64 [N]
    max_offset: int  # K: offsets lie in -K … K

    def __len__(self) -> int:
        return len(self.offsets)
