"""The encoder that comes with the package: trained for synchronising unlike cameras (``weights/crossview``)."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import torch

from videosync.models.encoder import Encoder
from videosync.models.exported import load_exported_encoder

FOLDER = Path(__file__).resolve().parents[1] / "weights" / "crossview"
STILL = 1e-3  # features that change less than this in a clip show rounding


class LearnedMotion:
    """An encoder as two functions: what it sees in each frame, and what a clip of such frames means.

    Args:
        encoder: one with ``input`` "motion", in evaluation mode.
        size: pixels of the square pictures that it takes.
    """

    def __init__(self, encoder: Encoder, size: int) -> None:
        self.encoder = encoder.eval().requires_grad_(False)
        self.size, self.context = size, encoder.context

    @torch.inference_mode()
    def features(self, pictures: np.ndarray, context: int) -> np.ndarray:
        """Grey pictures uint8 [N,S,S], the first ``context`` only looked back at → float32 [N-context,F]."""
        clip = torch.from_numpy(pictures)[None, :, None].expand(-1, -1, 3, -1, -1)  # [1, N, 3, S, S]
        return self.encoder.backbone_features(clip, context=context)[0].numpy()

    @torch.inference_mode()
    def embed(self, features: np.ndarray) -> np.ndarray:
        """Features [T,F] of a whole clip → unit vectors float32 [T,D]; each feature counts in units of this clip.

        Zero vectors where nothing changes in it.
        """
        if len(features) < 2 or np.ptp(features, axis=0).max() < STILL:
            return np.zeros((len(features), self.encoder.embedder.to_embedding.out_features), np.float32)
        clip = torch.from_numpy(np.ascontiguousarray(features, np.float32))
        return self.encoder.embed(clip[None])[0].numpy()


@cache
def learned_motion(folder: Path = FOLDER) -> LearnedMotion:
    """The encoder in ``folder``. Raises CheckpointError: it is not there, damaged, or exchanged."""
    encoder, facts = load_exported_encoder(folder)
    return LearnedMotion(encoder, facts["config"]["data"]["image_size"])
