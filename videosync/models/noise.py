"""An encoder that looks at nothing: the control that finds leaks. Run through the whole chain, it must
score at the floor.
"""

from __future__ import annotations

import zlib
from os import PathLike
from pathlib import PurePath

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class NoiseEncoder(nn.Module):
    """Random unit vectors with the interface of ``Encoder``; new ones at each call, the same ones in each run.

    The generator is seeded with ``seed``, the number of the call and a checksum of the clip's features, so
    that two processes that embed different clips draw different noise. Nothing about the order of the
    frames gets through, and no video is decoded for it (``features_of``).
    """

    feature_size = 1
    context = 0

    def __init__(self, *, embedding_size: int, seed: int = 0) -> None:
        super().__init__()
        self.embedding_size = embedding_size
        self.seed = seed
        self.calls = 0

    def features_of(self, video: str | PathLike[str], start: int, stop: int) -> Tensor:
        """What stands for frames ``start … stop - 1`` of a file, which is not opened: float32 ``[T, 1]`` in 0…1."""
        name = "/".join(PurePath(video).parts[-2:])
        numbers = [zlib.crc32(f"{name}\0{frame}".encode()) / 2**32 for frame in range(start, stop)]
        return torch.tensor(numbers, dtype=torch.float32)[:, None]

    def backbone_features(self, frames: Tensor, context: int = 0) -> Tensor:
        """``[B, T, 3, H, W]`` → one pixel of each frame, float32 ``[B, T - context, 1]``."""
        return frames[:, context:, 0, 0, 0, None].float()

    def embed(self, features: Tensor, mask: Tensor | None = None) -> Tensor:
        """``[B, T, F]`` → random unit vectors float32 ``[B, T, D]``; zeros where ``mask`` is False."""
        checksum = zlib.crc32(features.detach().float().sort(dim=1).values.cpu().numpy().tobytes())
        generator = torch.Generator().manual_seed(hash((self.seed, self.calls, checksum)) & 0x7FFFFFFFFFFFFFFF)
        self.calls += 1
        noise = torch.randn(*features.shape[:-1], self.embedding_size, generator=generator)
        embeddings = F.normalize(noise, dim=-1).to(features.device)
        return embeddings if mask is None else embeddings * mask[..., None]

    def forward(self, frames: Tensor, mask: Tensor | None = None, project: bool = False) -> Tensor:
        """As ``Encoder.forward``; there is nothing to project."""
        features = frames
        if frames.dim() >= 5:
            features = frames[..., 0, 0, 0, None].float()  # [..., T, 1]
        return self.embed(features, mask)
