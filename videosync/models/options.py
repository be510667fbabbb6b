"""What a network may be told: the options ``model.*`` and ``crisscross.*``, and the backbones by name.

Nothing here imports torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from videosync.option import option

# name → where it is made, without arguments (``module:callable``); a new one is a file and a line here
BACKBONES: dict[str, str] = {
    "resnet50": "videosync.models.resnet:resnet50",
    "resnet34": "videosync.models.resnet:resnet34",
    "resnet18": "videosync.models.resnet:resnet18",
    "small": "videosync.models.small:SmallConvNet",
}

# fmt: off


@dataclass(frozen=True)
class ModelOptions:
    """The encoder: backbone, transformer, heads."""

    name: Literal["encoder", "noise", "crisscross"] = option(
        "encoder", '"noise": random embeddings, the leak control; "crisscross": pictures and sound (crisscross.*)'
    )
    backbone: str = option("resnet50", "turns a frame into features", choices=BACKBONES)
    input: Literal["rgb", "motion"] = option("rgb", "what a backbone sees: the frame, or log frame differences")
    weights: str = option("", "of the backbone: byol, mocov2, simclr, dino, torchvision, or a file inside --workdir")
    random_backbone: bool = option(False, "allow frozen stages without pretrained weights")
    layer: int = option(3, "stages 1 ... layer are frozen (4: all; 0: none)", "[0, 4]")
    chunk_size: int = option(64, "frames that go through the backbone at once", "[1, inf)")
    temporal_kernel: int = option(0, "frames a learned filter over time of each feature spans; 0: none", "[0, inf)")
    clip_norm: bool = option(False, "each feature gets mean 0 and deviation 1 over its clip, behind that filter")
    fc_layers: int = option(2, "fully connected layers behind the pooled backbone features", "[0, inf)")
    fc_size: int = option(512, "their width", "[1, inf)")
    dropout: float = option(0.1, "of the fully connected layers and the transformer", "[0, 1)")
    hidden_size: int = option(256, "width of the transformer", "[1, inf)")
    positions: Literal["stretched", "plain", "rotary", "none"] = option("stretched", "how a frame knows its place")
    temporal_layers: int = option(0, "blocks of dilated convolutions before the transformer; 0: none", "[0, inf)")
    layers: int = option(3, "of the transformer; 0: none", "[0, inf)")
    heads: int = option(8, "of its attention", "[1, inf)")
    ff_size: int = option(1024, "width of its feed-forward part", "[1, inf)")
    embedding_size: int = option(128, "size of a frame's embedding", "[1, inf)")
    projection_size: int = option(512, "scl: hidden size of the loss's projection head; 0: no head", "[0, inf)")
    num_classes: int = option(0, "classification: how many; 0: as the frame labels of the train split say", "[0, inf)")


@dataclass(frozen=True)
class CrissCrossOptions:
    """The two-stream network that learns from pictures and sound (``model.name`` crisscross)."""

    width: int = option(64, "channels of both stems; the features are 8 times as many", "[1, inf)")
    projection_size: int = option(2048, "of both projectors: width and output", "[1, inf)")
    prediction_size: int = option(512, "hidden width of both predictors", "[1, inf)")
    normalise_clip: bool = option(False, "each video clip loses its mean over time and gets unit contrast first")
    video_weights: str = option("", "start from: kinetics_sound, kinetics400, audioset, or a file inside --workdir")
    audio_weights: str = option("", "the same for the audio backbone")
