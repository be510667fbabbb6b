"""The sound backbone of a trained CrissCross network as ``videosync sync`` uses it."""

from __future__ import annotations

import numpy as np
import torch

from videosync.audio.log_mel import log_mel
from videosync.models.audio_resnet import AudioBackbone

TEMPERATURE = 0.1  # of the softmax over frames
SECONDS = 0.5  # of sound: features pooled over the clips of training, 2 s, tell moments apart less well


class SoundEncoder:
    """Pooled features of stretches of sound.

    Args:
        backbone: on the CPU.
        name: what answers call it. weights_hash: identity of its weights; "" if unknown.
    """

    temperature, seconds = TEMPERATURE, SECONDS
    rates: tuple[float, ...] = ()  # frames/s that it was trained at: sound has none

    def __init__(self, backbone: AudioBackbone, *, name: str = "", weights_hash: str = "") -> None:
        self.backbone = backbone.eval().requires_grad_(False)
        self.name, self.weights_hash = name, weights_hash
        self.columns = backbone.features

    @torch.inference_mode()
    def features(self, stretches: np.ndarray) -> np.ndarray:
        """Sound at 16 kHz, float32 [N, n] → float32 [N, D]."""
        mel = log_mel(torch.from_numpy(np.ascontiguousarray(stretches)))  # [N, 80, F]
        return self.backbone(mel[:, None]).numpy()
