"""Similarity matrices of simulated events, quick to make and of any difficulty."""

from __future__ import annotations

import numpy as np
import torch

from videosync.similarity.matrix import similarity_matrix
from videosync.types import MatrixPairs


def simulated_pairs(
    events: int,
    *,
    windows: int = 4,
    size: int = 20,
    max_offset: int = 6,
    noise: float = 0.2,
    seed: int = 0,
    name: str = "event",
    offsets: list[int] | None = None,
) -> MatrixPairs:
    """Two noisy views of smooth random motion, ``windows`` pairs an event; ``noise=inf``: unrelated views."""
    rng = np.random.default_rng(seed)
    n, dimensions = events * windows, 8
    k = np.asarray(offsets) if offsets is not None else rng.integers(-max_offset, max_offset + 1, n)
    steps = rng.normal(size=(n, size + max_offset, dimensions))
    motion = np.cumsum(steps, axis=1) / 2
    starts = np.stack([np.maximum(k, 0), np.maximum(-k, 0)])  # [2, n]
    views = []
    for start in starts:
        rows = start[:, None] + np.arange(size)
        view = np.take_along_axis(motion, rows[:, :, None], axis=1)  # [n, T, D]
        view = rng.normal(size=view.shape) if np.isinf(noise) else view + noise * rng.normal(size=view.shape)
        views.append(torch.nn.functional.normalize(torch.from_numpy(view), dim=-1))
    return MatrixPairs(
        forward=similarity_matrix(views[0], views[1], temperature=0.1).numpy(),
        backward=similarity_matrix(views[1], views[0], temperature=0.1).numpy(),
        lengths=np.full(n, size),
        offsets=k.astype(np.int64),
        events=tuple(f"{name}{e}" for e in range(events) for _ in range(windows)),
        pair_ids=tuple(f"{name}{e}/{w}" for e in range(events) for w in range(windows)),
        fps=np.full(n, 30.0),
        max_offset=max_offset,
    )
