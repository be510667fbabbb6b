"""Load backbone weights, as published or of one's own, without skipping anything in silence."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import load_file
from torch import Tensor, nn

from videosync.errors import CheckpointError
from videosync.foreign import read_safetensors
from videosync.models.pickled import read_pickled
from videosync.models.pretrained import backbone_weights

logger = logging.getLogger(__name__)


def load_backbone_weights(backbone: nn.Module, path: str | Path) -> None:
    """Fill ``backbone`` with the weights in ``path``: .safetensors, or a file of tensors that torch wrote.

    Files of torchvision, timm, BYOL, MoCo, SimCLR and DINO are understood
    (:func:`videosync.models.pretrained.backbone_weights`). What a backbone does not have (classifier, heads,
    momentum copies) is left out, and the log says so. So is a missing ``num_batches_tracked``, which old
    files lack and nothing reads. Anything else that does not match raises CheckpointError, which names all
    missing, unexpected and differently shaped weights.
    """
    path = Path(path)
    wanted = backbone.state_dict()
    weights, left_out = backbone_weights(read_tensors(path), path, first=next(iter(wanted)))
    if left_out:
        logger.info("%s: left out %s, which the encoder does not use", path, ", ".join(left_out))
    counters = [n for n in wanted if n not in weights and n.endswith("num_batches_tracked")]
    problems = misfits({name: tensor for name, tensor in wanted.items() if name not in counters}, weights)
    if problems:
        raise CheckpointError(
            f"{path} does not fit the backbone ({problems}); "
            "expected a state dict with torchvision's parameter names for the backbone in use"
        )
    if counters:
        logger.info("%s: has no BatchNorm counters (num_batches_tracked); they stay as they are", path)
    backbone.load_state_dict({**{name: wanted[name] for name in counters}, **weights})


def misfits(wanted: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> str:
    """How ``given`` differs from the state dict that is ``wanted``, the first names of each kind; "" if it fits."""
    missing = [name for name in wanted if name not in given]
    unexpected = [name for name in given if name not in wanted]
    shapes = [
        f"{name} {list(given[name].shape)} instead of {list(wanted[name].shape)}"
        for name in wanted
        if name in given and given[name].shape != wanted[name].shape
    ]
    kinds = (("missing", missing), ("unexpected", unexpected), ("shape", shapes))
    return "; ".join(f"{label}: {_some(names)}" for label, names in kinds if names)


def read_tensors(path: Path) -> Any:
    """What a .safetensors file or one that torch wrote holds. Raises CheckpointError when it cannot be read."""
    if path.suffix != ".safetensors":
        return read_pickled(path)
    return read_safetensors(path, load_file)


def _some(names: list[str], limit: int = 5) -> str:
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more
