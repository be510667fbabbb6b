"""Cues: functions from the signals of two clips to lag scores. Adding one is one line in ``CUES``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from videosync.errors import require_known
from videosync.lags.association import association_scores, change_components
from videosync.lags.correlation import (
    change_vectors,
    correlation_scores,
    decorrelated_vectors,
    high_pass,
    usual_change,
    whiten,
)
from videosync.lags.fusion import fuse
from videosync.lags.similarity import similarity_scores
from videosync.signals.deep import DEEP_CHANNELS
from videosync.signals.learned import LEARNED, FrameFeatures
from videosync.signals.measure import ALL_CHANNELS

Signals = Mapping[str, np.ndarray]  # name → [T, F]
EMBEDDINGS = (
    "embeddings of learned"  # of a whole clip, [T, D]: no signal, for it depends on where the clip ends
)
Curve = Callable[[Signals, Signals, np.ndarray], np.ndarray]  # (clip 0, clip 1, lags [L]) → scores [L]


@dataclass(frozen=True)
class Part:
    """One lag curve of a cue and the channels it looks at."""

    channels: tuple[str, ...]
    curve: Curve
    ready: Callable[[Signals], Signals] = dict  # a clip with what ``curve`` would work out of it each time


@dataclass(frozen=True)
class Cue:
    """One or more parts, fused."""

    parts: tuple[Part, ...]

    @property
    def channels(self) -> tuple[str, ...]:
        """The signals to measure, in the order of ``signals.measure.ALL_CHANNELS``."""
        return tuple(name for name in ALL_CHANNELS if any(name in part.channels for part in self.parts))

    @property
    def learned(self) -> bool:
        """Whether it looks through a frame encoder."""
        return LEARNED in self.channels

    @property
    def deep(self) -> bool:
        """Whether it looks through a network."""
        return any(name in DEEP_CHANNELS for name in self.channels)

    def score(self, clip0: Signals, clip1: Signals, lags: Sequence[int] | np.ndarray) -> np.ndarray:
        """How strongly the clips speak for each offset.

        Args:
            clip0, clip1: signals, float [T0, F] and [T1, F] of each of ``channels``.
            lags: offsets k to score, rising: frame ``i`` of clip 0 shows the moment of frame ``i + k`` of clip 1.

        Returns:
            float64 [L] in units of the spread over lags, median about 0; all 0 where nothing can be told. Swapping
            the clips (and the sign of ``lags``) reverses the scores exactly.

        Raises:
            ValueError: a lag leaves no overlap.
        """
        return self.evidence(clip0, clip1, lags)[0]

    def evidence(
        self, clip0: Signals, clip1: Signals, lags: Sequence[int] | np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The scores, and what each part says by itself: float64 [L] as of ``score``, and [P, L] as it is measured.

        Both are reversed exactly when the clips are swapped. Raises ValueError: a lag leaves no overlap.
        """
        clips = self._ready(clip0), self._ready(clip1)  # once, for both orders

        def measured(first: int, second: int, offsets: np.ndarray) -> np.ndarray:
            parts = self.measure(clips[first], clips[second], offsets)
            return np.concatenate([fuse(parts)[None], parts])  # [1 + P, L]

        lags = np.asarray(lags, np.int64)
        rows = (measured(0, 1, lags) + measured(1, 0, -lags[::-1])[:, ::-1]) / 2
        return rows[0], rows[1:]

    def measure(self, clip0: Signals, clip1: Signals, lags: np.ndarray) -> np.ndarray:
        """The curves of the parts, in this order of the clips alone: [P, L]."""
        return np.stack([part.curve(clip0, clip1, lags) for part in self.parts])

    def _ready(self, clip: Signals) -> Signals:
        for part in self.parts:
            clip = part.ready(clip)
        return clip


def correlated(*channels: str) -> Part:
    """Correlation of the channels as they are: the plain baseline."""

    def curve(clip0: Signals, clip1: Signals, lags: np.ndarray) -> np.ndarray:
        return correlation_scores(_joined(clip0, channels), _joined(clip1, channels), lags)

    return Part(channels, curve)


def whitened(*channels: str) -> Part:
    """Correlation of what the channels' own past does not foretell."""

    def curve(clip0: Signals, clip1: Signals, lags: np.ndarray) -> np.ndarray:
        return correlation_scores(whiten(_joined(clip0, channels)), whiten(_joined(clip1, channels)), lags)

    return Part(channels, curve)


def brief(*channels: str) -> Part:
    """Correlation of what lasts seconds at most: slow drifts are taken out."""

    def curve(clip0: Signals, clip1: Signals, lags: np.ndarray) -> np.ndarray:
        return correlation_scores(
            high_pass(_joined(clip0, channels)), high_pass(_joined(clip1, channels)), lags
        )

    return Part(channels, curve)


def changed(*channels: str) -> Part:
    """Correlation of the channels' derivatives."""

    def curve(clip0: Signals, clip1: Signals, lags: np.ndarray) -> np.ndarray:
        return correlation_scores(
            usual_change(_joined(clip0, channels)), usual_change(_joined(clip1, channels)), lags
        )

    return Part(channels, curve)


