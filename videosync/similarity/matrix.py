"""Similarity matrices: how alike each frame of one video is to each frame of another."""

from __future__ import annotations

from typing import Literal, get_args, overload

import numpy as np
import torch
from torch import Tensor

from videosync.errors import NotFiniteError
from videosync.types import Embeddings

Metric = Literal["sqeuclidean", "cosine"]
TEMPERATURE = 0.1


@overload
def similarity_matrix(
    embeddings0: Tensor, embeddings1: Tensor, *, metric: Metric = "sqeuclidean", temperature: float | None = None
) -> Tensor: ...
@overload
def similarity_matrix(
    embeddings0: Embeddings | np.ndarray,
    embeddings1: Embeddings | np.ndarray,
    *,
    metric: Metric = "sqeuclidean",
    temperature: float | None = None,
) -> np.ndarray: ...
def similarity_matrix(
    embeddings0: Embeddings | np.ndarray | Tensor,
    embeddings1: Embeddings | np.ndarray | Tensor,
    *,
    metric: Metric = "sqeuclidean",
    temperature: float | None = None,
) -> np.ndarray | Tensor:
    """Softmaxed similarity of all frames of video 0 (rows) to all frames of video 1 (columns).

    ``S[i, j] = softmax_j(s(i, j) / temperature)``, where ``s`` is ``-|e0_i - e1_j|^2`` ("sqeuclidean") or the
    cosine of the two embeddings. On unit vectors ``-|a - b|^2 = 2 cos(a, b) - 2``, so "cosine" at temperature
    τ equals "sqeuclidean" at 2τ.

    Args:
        embeddings0: float ``[..., T0, D]``, an array, a tensor, or what ``encoder.embed_video`` gives. Computed in
            float32 at least, whatever the autocast state.
        embeddings1: float ``[..., T1, D]``, the same leading dimensions.
        metric: "sqeuclidean" or "cosine".
        temperature: positive; smaller values sharpen the rows. None: that of the encoder of ``embed_video``; else 0.1.

    Returns:
        float32 ``[..., T0, T1]``, a tensor of tensors; every row sums to 1.

    Raises:
        ValueError: unknown metric, temperature not positive, embedding sizes that differ, or embeddings of encoders
            with unlike temperatures and none given.
        NotFiniteError: an embedding is NaN or infinite.
    """
    if not (isinstance(embeddings0, Tensor) and isinstance(embeddings1, Tensor)):
        given = (embeddings0, embeddings1)
        if temperature is None:
            own = {e.temperature for e in given if isinstance(e, Embeddings)}
            if len(own) > 1:
                raise ValueError(f"the encoders have unlike temperatures ({sorted(own)}); give temperature=")
            temperature = min(own, default=None)
        e0, e1 = (torch.as_tensor(e.vectors if isinstance(e, Embeddings) else e) for e in given)
        return similarity_matrix(e0, e1, metric=metric, temperature=temperature).numpy(force=True)
    temperature = TEMPERATURE if temperature is None else temperature
    if metric not in get_args(Metric):
        raise ValueError(f"metric {metric!r} is unknown; available: {', '.join(get_args(Metric))}")
    if not temperature > 0:
        raise ValueError(f"temperature must be above 0, got {temperature}")
    if embeddings0.shape[-1] != embeddings1.shape[-1]:
        raise ValueError(f"embeddings of size {embeddings0.shape[-1]} and {embeddings1.shape[-1]} cannot be compared")
    with torch.autocast(embeddings0.device.type, enabled=False):
        e0 = _at_least_float32(embeddings0)
        e1 = _at_least_float32(embeddings1)
        for name, e in (("video 0", e0), ("video 1", e1)):
            if not bool(torch.isfinite(e).all()):
                raise NotFiniteError(
                    f"the embeddings of {name} hold NaN or infinite values: the training that made the "
                    "weights diverged (train with a lower learning rate, or take an earlier checkpoint), or the "
                    "precision overflows (try float32)"
                )
        if metric == "cosine":
            e0 = torch.nn.functional.normalize(e0, dim=-1)
            e1 = torch.nn.functional.normalize(e1, dim=-1)
            logits = e0 @ e1.transpose(-1, -2)  # [..., T0, T1]
        else:
            # -|a - b|^2 without |a|^2, which is constant along a row and drops out of its softmax
            logits = 2 * e0 @ e1.transpose(-1, -2) - e1.square().sum(-1).unsqueeze(-2)  # [..., T0, T1]
        return torch.softmax(logits / temperature, dim=-1).float()


def _at_least_float32(x: Tensor) -> Tensor:
    return x if x.dtype == torch.float64 else x.float()
