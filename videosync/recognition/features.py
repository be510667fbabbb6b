"""Features that a frozen network has of files; its batch norm can be calibrated first, fair to a random network."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm

from videosync.recognition.clips import Damage, read_ahead
from videosync.recognition.items import Item

CLIPS_AT_ONCE = 64
CALIBRATION_FILES = 256  # a clip of each

Network = Callable[[Tensor], Tensor]  # clips [n, …] → features [n, D]


@torch.no_grad()
def features_of(
    items: Sequence[Item],
    read: Callable[[Item], Tensor],
    network: Network,
    damage: Damage,
    *,
    device: torch.device | str,
    threads: int = 0,
    on_item: Callable[[int], object] = lambda count: None,
) -> dict[Path, np.ndarray]:
    """Features float32 ``[n, D]`` of the n clips that ``read`` takes from each file; by a network in evaluation mode.

    Files that cannot be read are noted in ``damage``, and left out.
    """
    found = {}
    for place, clips in read_ahead(items, read, damage, threads=threads):
        parts = [network(part.to(device)).float().cpu() for part in clips.split(CLIPS_AT_ONCE)]
        found[items[place].path] = torch.cat(parts).numpy()
        on_item(1)
    return found


def conv5(feature_map: Callable[[Tensor], Tensor]) -> Network:
    """From the last map ``[n, C, h, w]`` of the sound backbone to unit vectors ``[n, D]``.

    Max-pooled over 1 x 3 (bands x time) with stride (1, 2), as the published evaluation does: with C = 512, D is 4608
    for 2 s and 10752 for 5 s.
    """

    def network(mel: Tensor) -> Tensor:
        maps = feature_map(mel)
        window = min(3, maps.shape[3])  # clips below 1 s have shorter maps
        return F.normalize(F.max_pool2d(maps, (1, window), (1, 2)).flatten(1), dim=1)

    return network


@torch.no_grad()
def calibrate_norm(network: nn.Module, batches: Iterable[Tensor]) -> None:
    """Give every batch norm the mean statistics of ``batches``; the network is in evaluation mode afterwards."""
    norms = [module for module in network.modules() if isinstance(module, _BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the mean over all batches
        norm.train()
    for batch in batches:
        network(batch)
    for norm, momentum in zip(norms, momenta):
        norm.momentum = momentum
    network.eval()
