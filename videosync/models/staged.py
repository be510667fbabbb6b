"""What all backbones share: a stem and four stages, of which the first ones may be frozen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

from videosync.errors import ConfigError

STAGES = 4


class StagedBackbone(nn.Module):
    """Base of image networks: stage 0 is the stem, stages 1 … 4 follow; then pooling to one vector a frame.

    A subclass defines ``stage_modules``, ``run_stage`` and ``pool``, and sets ``feature_size`` (F); a stage of several
    steps may name them in ``parts``.

    ``recompute``: what trained stages make of a batch is not kept for the backward pass but computed again, step by
    step (Chen et al., "Training Deep Nets with Sublinear Memory Cost", 2016). The gradients are the same.
    ``batch_statistics`` False: trained stages normalise by the statistics of their weights, as frozen ones do, so that
    they too see ``chunk_size`` frames at once; with ``recompute`` also in the backward pass.
    """

    feature_size: int
    recompute = False
    batch_statistics = True

    def __init__(self) -> None:
        super().__init__()
        self.layer = 0

    def stage_modules(self, stage: int) -> tuple[nn.Module, ...]:
        """The modules with parameters of one stage."""
        raise NotImplementedError

    def run_stage(self, stage: int, x: Tensor) -> Tensor:
        """``[N, C, H, W]`` → the stage's maps ``[N, C', H', W']``."""
        raise NotImplementedError

    def parts(self, stage: int) -> Sequence[Callable[[Tensor], Tensor]]:
        """The steps of a stage, one after the other what ``run_stage`` does."""
        return (partial(self.run_stage, stage),)

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
        """As usual, but frozen stages stay in evaluation mode, so that their BatchNorm does not drift; without
        ``batch_statistics`` all do."""
        super().train(mode)
        for stage in range(STAGES + 1):
            if self._is_frozen(stage) or not self.batch_statistics:
                for module in self.stage_modules(stage):
                    module.eval()
        return self

    def forward(self, frames: Tensor, *, chunk_size: int, prepare: Callable[[Tensor], Tensor]) -> Tensor:
        """Frames ``[N, C, H, W]`` → pooled features ``[N, F]``.

        ``prepare`` (normalisation) is applied chunk by chunk. Frozen stages, and all stages while evaluating, see
        ``chunk_size`` frames at once; trainable stages in training see all of them, since their BatchNorm statistics
        would otherwise depend on the chunk size. The result never depends on ``chunk_size``.
        """
        whole_batch = self.training and self.layer < STAGES and self.batch_statistics
        first_trained = self.layer + 1 if self.layer else 0
        outputs = []
        for chunk in frames.split(chunk_size):
            x = prepare(chunk).to(self._dtype())
            with torch.no_grad():
                for stage in range(first_trained):
                    x = self.run_stage(stage, x)
            outputs.append(x if whole_batch else self._trained_chunk(first_trained, x))
        x, outputs = torch.cat(outputs), []  # not held twice
        if not whole_batch:
            return x
        for stage in range(first_trained, STAGES + 1):
            for part in self.parts(stage):
                x = self._again(part, x)
        return self.pool(x)

    def _trained_chunk(self, first: int, x: Tensor) -> Tensor:
        """Stages ``first`` … 4 and the pooling, of frames that do not depend on others."""

        def run(x: Tensor) -> Tensor:
            for stage in range(first, STAGES + 1):
                x = self.run_stage(stage, x)
            return self.pool(x)

        return self._again(run, x)

    def _again(self, part: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        """``part(x)``; with ``recompute`` nothing but ``x`` is kept for the backward pass."""
        if not (self.recompute and self.training and torch.is_grad_enabled()):
            return part(x)
        contexts = lambda: (nullcontext(), self._statistics_stay())  # noqa: E731
        y: Tensor = checkpoint(part, x, use_reentrant=False, preserve_rng_state=False, context_fn=contexts)
        return y

    @contextmanager
    def _statistics_stay(self) -> Iterator[None]:
        """What is computed again is not counted again in BatchNorm's running statistics."""
        norms = [module for module in self.modules() if isinstance(module, _BatchNorm) and module.training]
        kept = [(norm.momentum, norm.num_batches_tracked) for norm in norms]
        for norm in norms:
            norm.momentum, norm.num_batches_tracked = 0.0, None
        try:
            yield
        finally:
            for norm, (momentum, batches) in zip(norms, kept):
                norm.momentum, norm.num_batches_tracked = momentum, batches

    def _is_frozen(self, stage: int) -> bool:
        return self.layer > 0 and stage <= self.layer

    def _dtype(self) -> torch.dtype:
        return next(self.parameters()).dtype
