"""ResNet-18 on the log-mel spectrogram of a sound, with the parameter names of the published CrissCross weights."""

from __future__ import annotations

from torch import Tensor, nn

from videosync.models.resnet import BasicBlock, init_convolutions


class AudioBackbone(nn.Module):
    """Two blocks in each of four stages, ``width`` channels in the first; features are 8 times as wide."""

    def __init__(self, *, width: int = 64) -> None:
        super().__init__()
        self.features = 8 * width
        self.conv1 = nn.Sequential(
            nn.Conv2d(1, width, 7, 2, padding=3, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, 2, padding=1),
        )
        self.block1 = _stage(width, width, 1)
        self.block2 = _stage(width, 2 * width, 2)
        self.block3 = _stage(2 * width, 4 * width, 2)
        self.block4 = _stage(4 * width, 8 * width, 2)
        init_convolutions(self)

    def feature_map(self, mel: Tensor) -> Tensor:
        """``[N, 1, 80, F]`` → the last stage's map ("conv5") ``[N, features, 3, ~F / 32]``; 3 x 7 for 2 s."""
        return self.block4(self.block3(self.block2(self.block1(self.conv1(mel)))))

    def forward(self, mel: Tensor) -> Tensor:
        """Standardised log-mel ``[N, 1, 80, F]`` → features ``[N, features]``, the mean over time and bands."""
        return self.feature_map(mel).mean((2, 3))


def _stage(inputs: int, width: int, stride: int) -> nn.Sequential:
    return nn.Sequential(BasicBlock(inputs, width, stride), BasicBlock(width, width, 1))
