"""The projection head: what the loss sees of an embedding while training (SimCLR, Chen et al., 2020)."""

from __future__ import annotations

from torch import Tensor, nn

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
