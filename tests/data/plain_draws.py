"""Draws of training views with the options that most tests want."""

from __future__ import annotations

from typing import Any

from videosync.data.draws import ClipDraws
from videosync.data.manifest import Manifest

OPTIONS: dict[str, Any] = {
    "num_frames": 12,
    "views": "self",
    "cross_share": 0.5,
    "sampling_region": 1.5,
    "consistent_offset": 0.2,
    "samples_per_video": 1,
    "seed": 0,
}


def plain_draws(manifest: Manifest, split: str = "train", **options: Any) -> ClipDraws:
    return ClipDraws(manifest, split, **{**OPTIONS, **options})
