"""The loss of CrissCross (Sarkar & Etemad, AAAI 2023, arXiv 2111.05329) between two clips of one video and their sound.

Each of six pairs of streams costs SimSiam's symmetric negative cosine (Chen & He, "Exploring Simple Siamese
Representation Learning", CVPR 2021, eq. 1-4): ``-cos(p_a, stop(z_b)) / 2 - cos(p_b, stop(z_a)) / 2``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from videosync.errors import ConfigError
from videosync.losses.objective import Objective
from videosync.option import option
from videosync.types import TwoStreamOutput

if TYPE_CHECKING:
    from torch import Tensor

STREAMS = {"v": "video", "a": "audio"}
LEAST_SPREAD, LEAST_RANK = 0.6, 1.3  # below them something has collapsed
FEWEST = 16  # projections of which a rank is taken
REMEDY = "Lower optim.lr, raise optim.predictor_lr, or take a larger train.batch_size"


@dataclass(frozen=True)
class CrissCross(Objective):
    """The weighted sum of the terms, divided by how many have a weight above 0."""

    v1v2: float = option(1.0, "weight of clip 1 - clip 2 of the pictures", "[0, inf)")
    a1a2: float = option(1.0, "weight of clip 1 - clip 2 of the sound", "[0, inf)")
    v1a1: float = option(1.0, "weight of pictures and sound of clip 1 (synchronous)", "[0, inf)")
    v2a2: float = option(1.0, "weight of pictures and sound of clip 2 (synchronous)", "[0, inf)")
    v1a2: float = option(1.0, "weight of pictures 1 - sound 2 (asynchronous)", "[0, inf)")
    v2a1: float = option(1.0, "weight of pictures 2 - sound 1 (asynchronous)", "[0, inf)")

    def __call__(self, output: TwoStreamOutput, batch: Any = None) -> Tensor:
        """Predictions and projections ``[B, 2, D]`` → scalar in their precision; ``batch`` is not looked at.

        Raises ConfigError when all weights are 0.
        """
        active = {name: weight for name, weight in self.weights.items() if weight > 0}
        if not active:
            raise ConfigError(f"all weights of the loss are 0 ({', '.join(self.weights)}); give one at least")
        import torch

        terms = self.terms(output)
        return torch.stack([weight * terms[name] for name, weight in active.items()]).sum() / len(active)

    @property
    def weights(self) -> dict[str, float]:
        """Of the six terms, by name."""
        intra = {"v1v2": self.v1v2, "a1a2": self.a1a2}
        return intra | {"v1a1": self.v1a1, "v2a2": self.v2a2, "v1a2": self.v1a2, "v2a1": self.v2a1}

    def terms(self, output: TwoStreamOutput) -> dict[str, Tensor]:
        """All six terms, without their weights: scalars from -1 (the two streams agree) to 1."""
        import torch
        from torch.nn import functional as F

        with torch.autocast(output.z_video.device.type, enabled=False):
            p = {s: F.normalize(getattr(output, f"p_{name}"), dim=-1) for s, name in STREAMS.items()}  # [B, 2, D]
            z = {s: F.normalize(getattr(output, f"z_{name}").detach(), dim=-1) for s, name in STREAMS.items()}

            def cosine(first: str, second: str) -> Tensor:
                return (p[first[0]][:, int(first[1]) - 1] * z[second[0]][:, int(second[1]) - 1]).sum(-1).mean()

            pairs = {name: (name[:2], name[2:]) for name in self.weights}
            return {name: -(cosine(a, b) + cosine(b, a)) / 2 for name, (a, b) in pairs.items()}

    def diagnostics(self, output: TwoStreamOutput) -> dict[str, float]:
        """The six terms, and for either modality, of its projections scaled to unit length:

        ``video_std``: their standard deviation, averaged over dimensions, times √D: about 1 where they are spread over
        the sphere, 0 where all are the same. ``video_rank``: how many directions they vary along, the effective rank
        (Roy & Vetterli, EUSIPCO 2007) of their covariance, from 1 to min(2 B - 1, D); left out where 2 B is below 16,
        as so few tell nothing.
        """
        found = {name: term.item() for name, term in self.terms(output).items()}
        for name in STREAMS.values():
            found |= {f"{name}_{what}": value for what, value in _spread(getattr(output, f"z_{name}").detach()).items()}
        return found

    def collapse(self, diagnostics: dict[str, float]) -> str:
        """In a sentence, what has collapsed in a training batch; "" where nothing has.

        The standard deviation sees that all projections run together, the rank alone that they lie on a line. The
        limits come from small trainings (width 8, 32 px, 10 classes, batches of 8 to 48, rates of 2e-4 to 2e-3). Of
        those that were well, also before their first step, none fell below 0.79 and 2.1. Without batch norm in the
        projectors they were below from the start; without stop-gradient by step 50, and later at the lowest rate.
        """
        for name in STREAMS.values():
            spread, rank = diagnostics[f"{name}_std"], diagnostics.get(f"{name}_rank", math.inf)
            if spread < LEAST_SPREAD:
                return (
                    f"the projections of the {name} have run together (complete collapse): their standard deviation is "
                    f"{spread:.2f}, where 1 is all over the sphere, so a low loss means nothing. {REMEDY}"
                )
            if rank < LEAST_RANK:
                return (
                    f"the projections of the {name} vary along hardly more than one direction (dimensional collapse): "
                    f"their effective rank is {rank:.1f}, though their standard deviation of {spread:.2f} looks "
                    f"sound. {REMEDY}"
                )
        return ""


def _spread(z: Tensor) -> dict[str, float]:
    """Standard deviation times √D, and effective rank, of projections ``[B, 2, D]`` scaled to unit length."""
    import torch
    from torch.nn import functional as F

    unit = F.normalize(z.flatten(0, 1).float(), dim=-1)  # [B*2, D]
    centred = unit - unit.mean(0)
    found = {"std": centred.square().mean(0).sqrt().mean().item() * unit.shape[-1] ** 0.5}
    if len(unit) >= FEWEST:
        variances = torch.linalg.svdvals(centred).square()
        shares = variances / variances.sum().clamp(min=torch.finfo(variances.dtype).tiny)
        found["rank"] = torch.exp(-torch.xlogy(shares, shares).sum()).item()
    return found
