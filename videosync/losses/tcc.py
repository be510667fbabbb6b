"""Temporal cycle-consistency (Dwibedi et al., "Temporal Cycle-Consistency Learning", CVPR 2019, sec. 3.2).

Each frame of clip ``u`` is matched softly to clip ``v`` (its nearest neighbour there is a mean of v's frames weighted
by similarity), and the match is sent back to ``u``. The loss asks that it comes back to the frame it left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from videosync.errors import ConfigError, require_known
from videosync.losses.objective import FreeObjective
from videosync.option import option
from videosync.types import ClipBatch

if TYPE_CHECKING:
    from torch import Tensor

LOSS_TYPES: dict[str, str] = {
    "regression_mse_var": "squared distance in time, weighed by how spread the match is (the paper's choice)",
    "regression_mse": "squared distance in time",
    "regression_huber": "Huber distance in time",
    "classification": "cross-entropy over the frames of the clip",
}
SIMILARITIES = ("l2", "cosine")


@dataclass(frozen=True)
class Tcc(FreeObjective):
    """TCC between all clips of the batch, each view of each pair being one. There is no projection head.

    The reference configurations of TCC have L2_NORMALIZE off: with unit embeddings, similarities lie in -4 … 0 and,
    divided by D and the temperature, leave the matches almost flat.
    """

    unit: ClassVar[bool] = False
    temperature: float = option(0.1, "of the softmax over frames", "(0, inf)")
    tcc_type: str = option("regression_mse_var", "what is asked of a frame matched there and back", choices=LOSS_TYPES)
    tcc_similarity: str = option("l2", "minus the squared distance, or the inner product", choices=SIMILARITIES)
    label_smoothing: float = option(0.1, "share of a frame's label that is spread over its clip", "[0, 1)")
    variance_lambda: float = option(
        0.001, "weight of the log variance of a match", "[0, inf)", only_for=("tcc_type", "regression_mse_var")
    )
    huber_delta: float = option(
        0.1,
        "where squares turn linear; 1 is the reference code's",
        "(0, inf)",
        only_for=("tcc_type", "regression_huber"),
    )
    tcc_reference: bool = option(
        False, "the reference code's divergence to unnormalised scores", only_for=("tcc_type", "classification")
    )

    def __call__(self, output: Tensor, batch: ClipBatch) -> Tensor:
        return cycle_consistency_loss(
            output.flatten(0, 1),  # [B*V, T, D]
            batch.steps.flatten(0, 1),
            batch.lengths.flatten(),
            batch.mask.flatten(0, 1),
            self,
        )


def cycle_consistency_loss(embeddings: Tensor, steps: Tensor, lengths: Tensor, mask: Tensor, options: Tcc) -> Tensor:
    """Mean over all frames of all ordered pairs of different clips of a batch; a float32 scalar.

    ``embeddings`` ``[N, T, D]``; ``steps`` ``[N, T]`` frame numbers in videos of ``lengths`` ``[N]`` frames (time is
    ``step / length``); ``mask`` ``[N, T]`` True = a real frame. Similarities are divided by ``D`` and by
    ``temperature``. Masked frames are neither matched nor matched to. The variance of a match counts as no less than
    that of a moment known to within one frame, ``1 / (12 length²)``: the loss stays finite for matches without doubt.

    ``tcc_reference``: the reference code takes the KL divergence to logits that were never
    normalised, averaged over all T·T entries; True reproduces it. ``huber_delta=1`` reproduces its Huber loss (the
    paper's configuration says 0.1).

    Raises:
        ConfigError: an unknown loss type or similarity, or a temperature that is not positive.
        ValueError: fewer than two clips, or shapes that do not fit.
    """
    import torch

    _check(embeddings, options)
    similarity = options.tcc_similarity
    with torch.autocast(embeddings.device.type, enabled=False):
        e = embeddings.float()
        clips, _, size = e.shape
        if not mask.any():
            return e.sum() * 0.0
        u, v = torch.meshgrid(*[torch.arange(clips, device=e.device)] * 2, indexing="ij")
        u, v = u[u != v], v[u != v]  # [P] ordered pairs, P = N (N - 1)
        scale = size * options.temperature
        there = _similarity(e[u], e[v], similarity) / scale  # [P, T, T]
        there = there.masked_fill(~mask[v][:, None, :], -torch.inf)
        nearest = _softmax_of_some(there) @ e[v]  # [P, T, D] soft nearest neighbours in v
        back = _similarity(nearest, e[u], similarity) / scale  # [P, T, T] cycling back to u
        columns = mask[u][:, None, :].expand_as(back)
        rows = mask[u] & mask[v].any(-1, keepdim=True)  # [P, T]
        if not rows.any():
            return e.sum() * 0.0
        logits = back.masked_fill(~columns, -torch.inf)[rows]  # [R, T]
        allowed = columns[rows]
        labels = _smooth_labels(rows, allowed, options.label_smoothing)  # [R, T]
        if options.tcc_type == "classification":
            return _classification(logits, labels, allowed, options.tcc_reference)
        time = (steps.double() / lengths.double()[:, None]).float()  # [N, T]
        return _regression(
            logits,
            labels,
            time[u][:, None, :].expand_as(back)[rows],
            (1 / (12 * lengths[u].double() ** 2)).float()[:, None].expand_as(rows)[rows],
            options,
        )


def _similarity(a: Tensor, b: Tensor, kind: str) -> Tensor:
    """``[P, T, D]`` × 2 → ``[P, T, T]``, before it is scaled."""
    product = a @ b.transpose(-1, -2)
    if kind == "cosine":
        return product
    return 2 * product - (a * a).sum(-1)[:, :, None] - (b * b).sum(-1)[:, None, :]


def _softmax_of_some(logits: Tensor) -> Tensor:
    """Softmax over the last axis; rows of minus infinity become zeros instead of NaN."""
    empty = logits.isinf().all(-1, keepdim=True)
    return logits.masked_fill(empty, 0.0).softmax(-1).masked_fill(empty, 0.0)


def _smooth_labels(rows: Tensor, allowed: Tensor, smoothing: float) -> Tensor:
    """``(1 - n s/(n-1)) I + s/(n-1)`` over the ``n`` real frames of each row's clip, ``[R, T]``."""
    import torch
    from torch.nn import functional as F

    frames = rows.shape[1]
    own = F.one_hot(rows.nonzero()[:, 1], frames).to(torch.float32)  # [R, T]
    n = allowed.sum(-1, keepdim=True).float()
    share = torch.where(n > 1, smoothing / (n - 1).clamp(min=1), torch.zeros_like(n))
    return torch.where(allowed, (1 - n * share) * own + share, torch.zeros_like(own))


def _classification(logits: Tensor, labels: Tensor, allowed: Tensor, reference: bool) -> Tensor:
    import torch

    if reference:
        some = logits.masked_fill(~allowed, 0.0)
        return (torch.xlogy(labels, labels) - labels * some)[allowed].mean()
    log_prob = logits.log_softmax(-1).masked_fill(~allowed, 0.0)
    return -(labels * log_prob).sum(-1).mean()


def _regression(logits: Tensor, labels: Tensor, time: Tensor, least_variance: Tensor, options: Tcc) -> Tensor:
    from torch.nn import functional as F

    beta = logits.softmax(-1)
    left = (time * labels).sum(-1)  # when the frame lies, [R]
    returned = (time * beta).sum(-1)  # when it comes back
    if options.tcc_type == "regression_huber":
        return F.huber_loss(returned, left, delta=options.huber_delta)
    squared = (left - returned) ** 2
    if options.tcc_type == "regression_mse":
        return squared.mean()
    variance = ((time - returned[:, None]) ** 2 * beta).sum(-1)
    log_variance = variance.maximum(least_variance).log()
    return ((-log_variance).exp() * squared + options.variance_lambda * log_variance).mean()


def _check(embeddings: Tensor, options: Tcc) -> None:
    require_known("tcc_type", options.tcc_type, LOSS_TYPES)
    require_known("tcc_similarity", options.tcc_similarity, SIMILARITIES)
    if options.temperature <= 0:
        raise ConfigError(f"temperature ({options.temperature}) of the loss must be above 0")
    if embeddings.dim() != 3 or embeddings.shape[0] < 2:
        raise ValueError(f"embeddings have shape {tuple(embeddings.shape)}; expected [N, T, D] of two clips or more")
