"""The range of every number among the options."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Any

from videosync.config.schema import Config
from videosync.files import shown

_AT_LEAST: dict[str, float] = {  # smallest value allowed
    "data.image_size": 16,
    "data.num_frames": 2,
    "data.sampling_region": 1,
    "data.samples_per_video": 1,
    "data.num_workers": 0,
    "data.feature_cache": 0,
    "augment.brightness": 0,
    "augment.contrast": 0,
    "augment.saturation": 0,
    "pairs.num_frames": 2,
    "pairs.max_offset": 0,
    "pairs.windows_train": 1,
    "pairs.windows_val": 1,
    "pairs.seed": 0,
    "model.layer": 0,
    "model.chunk_size": 1,
    "model.fc_layers": 0,
    "model.fc_size": 1,
    "model.hidden_size": 1,
    "model.layers": 0,
    "model.heads": 1,
    "model.ff_size": 1,
    "model.embedding_size": 1,
    "model.projection_size": 0,
    "model.num_classes": 0,
    "model.temporal_kernel": 0,
    "model.temporal_layers": 0,
    "loss.lag_weight": 0,
    "loss.log_epsilon": 0,
    "loss.variance_lambda": 0,
    "loss.tcn_window": 0,
    "loss.reg_lambda": 0,
    "optim.weight_decay": 0,
    "optim.warmup_epochs": 0,
    "optim.grad_clip": 0,
    "optim.accumulate": 1,
    "train.epochs": 1,
    "train.batch_size": 1,
    "train.seed": 0,
    "train.eval_every": 0,
    "train.eval_pairs": 0,
    "train.eval_batches": 0,
    "train.save_every": 0,
    "train.max_steps": 0,
    "eval.pictures": 0,
    "eval.bootstrap": 0,
    "eval.max_frames": 0,
    "eval.tau_stride": 1,
    "detector.seed": 0,
    "detector.mlp_epochs": 1,
    "detector.cnn_epochs": 1,
    "detector.cnn_batch_size": 1,
    "detector.equivariant_epochs": 1,
    "detector.equivariant_batch_size": 1,
    "detector.patience": 1,
    "log.every": 1,
}
_LARGEST = 2**31 - 1  # of every other whole number: sizes and counts
_AT_MOST: dict[str, int] = {
    "train.seed": 2**63 - 1,  # torch's generators; rank r adds r
    "pairs.seed": 2**63 - 1,
    "detector.seed": 2**32 - 1,  # scikit-learn's
}
_ABOVE_ZERO = (
    "loss.temperature",
    "loss.label_variance",
    "loss.huber_delta",
    "data.label_fraction",
    "optim.lr",
    "similarity.temperature",
    "detector.log_reg_c",
    "detector.svm_c",
    "detector.cnn_lr",
    "detector.equivariant_lr",
    "augment.crop_scale",
)
_SHARES: dict[str, str] = {  # 0 … 1: "[]" both ends belong, "[)" 1 does not, "()" neither
    "data.cross_share": "[]",
    "data.label_fraction": "[]",
    "data.consistent_offset": "[]",
    "augment.crop_scale": "[]",
    "augment.flip": "[]",
    "augment.color_prob": "[]",
    "augment.gray_prob": "[]",
    "augment.blur_prob": "[]",
    "model.dropout": "[)",
    "loss.label_smoothing": "[)",
    "train.holdout": "[)",
    "detector.holdout": "()",
    "detector.cnn_dropout": "[)",
}


def range_problems(config: Config) -> list[str]:
    """One sentence for each number out of its range."""
    problems = []
    for section in fields(config):
        group = getattr(config, section.name)
        for option in fields(group):
            key, value = f"{section.name}.{option.name}", getattr(group, option.name)
            if any(isinstance(v, float) and not math.isfinite(v) for v in _each(value)):
                problems.append(f"{key} is {value}; expected a finite number.")
            elif any(isinstance(v, int) and v > _AT_MOST.get(key, _LARGEST) for v in _each(value)):
                problems.append(f"{key} is {shown(value)}; expected at most {_AT_MOST.get(key, _LARGEST)}.")
            elif key in _AT_LEAST and value < _AT_LEAST[key]:
                problems.append(f"{key} is {value}; expected {_AT_LEAST[key]} or more.")
            elif key in _ABOVE_ZERO and value <= 0:
                problems.append(f"{key} is {value}; expected a number above 0.")
            elif key in _SHARES and not _inside(value, _SHARES[key]):
                low = "0" if _SHARES[key][0] == "[" else "above 0"
                high = "1" if _SHARES[key][1] == "]" else "below 1"
                problems.append(f"{key} is {value}; expected a share from {low} to {high}.")
    if not 0 <= config.augment.hue <= 0.5:
        problems.append(f"augment.hue is {config.augment.hue}; expected 0 … 0.5 of the full circle.")
    return problems


def _each(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _inside(value: float, ends: str) -> bool:
    return (value >= 0 if ends[0] == "[" else value > 0) and (value <= 1 if ends[1] == "]" else value < 1)
