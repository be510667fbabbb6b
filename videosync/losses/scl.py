"""CARL's sequence contrastive loss (Chen et al., "Frame-wise Action Representations for Long Videos via
Sequence Contrastive Learning", CVPR 2022, eq. 2-5).

For frame ``i`` of one view, the frames ``j`` of the other view of the same video get a Gaussian target over
their distance in time, and the loss is the KL divergence between that target and the softmax of the
similarities over the candidate frames.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from videosync.errors import ConfigError, require_known
from videosync.losses.lags import lag_loss
from videosync.losses.objective import Objective
from videosync.option import option
from videosync.types import ClipBatch

if TYPE_CHECKING:
    from torch import Tensor

# which frames stand in the softmax beside the other view of the same video
NEGATIVE_TYPES: dict[str, str] = {
    "single_noself": "nothing else (CARL's default)",
    "single": "the frame's own view",
    "batch_noself": "both views of all other videos of the batch",
    "batch": "the frame's own view and both views of all other videos of the batch",
}


@dataclass(frozen=True)
class Scl(Objective):
    """CARL's loss between the two views of each pair, on projected embeddings of unit length.

    ``lag_weight`` times the loss over lags is added (not in CARL).
    """

    temperature: float = option(0.1, "of the softmax over frames", "(0, inf)")
    negative_type: str = option("single_noself", "+ none, own view, other videos, both", choices=NEGATIVE_TYPES)
    label_variance: float = option(10.0, "variance of the Gaussian target, frames^2", "(0, inf)")
    lag_weight: float = option(0.0, "weight of a loss over lags beside it; views must be contiguous", "[0, inf)")
    log_epsilon: float = option(0.0, "added inside the logarithm; 1e-6 reproduces the reference code", "[0, inf)")

    @property
    def wanted(self) -> Mapping[str, bool]:
        return {"project": True}

    def __call__(self, output: Tensor, batch: ClipBatch) -> Tensor:
        frames = sequence_contrastive_loss(output, batch.steps, batch.lengths, batch.mask, self)
        if self.lag_weight == 0:
            return frames
        return frames + self.lag_weight * lag_loss(
            output, batch.steps, batch.mask, temperature=self.temperature, label_variance=self.label_variance
        )


def sequence_contrastive_loss(embeddings: Tensor, steps: Tensor, lengths: Tensor, mask: Tensor, options: Scl) -> Tensor:
    """Mean KL divergence over the real frames of a batch of view pairs; a float32 scalar.

    ``embeddings`` ``[B, 2, T, D]`` unit length; ``steps`` ``[B, 2, T]`` frame numbers on a timeline of
    ``lengths`` ``[B, 2]`` frames; ``mask`` ``[B, 2, T]`` True = a real frame. The distance in time is
    ``|step_i / length_i * length_j - step_j|`` frames and ``label_variance`` is in frames².

    Frames of the other view get a Gaussian weight each, which sum to 1 for a frame. Where all of them underflow in
    float32 (no frame of the other view within 14 standard deviations, 45 frames at a variance of 10), the frame has no
    target and adds nothing; so has one whose other view has no real frame. The mean is over the frames that have a
    target.

    ``log_epsilon=0`` is an exact log-softmax. ``1e-6`` inside the logarithm reproduces the reference code, and with it
    that code's float32 targets and its mean over all real frames, also those without a target; the logarithm itself
    makes a difference of up to 0.2 %. Masked frames take no part at all: not as anchors, targets or negatives. (The
    reference weighs them with 1e-6 as negatives: at a temperature of 0.1, less than 1e-5 of the loss and its gradient.)

    Computed in float32 also under autocast. Raises ConfigError for an unknown ``negative_type`` or a non-positive
    temperature or variance.
    """
    import torch

    _check(embeddings, options)
    temperature, negative_type, log_epsilon = options.temperature, options.negative_type, options.log_epsilon
    with torch.autocast(embeddings.device.type, enabled=False):
        e = embeddings.float()
        batch, views, frames, _ = e.shape
        other_mask = mask.flip(1)
        columns = other_mask[:, :, None, :].expand(-1, -1, frames, -1)  # [B, V, T, T]
        targets = _targets(steps, lengths, columns, options.label_variance, as_reference=log_epsilon > 0)
        anchors = mask & (targets.sum(-1) > 0)  # [B, V, T] frames that have a target
        if not anchors.any():
            return e.sum() * 0.0

        cross = e @ e.flip(1).transpose(-1, -2) / temperature  # [B, V, T, T] to the other view
        candidates, allowed = cross, columns
        if negative_type == "single":
            own = e @ e.transpose(-1, -2) / temperature  # [B, V, T, T]
            candidates = torch.cat([cross, own], dim=-1)  # [B, V, T, 2T]
            allowed = torch.cat([columns, mask[:, :, None, :].expand_as(columns)], dim=-1)
        elif negative_type in ("batch", "batch_noself"):
            flat = e.flatten(0, 2)  # [B*V*T, D]
            candidates = (flat @ flat.T / temperature).unflatten(0, (batch, views, frames))  # [B, V, T, B*V*T]
            allowed = mask.flatten().expand_as(candidates)
            if negative_type == "batch_noself":
                clip = torch.arange(batch * views, device=e.device)
                same = clip[:, None] == clip.repeat_interleave(frames)[None, :]  # [B*V, B*V*T]
                allowed = allowed & ~same.view(batch, views, 1, -1)

        # only rows with a target from here on: [n, columns], so that no row is empty
        log_partition = candidates[anchors].masked_fill(~allowed[anchors], -torch.inf).logsumexp(-1, keepdim=True)
        log_prob = cross[anchors] - log_partition  # [n, T]
        if log_epsilon > 0:
            # padding weighs 0, but must not overflow before it is weighed
            log_prob = log_prob.masked_fill(~columns[anchors], 0)
            log_prob = torch.log(log_prob.exp() + log_epsilon)
        target = targets[anchors]  # [n, T]
        count = mask.sum() if log_epsilon > 0 else len(target)
        return (torch.xlogy(target, target) - target * log_prob).sum() / count


def _targets(steps: Tensor, lengths: Tensor, columns: Tensor, variance: float, *, as_reference: bool) -> Tensor:
    """Targets float32 ``[B, V, T, T]`` (frame of this view, of the other): rows sum to 1, or to 0 without a target.

    ``columns`` ``[B, V, T, T]`` True = a real frame of the other view. ``as_reference``: every step in float32.
    """
    import torch

    # frame numbers of long videos and their ratios are exact in float64, and then squared
    precision = torch.float32 if as_reference else torch.float64
    steps, lengths = steps.to(precision), lengths.to(precision)[..., None]  # [B, V, T], [B, V, 1]
    moments = steps / lengths * lengths.flip(1)  # on the other view's timeline
    distance = moments[:, :, :, None] - steps.flip(1)[:, :, None, :]
    logs = (-(distance**2) / (2 * variance)).float().masked_fill(~columns, -torch.inf)
    weights = logs.exp()
    total = weights.sum(-1, keepdim=True)
    return torch.where(total > 0, weights / total if as_reference else logs.softmax(-1), 0.0)


def _check(embeddings: Tensor, options: Scl) -> None:
    require_known("negative_type", options.negative_type, NEGATIVE_TYPES)
    if options.temperature <= 0 or options.label_variance <= 0:
        raise ConfigError(f"temperature and label_variance of the loss must be above 0: {options}")
    if embeddings.dim() != 4 or embeddings.shape[1] != 2:
        raise ValueError(f"embeddings have shape {tuple(embeddings.shape)}; expected [B, 2, T, D]")
