"""The rows of the encoder ablation: what each changes against the first one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

BASE = "crossview"
CARL_EMBEDDER = {
    "model.temporal_kernel": 0,
    "model.clip_norm": False,
    "model.temporal_layers": 0,
    "model.positions": "stretched",
    "model.layers": 3,
    "model.heads": 4,
    "model.ff_size": 128,
}
BIG = {"model.chunk_size": 32, "train.precision": "bf16"}
RESNET50 = {"model.backbone": "resnet50", "model.layer": 3, "model.random_backbone": True, **BIG}


@dataclass(frozen=True)
class Row:
    """One line of the table: what is different in words and in options, and its share of the first row's effort."""

    about: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    effort: float = 1.0  # training steps, as a share of the base row's (large backbones get fewer); 0: one, of size 0
    events: float = 1.0  # train events, as a share of --events
    seeds: int = 1  # how many of --seeds are run (0: all)


ROWS: dict[str, Row] = {
    BASE: Row("configs/crossview_config.yml at this scale", seeds=0),
    "untrained": Row("the first row's first weights", effort=0, seeds=0),
    "positions-stretched": Row("an absolute position code is added", {"model.positions": "stretched"}),
    "carl-embedder": Row("CARL's: stretched positions, 3 transformer layers, no local context", CARL_EMBEDDER),
    "carl-no-positions": Row("the same without positions", {**CARL_EMBEDDER, "model.positions": "none"}),
    "single-view": Row("both views from one camera, cropped differently", {"data.views": "self"}),
    "rgb": Row("sees the frames, not their differences", {"model.input": "rgb"}),
    "same-crop": Row("hardly any crop (share of the area 0.95)", {"augment.crop_scale": 0.95}),
    "small-crop": Row("crops down to a share of 0.2 of the area", {"augment.crop_scale": 0.2}),
    "no-augmentation": Row("no crops, flips, changes of colour or blur", {"augment.enabled": False}),
    "temperature-0.05": Row("of loss and read-out", {"loss.temperature": 0.05}),
    "temperature-1": Row("of loss and read-out", {"loss.temperature": 1.0}),
    "scl-only": Row("no loss over lags", {"loss.lag_weight": 0.0}),
    "no-local-context": Row(
        "no filter over time, no blocks over time", {"model.temporal_kernel": 0, "model.temporal_layers": 0}
    ),
    "no-clip-norm": Row("features keep their size", {"model.clip_norm": False}),
    "quarter-events": Row("a quarter of the train events, as many steps", events=0.25),
    "thrice-events": Row("three times the train events, as many steps", events=3.0),
    "resnet18": Row("ResNet-18 from scratch, fewer steps", {"model.backbone": "resnet18", **BIG}, effort=0.3),
    "resnet50": Row("ResNet-50, random and frozen to layer 3, fewer steps", RESNET50, effort=0.3),
}
