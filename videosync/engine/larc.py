"""LARC, layer-wise adaptive rate control (You, Gitman & Ginsburg, "Large Batch Training of Convolutional Networks",
arXiv 1708.03888, clipped as in NVIDIA's practice), in front of Adam.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.optim import Adam


class Larc(Adam):
    """Adam (Kingma & Ba, ICLR 2015) on gradients that are scaled for each tensor ``w`` with gradient ``g``:

    ``g ← s (g + weight_decay w)``, ``s = min(trust |w| / (|g| + weight_decay |w| + eps) / lr, 1)``; where ``|w|`` or
    ``|g|`` is 0, ``g`` stays as it is, without weight decay.

    ``state_dict`` is that of Adam. Gradients have to be unscaled before a step (``GradScaler.unscale_``, or by its
    ``step``); they are scaled in place.
    """

    def __init__(self, params: Any, *, lr: float, weight_decay: float = 0.0, trust: float = 1e-3) -> None:
        # never fused: a scaler hands a fused optimizer gradients that are not finite, or are still scaled
        super().__init__(params, lr=lr, weight_decay=weight_decay, fused=False)
        self.trust = trust

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One step; ``closure`` computes loss and gradients anew, as in other optimizers."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        decays = [group["weight_decay"] for group in self.param_groups]
        try:
            for group in self.param_groups:
                self._scale_gradients(group)
                group["weight_decay"] = 0.0  # it is in the gradients
            super().step()
        finally:
            for group, decay in zip(self.param_groups, decays):
                group["weight_decay"] = decay
        return loss

    def _scale_gradients(self, group: dict[str, Any]) -> None:
        decay = group["weight_decay"]
        for p in group["params"]:
            if p.grad is None:
                continue
            weight, gradient = p.norm(), p.grad.norm()
            scale = self.trust * weight / (gradient + decay * weight + group["eps"]) / group["lr"]
            scaled = (p.grad + decay * p) * scale.clamp(max=1.0)
            p.grad.copy_(torch.where((weight > 0) & (gradient > 0), scaled, p.grad))
