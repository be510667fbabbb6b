"""A trained frame encoder as ``videosync sync`` uses it: what it sees in each frame, and what a clip of them means."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from videosync.models import SHIPPED
from videosync.models.encoder import Encoder
from videosync.models.exported import load_exported_encoder

FOLDER = Path(__file__).resolve().parents[1] / "weights" / SHIPPED
STILL = 1e-3  # features that change less than this in a clip show rounding
TEMPERATURE = 0.1  # of the softmax over frames, where a checkpoint does not tell what it was trained with


class ClipEncoder:
    """An encoder and what it was trained with, as two functions.

    Args:
        encoder: on any device, in evaluation mode.
        size: S, pixels of the square pictures that it takes.
        temperature: of the softmax over the products of embeddings, as in its training.
        name: what answers call it.
    """

    def __init__(
        self, encoder: Encoder, *, size: int, temperature: float = TEMPERATURE, name: str = ""
    ) -> None:
        self.encoder = encoder.eval().requires_grad_(False)
        self.size, self.temperature, self.name = size, temperature, name
        self.context, self.columns = encoder.context, encoder.feature_size
        self.sees_differences = encoder.context > 0

    @torch.inference_mode()
    def features(self, pictures: np.ndarray, context: int) -> np.ndarray:
        """Pictures uint8 [N,S,S,3] RGB or [N,S,S] grey, the first ``context`` only looked back at → float32
        [N-context,F].
        """
        clip = torch.from_numpy(pictures)  # [N, S, S] or [N, S, S, 3]
        clip = clip.permute(0, 3, 1, 2) if clip.dim() == 4 else clip[:, None].expand(-1, 3, -1, -1)
        return self.encoder.backbone_features(clip[None], context=context)[0].numpy()

    @torch.inference_mode()
    def embed(self, features: np.ndarray) -> np.ndarray:
        """Features [T,F] of a whole clip → unit vectors float32 [T,D]. Zero vectors where nothing changes in it."""
        if len(features) < 2 or np.ptp(features, axis=0).max() < STILL:
            return np.zeros((len(features), self.encoder.embedder.to_embedding.out_features), np.float32)
        clip = torch.from_numpy(np.ascontiguousarray(features, np.float32))
        return self.encoder.embed(clip[None])[0].numpy()


def clip_encoder(encoder: Encoder, config: Mapping[str, Any], *, name: str) -> ClipEncoder:
    """``encoder`` with the size and temperature of the options that it was trained with, as nested dictionaries."""
    size = config.get("data", {}).get("image_size", 224)
    temperature = config.get("loss", {}).get("temperature", TEMPERATURE)
    return ClipEncoder(encoder, size=int(size), temperature=float(temperature), name=name)


@cache
def shipped_encoder(folder: Path = FOLDER) -> ClipEncoder:
    """The encoder in ``folder``. Raises CheckpointError: it is not there, damaged, or exchanged."""
    encoder, facts = load_exported_encoder(folder)
    return clip_encoder(encoder, facts["config"], name=folder.name)
