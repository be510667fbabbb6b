"""The loss of CrissCross (Sarkar & Etemad, AAAI 2023, arXiv 2111.05329) between two clips of one video and their sound.

Each of six pairs of streams costs SimSiam's symmetric negative cosine (Chen & He, "Exploring Simple Siamese
Representation Learning", CVPR 2021, eq. 1-4): ``-cos(p_a, stop(z_b)) / 2 - cos(p_b, stop(z_a)) / 2``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from videosync.errors import ConfigError
from videosync.losses.objective import Objective
from videosync.option import option
from videosync.types import TwoStreamOutput

if TYPE_CHECKING:
    from torch import Tensor

STREAMS = {"v": "video", "a": "audio"}


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
        the sphere, 0 where all are the same. ``video_rank``: how many dimensions they fill, the effective rank (Roy &
        Vetterli, EUSIPCO 2007) of the centred ``[2 B, D]``, between 1 and min(2 B - 1, D).
        """
        found = {name: term.item() for name, term in self.terms(output).items()}
        for name in STREAMS.values():
            found[f"{name}_std"], found[f"{name}_rank"] = _spread(getattr(output, f"z_{name}").detach())
        return found

    def collapse(self, diagnostics: dict[str, float]) -> str:
        """In a sentence, what has collapsed; "" where nothing has."""
        return ""


def _spread(z: Tensor) -> tuple[float, float]:
    """Standard deviation times √D, and effective rank, of projections ``[B, 2, D]`` scaled to unit length."""
    import torch
    from torch.nn import functional as F

    unit = F.normalize(z.flatten(0, 1).float(), dim=-1)  # [B*2, D]
    centred = unit - unit.mean(0)
    deviation = centred.square().mean(0).sqrt().mean() * unit.shape[-1] ** 0.5
    values = torch.linalg.svdvals(centred)
    shares = values / values.sum().clamp(min=torch.finfo(values.dtype).tiny)
    return deviation.item(), torch.exp(-torch.xlogy(shares, shares).sum()).item()
