"""Heads that only training uses: a projection (SimCLR, Chen et al., 2020), or a linear classifier of frames."""

from __future__ import annotations

from torch import Tensor, nn

from videosync.errors import ConfigError
from videosync.models.transformer import on_real_frames


class ProjectionHead(nn.Module):
    """Linear, BatchNorm, ReLU, Linear: ``[B, T, D] → [B, T, D]``; padding takes no part in the statistics.

    ``hidden_size`` 0: no head, the loss sees the embeddings themselves.
    """

    def __init__(self, *, size: int, hidden_size: int) -> None:
        super().__init__()
        self.net = nn.Sequential()
        if hidden_size:
            self.net.append(nn.Linear(size, hidden_size))
            self.net.append(nn.BatchNorm1d(hidden_size))
            self.net.append(nn.ReLU(inplace=True))
            self.net.append(nn.Linear(hidden_size, size))

    def forward(self, embeddings: Tensor, mask: Tensor | None = None) -> Tensor:
        return on_real_frames(self.net, embeddings, mask)


class FrameClassifier(nn.Module):
    """Dropout, Linear: embeddings ``[B, T, D]`` → scores of the classes ``[B, T, num_classes]``.

    ``num_classes`` 0: no classifier and no weights.
    """

    def __init__(self, *, size: int, num_classes: int, dropout: float) -> None:
        super().__init__()
        self.net = nn.Sequential()
        if num_classes:
            self.net.append(nn.Dropout(dropout))
            self.net.append(nn.Linear(size, num_classes))

    def forward(self, embeddings: Tensor, mask: Tensor | None = None) -> Tensor:
        if len(self.net) == 0:
            raise ConfigError("num_classes is 0: the encoder has no classifier; give the number of classes")
        return on_real_frames(self.net, embeddings, mask)
