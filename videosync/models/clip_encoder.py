"""A trained frame encoder as ``videosync sync`` uses it: what it sees in each frame, and what a clip of them means."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from videosync.models.card import FOLDER, TEMPERATURE, card_rates, trained_with
from videosync.models.constants import STILL
from videosync.models.encoder import Encoder
from videosync.models.exported import load_exported_encoder
from videosync.models.inference import threads_for
from videosync.signals.encoder import LEARNED, EncoderMeter
from videosync.signals.measure import Source, measure
from videosync.types import Embeddings
from videosync.video.index import video_index
from videosync.video.read import iter_frames


class ClipEncoder:
    """An encoder and what it was trained with.

    Args:
        encoder: on any device, in evaluation mode.
        size: S, pixels of the square pictures that it takes.
        temperature: of the softmax over the products of embeddings, as in its training.
        matrix_temperature: of its similarity matrices (``videosync.similarity_matrix``).
        name: what answers call it.
        weights_hash: identity of its weights; "" if unknown.
        rates: frames/s of the videos that it was trained on; none if unknown.
    """

    def __init__(
        self,
        encoder: Encoder,
        *,
        size: int,
        temperature: float = TEMPERATURE,
        matrix_temperature: float = TEMPERATURE,
        name: str = "",
        weights_hash: str = "",
        rates: Sequence[float] = (),
    ) -> None:
        self.encoder = encoder.eval().requires_grad_(False)
        self.size, self.temperature, self.matrix_temperature = size, temperature, matrix_temperature
        self.name, self.weights_hash, self.rates = name, weights_hash, tuple(rates)
        self.context, self.columns = encoder.context, encoder.feature_size
        self.sees_differences = encoder.context > 0

    @torch.inference_mode()
    def features(self, pictures: np.ndarray, context: int) -> np.ndarray:
        """Pictures uint8 [N,S,S,3] RGB or [N,S,S] grey, the first ``context`` only looked back at → float32
        [N-context,F].
        """
        clip = torch.from_numpy(pictures)  # [N, S, S] or [N, S, S, 3]
        clip = clip.permute(0, 3, 1, 2) if clip.dim() == 4 else clip[:, None].expand(-1, 3, -1, -1)
        with threads_for(self.encoder):
            return self.encoder.backbone_features(clip[None], context=context)[0].numpy()

    @torch.inference_mode()
    def embed(self, features: np.ndarray) -> np.ndarray:
        """Features [T,F] of a whole clip → unit vectors float32 [T,D]. Zero vectors where nothing changes in it."""
        if len(features) < 2 or np.ptp(features, axis=0).max() < STILL:
            return np.zeros((len(features), self.encoder.embedder.to_embedding.out_features), np.float32)
        clip = torch.from_numpy(np.ascontiguousarray(features, np.float32))
        with threads_for(self.encoder):
            return self.encoder.embed(clip[None])[0].numpy()

    def embed_video(self, path: str | os.PathLike[str]) -> Embeddings:
        """Embeddings of all frames of a video file, which is decoded once, in memory that does not grow with it.

        Pictures are squeezed to the square that the encoder was trained with, as evaluation does; and, as
        ``videosync.sync`` does, what an encoder of motion sees flash at keyframes is smoothed over.

        Raises:
            VideoError: no such file, not a video, or a frame that cannot be decoded.
        """
        index = video_index(path)
        times = index.times - index.times[0]
        frames = iter_frames(path, 0, len(index), size=(self.size, self.size))
        source = Source(tuple(key.frame for key in index.keys), index.path, times)
        vectors = self.embed(measure(frames, [EncoderMeter(self)], source)[LEARNED])
        return Embeddings(vectors, times, index.fps, os.fspath(path), self.matrix_temperature)


def clip_encoder(
    encoder: Encoder, config: Mapping[str, Any], *, name: str, weights_hash: str = "", rates: Sequence[float] = ()
) -> ClipEncoder:
    """``encoder`` with the size and temperatures of the options that it was trained with, as nested dictionaries."""
    known = trained_with(config)
    return ClipEncoder(encoder, name=name, weights_hash=weights_hash, rates=rates, **known)


@cache
def shipped_encoder(folder: Path = FOLDER) -> ClipEncoder:
    """The encoder in ``folder``. Raises CheckpointError: it is not there, damaged, or exchanged."""
    encoder, facts = load_exported_encoder(folder)
    weights, rates = facts["checkpoint"]["weights_hash"], card_rates(facts)
    return clip_encoder(encoder, facts["config"], name=folder.name, weights_hash=weights, rates=rates)
