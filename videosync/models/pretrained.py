"""Pretrained ResNet-50 weights as they are published: which files there are, and how their weights are named."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from videosync.errors import CheckpointError

FOLDER = "pretrained_models"  # inside --workdir


@dataclass(frozen=True)
class Published:
    """A file people download."""

    file: str
    origin: str


PRETRAINED: dict[str, Published] = {  # what model.weights may say → the file in FOLDER
    "byol": Published("BYOL_1000.pth", "BYOL, 1000 epochs on ImageNet; linked from the CARL repository's README"),
    "mocov2": Published(
        "moco_v2_200ep_pretrain.pth.tar", "MoCo v2, 200 epochs; linked from github.com/facebookresearch/moco"
    ),
    "simclr": Published("simclr_imagenet.ckpt", "SimCLR of Lightning Bolts; linked from its documentation"),
    "torchvision": Published(
        "resnet50-0676ba61.pth", "supervised ImageNet V1; https://download.pytorch.org/models/resnet50-0676ba61.pth"
    ),
    "torchvision_v2": Published(
        "resnet50-11ad3fa6.pth", "supervised ImageNet V2; https://download.pytorch.org/models/resnet50-11ad3fa6.pth"
    ),
    "dino": Published("dino_resnet50_pretrain.pth", "DINO on ImageNet; linked from github.com/facebookresearch/dino"),
}
# where a file keeps its weights; else they are the file
_HOLDERS = ("state_dict", "model_state", "model", "teacher")
_PREFIXES = (  # what stands before a backbone's names, the query or online network before its slow copy
    "module.encoder_q.",
    "encoder_q.",
    "module.encoder.",
    "online_network.encoder.",
    "encoder.",
    "module.backbone.",
    "backbone.",
    "module.",
    "",
)


TRAIN_WITHOUT = (
    "train without pretrained weights, by the model options weights='' and layer=0 (the whole backbone learns) or "
    "random_backbone=true (frozen stages stay random)"
)


def find_weights(
    name: str, workdir: Path, published: Mapping[str, Published] = PRETRAINED, *, without: str = TRAIN_WITHOUT
) -> Path:
    """The file that ``name`` stands for: a key of ``published``, or a path (inside ``workdir`` unless absolute).

    Raises:
        CheckpointError: it is not there; the message says where to get it and how to do ``without``.
    """
    if name in published:
        path = workdir / FOLDER / published[name].file
        where = f"put it there ({published[name].origin})"
    else:
        path = workdir / os.path.expanduser(name)
        if not path.is_file() and (workdir / FOLDER / name).is_file():
            path = workdir / FOLDER / name
        origin = next((p.origin for p in published.values() if p.file == path.name), "")
        known = ", ".join(published)
        where = f"put it there ({origin})" if origin else f"put the file there, or name one of {known}"
    if path.is_file():
        return path
    raise CheckpointError(f"backbone weights {path} do not exist: {where}; or {without}")


def backbone_weights(content: Any, path: Path, *, first: str = "conv1.weight") -> tuple[dict[str, Tensor], list[str]]:
    """The backbone's weights in a published file's ``content``, under torchvision's names, and what is left out.

    ``first``: a name that every file for this backbone holds, behind one of the known prefixes. Left out are
    classifiers and projection heads, momentum copies, optimizer states.

    Raises:
        CheckpointError: nothing in it looks like such a backbone.
    """
    nested = [content.get(key) for key in _HOLDERS] if isinstance(content, Mapping) else []
    for state in [*nested, content]:
        if not isinstance(state, Mapping):
            continue
        tensors = {name: value for name, value in state.items() if isinstance(value, Tensor)}
        for prefix in _PREFIXES:
            if prefix + first in tensors:
                found = {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}
                weights = {n: t for n, t in found.items() if not n.startswith("fc.")}
                others = {prefix + n for n in found if n not in weights}
                others |= {_group(n) for n in tensors if not n.startswith(prefix)}
                return weights, sorted(others)
    keys = ", ".join(map(str, list(content)[:5])) if isinstance(content, Mapping) else type(content).__name__
    raise CheckpointError(
        f"{path}: no weights of this backbone in it (it holds {keys}); expected '{first}' and the other names of a "
        "state dict as torchvision, timm, BYOL, MoCo, SimCLR (Lightning Bolts) and DINO have them"
    )


def _group(name: str) -> str:
    """The first two parts of a name: enough to recognise a momentum encoder or a head."""
    return ".".join(name.split(".")[:2])
