"""The rows of the encoder ablation: what each changes against the first one, and how its matrices are read."""

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


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        about: what is different, in words.
        changes: options on top of the base row's.
        effort: training steps, as a share of the base row's (large backbones get fewer).
        events: train events, as a share of ``--events``.
        temperature: of the read-out.
        rows_only: the read-out looks at the row softmax of one direction, as the paper's does.
        seeds: how many of ``--seeds`` are run (0: all).
        trained: False: the first weights are measured, nothing is trained.
    """

    about: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    effort: float = 1.0
    events: float = 1.0
    temperature: float = 0.2
    rows_only: bool = False
    seeds: int = 1
    trained: bool = True


PAPER = {
    "model.backbone": "resnet50",
    "model.input": "rgb",
    "model.layer": 3,
    "model.random_backbone": True,
    **CARL_EMBEDDER,
    "model.heads": 8,
    "model.fc_layers": 2,
    "model.fc_size": 512,
    "model.dropout": 0.1,
    "model.hidden_size": 256,
    "model.ff_size": 1024,
    "model.embedding_size": 128,
    "model.projection_size": 512,
    "data.views": "self",
    "data.sampling_region": 1.5,
    "data.consistent_offset": 0.2,
    "augment.crop_scale": 0.4,
    "loss.temperature": 0.1,
    "loss.label_variance": 10.0,
    "loss.lag_weight": 0.0,
    "optim.name": "adam",
    "optim.lr": 1e-4,
}
BIG = {"model.chunk_size": 32, "train.precision": "bf16"}

ROWS: dict[str, Row] = {
    BASE: Row("configs/crossview_config.yml at this scale", seeds=0),
    "positions-stretched": Row("an absolute position code is added", {"model.positions": "stretched"}),
    "carl-embedder": Row(
        "CARL's embedder: stretched positions and 3 transformer layers, no filter over time, no local context",
        CARL_EMBEDDER,
    ),
    "carl-embedder-no-positions": Row(
        "the same without positions", {**CARL_EMBEDDER, "model.positions": "none"}
    ),
    "single-view": Row("both views from one camera, cropped differently", {"data.views": "self"}),
    "rgb": Row("sees the frames, not their differences", {"model.input": "rgb"}),
    "same-crop": Row("hardly any crop (share of the area 0.95)", {"augment.crop_scale": 0.95}),
    "small-crop": Row("crops down to a share of 0.2 of the area", {"augment.crop_scale": 0.2}),
    "no-augmentation": Row(
        "no crops, flips, changes of colour or blur", {"augment.enabled": False, "augment.crop_scale": 0.4}
    ),
    "temperature-0.05": Row("of loss and read-out", {"loss.temperature": 0.05}, temperature=0.05),
    "temperature-1": Row("of loss and read-out", {"loss.temperature": 1.0}, temperature=1.0),
    "scl-only": Row("no loss over lags", {"loss.lag_weight": 0.0}),
    "no-local-context": Row(
        "no filter over time, no blocks over time", {"model.temporal_kernel": 0, "model.temporal_layers": 0}
    ),
    "no-clip-norm": Row("features keep their size", {"model.clip_norm": False}),
    "quarter-events": Row("a quarter of the train events, as many steps", events=0.25),
    "thrice-events": Row("three times the train events, as many steps", events=3.0),
    "resnet18": Row("ResNet-18 from scratch, fewer steps", {"model.backbone": "resnet18", **BIG}, effort=0.3),
    "resnet50": Row(
        "ResNet-50, random and frozen to layer 3, fewer steps",
        {"model.backbone": "resnet50", "model.layer": 3, "model.random_backbone": True, **BIG},
        effort=0.3,
    ),
    "paper": Row(
        "the paper's options at this scale, without its pretrained weights: single-view SCL, RGB, ResNet-50 (random, "
        "frozen to layer 3), stretched positions, rows only, temperature 1; not the paper's result",
        {**PAPER, **BIG},
        effort=0.3,
        temperature=1.0,
        rows_only=True,
    ),
    "untrained": Row("the base row's first weights", trained=False, seeds=0),
    "untrained-paper": Row(
        "the paper row's first weights", {**PAPER, **BIG}, temperature=1.0, rows_only=True, trained=False
    ),
}
