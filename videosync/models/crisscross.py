"""The two-stream network of CrissCross (Sarkar & Etemad, "Self-Supervised Audio-Visual Representation Learning with
Relaxed Cross-Modal Synchronicity", AAAI 2023, arXiv 2111.05329): a backbone, a projector and a predictor for the
pictures, and the same for the sound. Projectors and predictors are those of SimSiam (Chen & He, CVPR 2021).
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor, nn

from videosync.models.audio_resnet import AudioBackbone
from videosync.models.options import CrissCrossOptions
from videosync.models.r2plus1d import VideoBackbone
from videosync.types import TwoStreamOutput


class CrissCrossModel(nn.Module):
    """``video`` and ``audio`` are what is kept after training; the heads serve the loss."""

    def __init__(self, options: CrissCrossOptions) -> None:
        super().__init__()
        self.video = VideoBackbone(width=options.width, normalise_clip=options.normalise_clip)
        self.audio = AudioBackbone(width=options.width)
        size, hidden = options.projection_size, options.prediction_size
        self.project_video = _projector(self.video.features, size)
        self.project_audio = _projector(self.audio.features, size)
        self.predict_video = _predictor(size, hidden)
        self.predict_audio = _predictor(size, hidden)

    def forward(self, video: Tensor, audio: Tensor) -> TwoStreamOutput:
        """Two clips each of B videos: ``[B, 2, 3, T, S, S]``, ImageNet-normalised, and ``[B, 2, 1, 80, F]`` log-mel.

        Batch norm sees all 2 B clips together.
        """
        z_video = self.project_video(self.video(video.flatten(0, 1)))  # [B*2, D]
        z_audio = self.project_audio(self.audio(audio.flatten(0, 1)))
        outputs = self.predict_video(z_video), z_video, self.predict_audio(z_audio), z_audio
        return TwoStreamOutput(*(output.unflatten(0, (-1, 2)) for output in outputs))  # [B, 2, D]

    def predictors(self) -> Iterator[nn.Parameter]:
        """The parameters of both predictors, whose learning rate stays constant."""
        yield from self.predict_video.parameters()
        yield from self.predict_audio.parameters()


def _projector(features: int, size: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(features, size, bias=False),
        nn.BatchNorm1d(size),
        nn.ReLU(inplace=True),
        nn.Linear(size, size, bias=False),
        nn.BatchNorm1d(size),
        nn.ReLU(inplace=True),
        nn.Linear(size, size, bias=False),
        nn.BatchNorm1d(size, affine=False),
    )


def _predictor(size: int, hidden: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(size, hidden, bias=False), nn.BatchNorm1d(hidden), nn.ReLU(inplace=True), nn.Linear(hidden, size)
    )
