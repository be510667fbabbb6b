"""What all backbones share: a stem and four stages, of which the first ones may be frozen."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from videosync.errors import ConfigError

STAGES = 4


class StagedBackbone(nn.Module):
    """Base of image networks: stage 0 is the stem, stages 1 … 4 follow; then pooling to one vector a frame.

    A subclass defines ``stage_modules``, ``run_stage`` and ``pool``, and sets ``feature_size`` (F).
    """

    feature_size: int

    def __init__(self) -> None:
        super().__init__()
        self.layer = 0

    def stage_modules(self, stage: int) -> tuple[nn.Module, ...]:
        """The modules with parameters of one stage."""
        raise NotImplementedError

    def run_stage(self, stage: int, x: Tensor) -> Tensor:
        """``[N, C, H, W]`` → the stage's maps ``[N, C', H', W']``."""
        raise NotImplementedError

    def pool(self, x: Tensor) -> Tensor:
        """The last stage's maps ``[N, C, H, W]`` → features ``[N, F]``."""
        raise NotImplementedError

    def freeze(self, layer: int) -> None:
        """Freeze the stem and stages 1 … ``layer`` (4: everything; 0: nothing, the stem included)."""
        if not 0 <= layer <= STAGES:
            raise ConfigError(f"layer is {layer}: expected 0 (nothing frozen) … {STAGES} (all frozen)")
        self.layer = layer
        for stage in range(STAGES + 1):
            for module in self.stage_modules(stage):
                module.requires_grad_(not self._is_frozen(stage))
        self.train(self.training)

    def train(self, mode: bool = True) -> StagedBackbone:
        """As usual, but frozen stages stay in evaluation mode, so that their BatchNorm does not drift."""
        super().train(mode)
        for stage in range(STAGES + 1):
            if self._is_frozen(stage):
                for module in self.stage_modules(stage):
                    module.eval()
        return self

    def forward(self, frames: Tensor, *, chunk_size: int, prepare: Callable[[Tensor], Tensor]) -> Tensor:
        """Frames ``[N, C, H, W]`` → pooled features ``[N, F]``.

        ``prepare`` (normalisation) is applied chunk by chunk. Frozen stages, and all stages while evaluating, see
        ``chunk_size`` frames at once; trainable stages in training see all of them, since their BatchNorm statistics
        would otherwise depend on the chunk size. The result never depends on ``chunk_size``.
        """
        whole_batch = self.training and self.layer < STAGES
        chunked_stages = (self.layer + 1 if self.layer else 0) if whole_batch else STAGES + 1
        outputs = []
        for chunk in frames.split(chunk_size):
            x = prepare(chunk).to(self._dtype())
            for stage in range(chunked_stages):
                with torch.set_grad_enabled(torch.is_grad_enabled() and not self._is_frozen(stage)):
                    x = self.run_stage(stage, x)
            outputs.append(x if whole_batch else self.pool(x))
        x = torch.cat(outputs)
        if not whole_batch:
            return x
        for stage in range(chunked_stages, STAGES + 1):
            x = self.run_stage(stage, x)
        return self.pool(x)

    def _is_frozen(self, stage: int) -> bool:
        return self.layer > 0 and stage <= self.layer

    def _dtype(self) -> torch.dtype:
        return next(self.parameters()).dtype
