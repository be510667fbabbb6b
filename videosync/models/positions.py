"""What a frame is told about its place in the clip.

Absolute codes (``stretched``, ``plain``) are added to the frame's vector; they tell how far into its clip a
frame is, and so pull an estimated offset toward 0. ``rotary`` (Su et al., RoFormer, 2021) turns queries and
keys, so that attention sees only the distance between two frames. ``none`` makes a clip a set of frames.
"""

from __future__ import annotations

import torch
from torch import Tensor

POSITIONS = ("stretched", "plain", "rotary", "none")
ABSOLUTE = ("stretched", "plain")  # these tell a frame how far into its clip it is


def sinusoidal_positions(places: Tensor, size: int) -> Tensor:
    """Sinusoidal code (Vaswani et al., 2017) of ``places`` ``[T]`` (frames, may be fractional): float32 ``[T, size]``.

    Even columns ``c`` hold sin, odd ones cos, at rate ``10000 ** (-c / size)`` of the pair's even column ``c``.
    """
    columns = torch.arange(0, size, 2, device=places.device)
    return _interleave(places, 10000.0 ** (-columns / size), 10000.0 ** (-columns / size))


def stretched_positions(num_frames: int, train_frames: int, size: int, device: torch.device | str) -> Tensor:
    """CARL's code of a clip of ``num_frames``: float32 ``[num_frames, size]``.

    A clip of another length than the training clips (``train_frames``) is stretched over their range:
    ``linspace(0, train_frames - 1)``. Each column ``c`` has its own rate ``10000 ** (-c / size)``, also
    the odd ones (cos), where the original transformer shares that of the even column before.
    """
    steps = torch.arange(num_frames, device=device, dtype=torch.float64)
    # no linspace, whose length would be a constant of an exported program; whole numbers for train_frames
    places = (steps * (train_frames - 1) / steps[-1:].clamp(min=1)).float()
    even = torch.arange(0, size, 2, device=device)
    return _interleave(places, 10000.0 ** (-even / size), 10000.0 ** (-(even + 1) / size))


def rotary_angles(num_frames: int, head_size: int, device: torch.device | str) -> Tensor:
    """Angles ``t * 10000 ** (-c / head_size)``, radians, float32 ``[num_frames, head_size / 2]``."""
    columns = torch.arange(0, head_size, 2, device=device)
    places = torch.arange(num_frames, device=device, dtype=torch.float32)
    return places[:, None] * 10000.0 ** (-columns / head_size)


def rotate(x: Tensor, angles: Tensor) -> Tensor:
    """Turn the column pairs of ``x`` ``[..., T, head_size]`` by ``angles`` ``[T, head_size / 2]``; dtype kept."""
    a, b = x.float().unflatten(-1, (-1, 2)).unbind(-1)  # [..., T, head_size / 2] each
    cos, sin = angles.cos(), angles.sin()
    return torch.stack([a * cos - b * sin, a * sin + b * cos], dim=-1).flatten(-2).to(x.dtype)


def _interleave(places: Tensor, sin_rates: Tensor, cos_rates: Tensor) -> Tensor:
    places = places.float()[:, None]
    # [T, size]
    return torch.stack([(places * sin_rates).sin(), (places * cos_rates).cos()], dim=-1).flatten(-2)
