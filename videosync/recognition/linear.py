"""A linear layer, trained by Adam on frozen features of clips; the softmax of a file is the mean over its clips."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from videosync.recognition.options import LinearOptions


def train_linear(
    train: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
    linear: LinearOptions,
    *,
    num_classes: int,
    seed: int,
    device: torch.device | str = "cpu",
    on_epoch: Callable[[int], object] = lambda count: None,
) -> np.ndarray:
    """Which test files are right after the last epoch: bool ``[M]``.

    Args:
        train, test: features ``[N, n, D]`` of n clips of N files, and classes int64 ``[N]``.
    """
    generator = torch.Generator().manual_seed(seed)
    clips = torch.from_numpy(train[0]).flatten(0, 1).to(device)  # [N*n, D]
    labels = torch.from_numpy(np.repeat(train[1], train[0].shape[1])).to(device)
    layer = nn.Linear(clips.shape[1], num_classes)
    bound = clips.shape[1] ** -0.5
    for parameter in layer.parameters():
        nn.init.uniform_(parameter, -bound, bound, generator=generator)
    layer.to(device)
    optimizer = torch.optim.Adam(layer.parameters(), lr=linear.lr, weight_decay=linear.weight_decay)
    for _ in range(linear.epochs):
        for places in torch.randperm(len(clips), generator=generator).split(linear.batch_size):
            optimizer.zero_grad()
            F.cross_entropy(layer(clips[places]), labels[places]).backward()
            optimizer.step()
        on_epoch(1)
    with torch.no_grad():
        said = layer(torch.from_numpy(test[0]).to(device)).softmax(2).mean(1).argmax(1)  # [M, m, classes] → [M]
    return said.cpu().numpy() == test[1]
