"""Optimizer and learning rate. The rate is a pure function of the step, so resuming cannot make it jump."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from torch.optim import Adam, AdamW, Optimizer

from videosync.engine.larc import Larc
from videosync.errors import ConfigError

OPTIMIZERS: dict[str, type[Adam]] = {"adam": Adam, "adamw": AdamW}
Group = Mapping[str, Any]


def build_optimizer(
    groups: Iterable[Group], *, name: str, lr: float, weight_decay: float, larc: bool = False
) -> Optimizer:
    """Adam (L2 regularisation) or AdamW (decoupled decay) over the parameters of ``groups`` that require a gradient.

    A group is one of torch's, ``{"params": …}``, and may have its own ``lr``; with ``"constant": True``
    :func:`set_learning_rate` leaves that alone. ``larc``: scale the gradient of each tensor first, in front of Adam
    only (:class:`videosync.engine.larc.Larc`).

    Raises ConfigError: ``larc`` with another optimizer than Adam.
    """
    if larc and name != "adam":
        raise ConfigError(f"LARC scales the gradients of Adam, but the optimizer is {name}; choose adam, or do without")
    trained = [{**group, "params": [p for p in group["params"] if p.requires_grad]} for group in groups]
    if larc:
        return Larc(trained, lr=lr, weight_decay=weight_decay)
    return OPTIMIZERS[name](trained, lr=lr, weight_decay=weight_decay, fused=True)


def learning_rate(
    step: float, total_steps: float, *, base: float, schedule: str, warmup_steps: float, final: float = 0.0
) -> float:
    """The rate of optimizer step ``step`` (from 0) of ``total_steps``.

    Rises linearly over ``warmup_steps``, then follows half a cosine down to ``final`` at ``total_steps``
    (Loshchilov & Hutter, "SGDR", 2017, without restarts), or stays constant.
    """
    if step < warmup_steps:
        return base * (step + 1) / (warmup_steps + 1)
    if schedule == "constant":
        return base
    done = (step - warmup_steps) / max(1, total_steps - warmup_steps)
    return final + (base - final) * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


def set_learning_rate(optimizer: Optimizer, lr: float) -> None:
    """``lr`` for all groups but those whose rate is constant."""
    for group in optimizer.param_groups:
        if not group.get("constant"):
            group["lr"] = lr
