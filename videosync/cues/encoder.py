"""The part of a cue that compares embeddings of a frame encoder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from videosync.cues.cue import Part, Signals, camera_moves, seen
from videosync.lags.similarity import similarity_scores
from videosync.signals.encoder import LEARNED, EncoderMeter, FrameFeatures

# of a whole clip, [T, D]: no signal, since it depends on where the clip ends
EMBEDDINGS = "embeddings of learned"


class ClipEmbedder(FrameFeatures, Protocol):
    """An encoder: features of single frames, and embeddings of a clip of them."""

    name: str
    temperature: float  # of the softmax over frames
    weights_hash: str
    rates: tuple[float, ...]  # frames/s that it was trained at; none: unknown

    def embed(self, features: np.ndarray) -> np.ndarray: ...


class LagReader(Protocol):
    """A detector: it reads lag scores from the embeddings of two clips."""

    name: str
    most_cells: int  # frames of one clip times those of the other that it can read
    rates: tuple[float, ...]  # frames/s that it was trained at; none: unknown
    facts: Mapping[str, Any]  # what is known of its training

    def scores(self, vectors0: np.ndarray, vectors1: np.ndarray, lags: np.ndarray) -> np.ndarray: ...


def encoder_part(encoder: ClipEmbedder, detector: LagReader | None = None) -> Part:
    """Similarity of the embeddings of an encoder, read by ``detector``; None: by the mean along diagonals.

    Its features are measured once a file; the embeddings of a clip are made here, of the frames that are in it. An
    encoder of differences of frames was trained with static cameras only: it abstains where the camera moves.
    """

    def ready(clip: Signals) -> Signals:
        return clip if EMBEDDINGS in clip else {**clip, EMBEDDINGS: encoder.embed(clip[LEARNED])}

    def curve(clip0: Signals, clip1: Signals, lags: np.ndarray) -> np.ndarray:
        vectors0, vectors1 = (ready(clip)[EMBEDDINGS] for clip in (clip0, clip1))
        gaps = [seen(clip) for clip in (clip0, clip1)]
        if all(gap is None for gap in gaps):
            masks: list[np.ndarray] | list[None] = [None, None]
        else:
            whole = (vectors0, vectors1)
            masks = [np.ones(len(v), bool) if gap is None else gap[:, 0] > 0 for v, gap in zip(whole, gaps)]
            vectors0, vectors1 = (v * mask[:, None] for v, mask in zip(whole, masks))
        if detector is not None:
            return detector.scores(vectors0, vectors1, lags)
        return similarity_scores(
            vectors0, vectors1, lags, mask0=masks[0], mask1=masks[1], temperature=encoder.temperature
        )

    def abstains(clip: Signals) -> bool:
        return encoder.sees_differences and camera_moves(clip)

    return Part((LEARNED,), curve, EncoderMeter(encoder), ready, abstains=abstains, both_orders=detector is not None)


def _no_encoder(clip0: Signals, clip1: Signals, lags: np.ndarray) -> np.ndarray:
    raise ValueError("this cue uses an encoder, and none was given to find_cue")


ENCODER = Part((LEARNED,), _no_encoder)  # stands for the encoder that a caller gives
