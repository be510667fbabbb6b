"""A copy of an encoder that embeds faster: convolutions fused with their BatchNorm, channels last, bf16."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from videosync.errors import require_known
from videosync.models.encoder import Encoder
from videosync.models.noise import NoiseEncoder

logger = logging.getLogger(__name__)

# bf16 embeddings have at least this cosine with those in float32, or are not used by default
TOLERANCE = 0.999
SMALL = 1_000_000  # weights; a network of fewer runs on one thread


@torch.no_grad()
def optimize_for_inference(encoder: Encoder | NoiseEncoder, *, precision: str = "auto") -> Encoder | NoiseEncoder:
    """A copy of ``encoder`` for embedding only, in evaluation mode, on the same device.

    ``precision`` is that of the backbone: "float32", "bf16", or "auto", which is bf16 where the processor
    computes in it natively and the embeddings of a few test pictures stay within ``TOLERANCE`` of float32.
    The embedder stays in float32. Raises ConfigError for another ``precision``.
    """
    require_known("precision", precision, ("auto", "float32", "bf16"))
    exact = copy.deepcopy(encoder).eval().requires_grad_(False)
    if isinstance(exact, NoiseEncoder):
        return exact
    device = next(exact.parameters()).device
    fuse_batch_norms(exact.backbone)
    exact.backbone.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if precision == "float32" or (precision == "auto" and not has_native_bf16(device)):
        logger.info("embedding in float32 on %s", device)
        return exact
    half = copy.deepcopy(exact)
    half.backbone.to(torch.bfloat16)
    if precision == "auto":
        cosine = _smallest_cosine(exact, half, device)
        if cosine < TOLERANCE:
            logger.warning(
                "embedding in float32: bf16 changes embeddings more than it may (cosine %.5f, expected %.3f)",
                cosine,
                TOLERANCE,
            )
            return exact
    logger.info("embedding with the backbone in bf16 on %s", device)
    return half


def _smallest_cosine(exact: Encoder, half: Encoder, device: torch.device) -> float:
    pictures = smooth_pictures(8, 96).to(device)[None]  # [1, T, 3, S, S]
    return float((exact(pictures) * half(pictures)).sum(-1).min())


def smooth_pictures(count: int, size: int) -> Tensor:
    """Random pictures without fine detail, float32 ``[count, 3, size, size]`` in 0 … 1; the same ones each time."""
    coarse = torch.rand(count, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    return F.interpolate(coarse, size=(size, size), mode="bilinear")


def has_native_bf16(device: torch.device | str) -> bool:
    """Whether bf16 is a gain on ``device``: CUDA GPUs that have it, CPUs with AVX-512 BF16 or AMX."""
    device = torch.device(device)
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type != "cpu":
        return False
    capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16"))


def fuse_batch_norms(network: nn.Module) -> None:
    """Fold each BatchNorm of an evaluation-mode network into the convolution before it, in place.

    Pairs are ``convN``/``bnN`` children, and neighbours in a Sequential.
    """
    for module in list(network.modules()):
        children = dict(module.named_children())
        if isinstance(module, nn.Sequential):
            names = list(children)
            pairs = list(pairwise(names))
        else:
            pairs = [(name, name.replace("conv", "bn")) for name in children if name.startswith("conv")]
        for conv_name, norm_name in pairs:
            conv, norm = children.get(conv_name), children.get(norm_name)
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                setattr(module, conv_name, fuse_conv_bn_eval(conv, norm))
                setattr(module, norm_name, nn.Identity())


@contextmanager
def threads_for(network: nn.Module) -> Iterator[None]:
    """A small network computes on one thread of the CPU: more would wait for each other, and for decoding, far longer
    than they compute. One without weights here has them in another engine, with threads of its own."""
    usual = torch.get_num_threads()
    weights = sum(one.numel() for one in network.parameters())
    torch.set_num_threads(1 if 0 < weights < SMALL else usual)
    try:
        yield
    finally:
        torch.set_num_threads(usual)
