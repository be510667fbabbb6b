"""The part of a cue that compares what an encoder of sound hears."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from videosync.cues.cue import Part, Signals
from videosync.lags.similarity import similarity_scores
from videosync.signals.sound import SOUND, SoundFeatures, SoundMeter

VECTORS = "vectors of sound"  # of a whole clip, [T, D]: no signal, since they depend on where the clip ends
ALIKE = 1e-3  # of the length of features: what changes less in a clip is rounding


class SoundEmbedder(SoundFeatures, Protocol):
    """An encoder of sound."""

    name: str
    temperature: float  # of the softmax over frames
    weights_hash: str
    rates: tuple[float, ...]


def sound_part(encoder: SoundEmbedder) -> Part:
    """Similarity of what the encoder hears around each frame, read by the mean along diagonals.

    Pooled features of any two sounds point nearly the same way; what a clip has in common is taken off, and the rest is
    brought to unit length.
    """

    def ready(clip: Signals) -> Signals:
        return clip if VECTORS in clip else {**clip, VECTORS: centred(clip[SOUND])}

    def curve(clip0: Signals, clip1: Signals, lags: np.ndarray) -> np.ndarray:
        vectors0, vectors1 = (ready(clip)[VECTORS] for clip in (clip0, clip1))
        return similarity_scores(vectors0, vectors1, lags, temperature=encoder.temperature)

    return Part((SOUND,), curve, SoundMeter(encoder), ready)


def centred(features: np.ndarray) -> np.ndarray:
    """Features [T, D] → unit vectors float32 [T, D] of what differs from their mean; zero where nothing is heard."""
    heard = features.any(axis=1)
    found = np.zeros_like(features, dtype=np.float32)
    if not heard.any():
        return found
    away = features[heard] - features[heard].mean(axis=0)
    length = np.linalg.norm(away, axis=1, keepdims=True)
    least = ALIKE * np.linalg.norm(features[heard], axis=1).mean()
    found[heard] = np.where(length > least, away / np.maximum(length, least), 0)
    return found


def _no_encoder(clip0: Signals, clip1: Signals, lags: np.ndarray) -> np.ndarray:
    raise ValueError("this cue uses an encoder of sound, and none was given to find_cue")


SOUND_ENCODER = Part((SOUND,), _no_encoder)  # stands for the encoder that a caller gives
