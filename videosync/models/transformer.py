"""The part after the backbone: frame features of a clip → embeddings that know the clip (CARL, section 3.2)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from videosync.errors import ConfigError, require_known
from videosync.models.options import ModelOptions
from videosync.models.positions import POSITIONS, rotary_angles, rotate, sinusoidal_positions, stretched_positions
from videosync.models.temporal import TemporalBlock, TemporalFilter, over_clip


def on_real_frames(function: Callable[[Tensor], Tensor], x: Tensor, mask: Tensor | None) -> Tensor:
    """Apply ``function`` ``[n, C] → [n, C']`` to the real frames of ``x`` ``[B, T, C]`` alone; zeros elsewhere.

    BatchNorm inside ``function`` therefore never sees padding.
    """
    if mask is None:
        return function(x.flatten(0, 1)).unflatten(0, x.shape[:2])  # [B, T, C']
    real = function(x[mask])  # [n, C']
    out = real.new_zeros(*x.shape[:2], real.shape[-1])
    return out.masked_scatter(mask[..., None], real)


class SelfAttention(nn.Module):
    """Multi-head self-attention over the real frames of a clip, optionally with rotary positions."""

    def __init__(self, *, size: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.dropout = dropout
        self.query = nn.Linear(size, size)
        self.key = nn.Linear(size, size)
        self.value = nn.Linear(size, size)
        self.out = nn.Linear(size, size)

    def forward(self, x: Tensor, attend: Tensor | None, angles: Tensor | None) -> Tensor:
        def split(linear: nn.Linear) -> Tensor:
            return linear(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)  # [B, heads, T, size / heads]

        query, key, value = split(self.query), split(self.key), split(self.value)
        if angles is not None:
            query, key = rotate(query, angles), rotate(key, angles)
        attended = F.scaled_dot_product_attention(
            query, key, value, attn_mask=attend, dropout_p=self.dropout if self.training else 0.0
        )
        return self.out(attended.transpose(1, 2).flatten(2))  # [B, T, size]


class TransformerLayer(nn.Module):
    """Pre-norm transformer layer with a ReLU feed-forward network."""

    def __init__(self, *, size: int, heads: int, ff_size: int, dropout: float) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(size)
        self.attention = SelfAttention(size=size, heads=heads, dropout=dropout)
        self.ff_norm = nn.LayerNorm(size)
        self.ff = nn.Sequential(
            nn.Linear(size, ff_size), nn.ReLU(inplace=True), nn.Dropout(dropout), nn.Linear(ff_size, size)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, attend: Tensor | None, angles: Tensor | None) -> Tensor:
        x = x + self.dropout(self.attention(self.attention_norm(x), attend, angles))
        return x + self.dropout(self.ff(self.ff_norm(x)))


class TransformerEmbedder(nn.Module):
    """Frame features ``[B, T, F]`` → embeddings ``[B, T, D]`` (not normalised).

    Temporal filter (``temporal_kernel`` > 0) and standardisation over the clip (``clip_norm``; neither is in CARL)
    → ``fc_layers`` × (Dropout, Linear, BatchNorm, ReLU) → Linear → ``temporal_layers`` × TemporalBlock (not in CARL)
    → positions → ``layers`` transformer layers → Linear. ``train_frames`` is the length of the training clips, which
    ``stretched`` positions need. Raises ConfigError for sizes that do not fit each other.
    """

    def __init__(self, options: ModelOptions, *, feature_size: int, train_frames: int) -> None:
        super().__init__()
        hidden, kernel = options.hidden_size, options.temporal_kernel
        _check(hidden, options.heads, options.positions)
        self.positions = options.positions
        self.train_frames = train_frames
        self.temporal = TemporalFilter(size=feature_size, kernel=kernel) if kernel else None
        self.clip_norm = options.clip_norm
        modules: list[nn.Module] = []
        size = feature_size
        for _ in range(options.fc_layers):
            modules += [
                nn.Dropout(options.dropout),
                nn.Linear(size, options.fc_size),
                nn.BatchNorm1d(options.fc_size),
                nn.ReLU(inplace=True),
            ]
            size = options.fc_size
        self.fc_layers = nn.Sequential(*modules)
        self.to_hidden = nn.Linear(size, hidden)
        self.temporal_layers = nn.ModuleList(
            TemporalBlock(size=hidden, dilation=2**place) for place in range(options.temporal_layers)
        )
        self.dropout = nn.Dropout(options.dropout)
        self.layers = nn.ModuleList(
            TransformerLayer(size=hidden, heads=options.heads, ff_size=options.ff_size, dropout=options.dropout)
            for _ in range(options.layers)
        )
        self.to_embedding = nn.Linear(hidden, options.embedding_size)
        self.head_size = hidden // options.heads

    def forward(self, features: Tensor, mask: Tensor | None = None, places: Tensor | None = None) -> Tensor:
        """``mask`` bool ``[B, T]``: frames where it is False change nothing in the others' embeddings.

        ``places`` int64 ``[T]``: the frame whose position each frame is told; its own if None.
        """
        if self.temporal is not None:
            features = self.temporal(features, mask)
        if self.clip_norm:
            features = over_clip(features, mask)
        # [B, T, hidden]
        x = on_real_frames(lambda real: self.to_hidden(self.fc_layers(real)), features, mask)
        for block in self.temporal_layers:
            x = block(x, mask)
        frames, size = x.shape[1:]
        angles = None
        if self.positions == "stretched":
            x = x + _placed(stretched_positions(frames, self.train_frames, size, x.device), places)
        elif self.positions == "plain":
            x = x + _placed(sinusoidal_positions(torch.arange(frames, device=x.device), size), places)
        elif self.positions == "rotary":
            angles = _placed(rotary_angles(frames, self.head_size, x.device), places)
        x = self.dropout(x)
        attend = None
        if mask is not None:
            # a clip without any real frame attends to all of them: unread, but it must not be NaN
            attend = (mask | ~mask.any(-1, keepdim=True))[:, None, None, :]  # [B, heads, query, key]
        for layer in self.layers:
            x = layer(x, attend, angles)
        return self.to_embedding(x)  # [B, T, D]


def _placed(codes: Tensor, places: Tensor | None) -> Tensor:
    """Codes ``[T, …]`` of the places that frames are told they have."""
    return codes if places is None else codes[places]


def _check(hidden_size: int, heads: int, positions: str) -> None:
    require_known("positions", positions, POSITIONS)
    if hidden_size % heads:
        raise ConfigError(f"hidden_size ({hidden_size}) must be a multiple of heads ({heads})")
    if positions in ("stretched", "plain") and hidden_size % 2:
        raise ConfigError(f"hidden_size ({hidden_size}) must be even for positions '{positions}'")
    if positions == "rotary" and (hidden_size // heads) % 2:
        raise ConfigError(f"hidden_size / heads ({hidden_size} / {heads}) must be even for positions 'rotary'")
