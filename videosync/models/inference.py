"""A copy of an encoder that embeds faster: convolutions fused with their BatchNorm, channels last, bf16."""

from __future__ import annotations

import copy
import logging
from itertools import pairwise

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from videosync.errors import ConfigError
from videosync.models.encoder import Encoder
from videosync.models.noise import NoiseEncoder

logger = logging.getLogger(__name__)


def optimize_for_inference(
    encoder: Encoder | NoiseEncoder, *, precision: str = "auto"
) -> Encoder | NoiseEncoder:
    """A copy of ``encoder`` for embedding only, in evaluation mode, on the same device.

    ``precision`` is that of the backbone: "float32", "bf16", or "auto", which is bf16 where the processor
    computes in it natively. The embedder stays in float32. Raises ConfigError for another ``precision``.
    """
    if precision not in ("auto", "float32", "bf16"):
        raise ConfigError(f"eval.precision '{precision}' is unknown: expected one of auto, float32, bf16")
    fast = copy.deepcopy(encoder).eval().requires_grad_(False)
    if isinstance(fast, NoiseEncoder):
        return fast
    device = next(fast.parameters()).device
    if precision == "auto":
        precision = "bf16" if has_native_bf16(device) else "float32"
    fuse_batch_norms(fast.backbone)
    fast.backbone.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if precision == "bf16":
        fast.backbone.to(torch.bfloat16)
    logger.info("embedding with the backbone in %s on %s", precision, device)
    return fast


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
