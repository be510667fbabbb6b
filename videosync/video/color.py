"""Brightness, contrast, saturation, hue and grey as one affine map of RGB: a clip needs a single pass.

All five are linear in RGB once the mean colour is known that contrast turns around; hue turns the chroma plane of YIQ.
Values are clamped once at the end, not between the steps.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

JITTER = ("brightness", "contrast", "saturation", "hue")
LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
YIQ = ((0.299, 0.587, 0.114), (0.595716, -0.274453, -0.321263), (0.211456, -0.522591, 0.311135))


def color_map(
    mean: Tensor,
    *,
    brightness: float,
    contrast: float,
    saturation: float,
    hue: float,
    gray: bool,
    order: Sequence[str] = JITTER,
) -> tuple[Tensor, Tensor]:
    """Matrix ``M`` [3,3] and offset ``o`` [...,3] (float32) so that the changed colour is ``M·rgb + o``.

    ``mean``: mean RGB [...,3], of the clip or of each frame, whose grey contrast leaves as it is. ``brightness``,
    ``contrast`` and ``saturation`` are factors (1: as it is), ``hue`` a share of the full circle (0: as it is);
    they follow each other in ``order``, and grey comes last.
    """
    mean = mean.double().cpu()
    luma = torch.tensor([LUMA] * 3, dtype=torch.float64)  # rgb → (grey, grey, grey)
    matrix = identity = torch.eye(3, dtype=torch.float64)
    offset = torch.zeros_like(mean)
    changes = {
        "brightness": brightness * identity,
        "contrast": contrast * identity,
        "saturation": saturation * identity + (1 - saturation) * luma,
        "hue": _hue_turn(hue) if hue else identity,
        "gray": luma if gray else identity,
    }
    for name in (*order, "gray"):
        around = (1 - contrast) * (mean @ matrix.T + offset) @ luma.T if name == "contrast" else 0.0
        matrix, offset = changes[name] @ matrix, offset @ changes[name].T + around
    return matrix.float(), offset.float()


def _hue_turn(hue: float) -> Tensor:
    yiq = torch.tensor(YIQ, dtype=torch.float64)
    cosine, sine = math.cos(2 * math.pi * hue), math.sin(2 * math.pi * hue)
    turn = torch.tensor([[1, 0, 0], [0, cosine, -sine], [0, sine, cosine]], dtype=torch.float64)
    return torch.linalg.solve(yiq, turn @ yiq)
