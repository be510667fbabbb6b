"""Optimizer and learning rate. The rate is a pure function of the step, so resuming cannot make it jump."""

from __future__ import annotations

import math
from collections.abc import Iterable

from torch import nn
from torch.optim import Adam, AdamW, Optimizer

OPTIMIZERS: dict[str, type[Adam]] = {"adam": Adam, "adamw": AdamW}


def build_optimizer(parameters: Iterable[nn.Parameter], *, name: str, lr: float, weight_decay: float) -> Optimizer:
    """Adam (L2 regularisation) or AdamW (decoupled decay) over the parameters that are trained."""
    trained = [p for p in parameters if p.requires_grad]
    return OPTIMIZERS[name](trained, lr=lr, weight_decay=weight_decay, fused=True)


def learning_rate(step: float, total_steps: float, *, base: float, schedule: str, warmup_steps: float) -> float:
    """The rate of optimizer step ``step`` (from 0) of ``total_steps``.

    Rises linearly over ``warmup_steps``, then follows half a cosine down to 0 at ``total_steps``
    (Loshchilov & Hutter, "SGDR", 2017, without restarts), or stays constant.
    """
    if step < warmup_steps:
        return base * (step + 1) / (warmup_steps + 1)
    if schedule == "constant":
        return base
    done = (step - warmup_steps) / max(1, total_steps - warmup_steps)
    return base * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


def set_learning_rate(optimizer: Optimizer, lr: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = lr
