"""Load backbone weights (torchvision's ImageNet files, for example) without skipping anything in silence."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from videosync.errors import CheckpointError

logger = logging.getLogger(__name__)


def load_backbone_weights(backbone: nn.Module, path: str | Path) -> None:
    """Fill ``backbone`` with the weights in ``path`` (.safetensors, or a .pth state dict of plain tensors).

    The classifier (``fc.*``), which a backbone does not have, is left out, and the log says so. So is a
    missing ``num_batches_tracked``, which old files lack and nothing reads. Anything else that does not
    match raises CheckpointError, which names all missing, unexpected and differently shaped weights.
    """
    path = Path(path)
    weights = _read(path)
    classifier = [name for name in weights if name.startswith("fc.")]
    weights = {name: tensor for name, tensor in weights.items() if name not in classifier}
    if classifier:
        logger.info(
            "%s: left out the classifier (%s), which the encoder does not use", path, ", ".join(classifier)
        )

    wanted = backbone.state_dict()
    counters = [n for n in wanted if n not in weights and n.endswith("num_batches_tracked")]
    problems = misfits({name: tensor for name, tensor in wanted.items() if name not in counters}, weights)
    if problems:
        raise CheckpointError(
            f"{path} does not fit the backbone ({problems}); "
            "expected a state dict with torchvision's parameter names for the model.backbone in use"
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


def _read(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise CheckpointError(
            f"backbone weights {path} do not exist; put the file there or set model.weights"
        )
    if path.suffix not in (".safetensors", ".pth", ".pt"):
        raise CheckpointError(f"backbone weights {path}: expected a .safetensors, .pth or .pt file")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise CheckpointError(
            f"backbone weights {path} cannot be read ({reason}); expected plain tensors"
        ) from error
    if not isinstance(weights, dict) or not all(isinstance(value, Tensor) for value in weights.values()):
        raise CheckpointError(
            f"backbone weights {path}: expected one state dict {{name: tensor}} and nothing else"
        )
    return weights


def _some(names: list[str], limit: int = 5) -> str:
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more