def matched(*channels: str, temperature: float, decorrelated: bool = False) -> Part:
    """Frames whose channels change alike; ``decorrelated``: what all channels say alike counts only once."""

    def curve(clip0: Signals, clip1: Signals, lags: np.ndarray) -> np.ndarray:
        signal0, signal1 = _joined(clip0, channels), _joined(clip1, channels)
        if decorrelated:
            vectors0, vectors1 = decorrelated_vectors(signal0, signal1)
        else:
            vectors0, vectors1 = change_vectors(signal0), change_vectors(signal1)
        return similarity_scores(vectors0, vectors1, lags, temperature=temperature)

    return Part(channels, curve)


def associated(*channels: str) -> Part:
    """Mixtures of columns that change alike, whichever they are."""

    def curve(clip0: Signals, clip1: Signals, lags: np.ndarray) -> np.ndarray:
        components0, components1 = (change_components(_joined(clip, channels)) for clip in (clip0, clip1))
        return association_scores(components0, components1, lags)

    return Part(channels, curve)


class ClipEmbedder(FrameFeatures, Protocol):
    """An encoder: features of single frames, and embeddings of a clip of them."""

    name: str
    temperature: float  # of the softmax over frames

    def embed(self, features: np.ndarray) -> np.ndarray: ...


def recognised(encoder: ClipEmbedder | None = None) -> Part:
    """Frames that an encoder takes for one moment; None: the one that comes with the package.

    Its features are measured once a file; what a clip of them means is worked out here, on the frames that are there.
    """

    def chosen() -> ClipEmbedder:
        if encoder is not None:
            return encoder
        from videosync.models.clip_encoder import shipped_encoder  # imports torch

        return shipped_encoder()

    def ready(clip: Signals) -> Signals:
        return clip if EMBEDDINGS in clip else {**clip, EMBEDDINGS: chosen().embed(clip[LEARNED])}

    def curve(clip0: Signals, clip1: Signals, lags: np.ndarray) -> np.ndarray:
        vectors0, vectors1 = (ready(clip)[EMBEDDINGS] for clip in (clip0, clip1))
        return similarity_scores(vectors0, vectors1, lags, temperature=chosen().temperature)

    return Part((LEARNED,), curve, ready)


def together(*parts: Part) -> Part:
    """Parts of one kind, which count as one."""
    channels = tuple(name for name in ALL_CHANNELS if any(name in part.channels for part in parts))
    return Part(channels, lambda clip0, clip1, lags: fuse(part.curve(clip0, clip1, lags) for part in parts))


def _joined(clip: Signals, channels: Sequence[str]) -> np.ndarray:
    return np.concatenate([clip[name] for name in channels], axis=1)  # [T, F of all channels]


DIFFERENCES = ("energy1248", "area", "posneg", "sgrid")
FLOW = ("flowhist", "flowm")
PARTS: dict[str, Part] = {  # each is a cue of its own too, to see what it is worth
    "energy": correlated("energy"),
    "white-energy": whitened("energy"),
    "white-area": whitened("area"),
    "white-posneg": whitened("posneg"),
    "frames": matched(*DIFFERENCES, temperature=0.2),
    "frames-flow": matched(*DIFFERENCES, *FLOW, temperature=0.2),
    "frames-flow-sharp": matched(*DIFFERENCES, *FLOW, temperature=0.1),
    "frames-decorrelated": matched(*DIFFERENCES, temperature=0.2, decorrelated=True),
    "cells": associated("cells"),
    "learned": recognised(),
    "deep": correlated("deep"),
    "deep-brief": brief("deep"),
    "deep-change": changed("deep"),
    "deep-white": whitened("deep"),
    "deep-cells": associated("deepcells"),
}
WHITE = ("white-energy", "white-area", "white-posneg")
R6 = (*WHITE, "frames", "frames-flow", "frames-flow-sharp")

# how much moves, what the change of a frame is like, and where it moves: three views of one scene
MOTION = (together(*(PARTS[name] for name in WHITE)), PARTS["frames-decorrelated"], PARTS["cells"])

CUES: dict[str, Cue] = {
    "motion": Cue(MOTION),
    "motion-learned": Cue((*MOTION, PARTS["learned"])),  # the encoder that comes with the package
    "motion-deep": Cue((*MOTION, PARTS["deep-brief"], PARTS["deep-cells"])),  # looks through a network too
    "motion-r6": Cue(tuple(PARTS[name] for name in R6)),  # the recipe that "motion" was developed from
    **{name: Cue((part,)) for name, part in PARTS.items()},
}


def find_cue(name: str, encoder: ClipEmbedder | None = None) -> Cue:
    """The cue called ``name``, with ``encoder`` in place of the one that comes with the package.

    Raises ConfigError: there is none; the nearest is named.
    """
    require_known("cue", name, CUES)
    if encoder is None:
        return CUES[name]
    return Cue(tuple(recognised(encoder) if part is PARTS["learned"] else part for part in CUES[name].parts))
