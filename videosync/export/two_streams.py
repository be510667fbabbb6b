"""The two backbones of a CrissCross run as networks to export: a clip of frames, or a spectrogram → features."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from videosync.audio.log_mel import MELS
from videosync.config.schema import Config
from videosync.export.modules import listed, moving_squares
from videosync.models.crisscross import CrissCrossModel
from videosync.models.inputs import RGBInput
from videosync.models.programs import Case, Network, largest_difference
from videosync.models.r2plus1d import VideoBackbone

TOLERANCE = 1e-4  # largest difference of a feature, as a share of the largest feature
SECOND = 100  # spectrogram frames


class ClipFeatures(nn.Module):
    """Frames ``[N, T, 3, S, S]`` (uint8, or float in 0 … 1) → features float32 ``[N, features]``."""

    def __init__(self, backbone: VideoBackbone) -> None:
        super().__init__()
        self.input, self.backbone = RGBInput(), backbone

    def forward(self, frames: Tensor) -> Tensor:
        return self.backbone(self.input.normalise(frames).transpose(1, 2))  # [N, 3, T, S, S]


def backbone_networks(model: CrissCrossModel, config: Config, dtypes: Sequence[torch.dtype]) -> list[Network]:
    """One of the pictures for each of ``dtypes`` of its frames (uint8, or float32 in 0 … 1), and one of the sound."""
    size, frames, seconds = config.data.image_size, config.data.num_frames, config.audio.seconds
    networks = []
    for dtype in dtypes:
        values = "uint8, 0 … 255" if dtype == torch.uint8 else "float32, 0 … 1"
        networks.append(
            _network(
                "video" if dtype == torch.uint8 else "video_float",
                ClipFeatures(model.video),
                partial(moving_squares, size=size, dtype=dtype),
                lengths=(8, frames + 4, 2 * frames),
                port=("frames", f"[N, T, 3, {size}, {size}] RGB, {values}"),
                features=model.video.features,
                length=("T", 1),
            )
        )
    audio = _network(
        "audio",
        model.audio,
        spectrograms,
        lengths=(SECOND // 2, round(SECOND * seconds) + 1, 5 * SECOND + 1),
        port=("mel", f"[N, 1, {MELS}, F] float32, standardised log-mel, {SECOND} frames a second"),
        features=model.audio.features,
        length=("F", 3),
    )
    return [*networks, audio]


def _network(
    name: str,
    module: nn.Module,
    make: Callable[..., Tensor],
    *,
    lengths: tuple[int, ...],
    port: tuple[str, str],
    features: int,
    length: tuple[str, int],
) -> Network:
    """``make(N, frames, seed=…)`` gives inputs, whose number and frames stay open; ``length``: their name and place."""

    def cases() -> Iterator[Case]:
        for seed, count in enumerate(lengths):
            yield f"2 x {count} frames", (make(2, count, seed=seed),)

    @torch.no_grad()
    def compare(inputs: tuple[Tensor, ...], outputs: tuple[np.ndarray, ...]) -> float:
        expected = module(*inputs).numpy()
        return largest_difference(outputs[0], expected) / max(float(np.abs(expected).max()), 1e-6)

    return Network(
        name=name,
        module=module.eval(),
        example=(make(2, lengths[0] + 1, seed=0),),
        inputs=dict([port]),
        outputs={"features": f"[N, {features}] float32"},
        open_dims={0: ("N", 1, None), length[1]: (length[0], 1, None)},
        cases=cases,
        checked_on=f"inputs of {listed(lengths)} frames",
        compare=compare,
        tolerance=TOLERANCE,
        shrinks=True,
    )


def spectrograms(batch: int, frames: int, seed: int) -> Tensor:
    """Standardised log-mel of bursts in noise: ``[N, 1, 80, F]``."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(batch, 1, MELS, frames, generator=generator)
    bursts = torch.rand(batch, 1, 1, frames, generator=generator) > 0.9
    return noise + 2 * bursts
