"""Training on cached features: which cache belongs to an encoder and a dataset, and how all ranks fill it."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor, nn

from videosync.config.schema import Config
from videosync.data.backbone_cache import FeatureCache, feature_key
from videosync.data.identity import code_hash
from videosync.data.samples import Manifest
from videosync.engine.distributed import Distributed
from videosync.engine.held_out import TRAIN_SPLIT
from videosync.engine.trainer import PRECISIONS
from videosync.models.encoder import Encoder
from videosync.video.transforms import ClipAugment

FOLDER = "feature_cache"  # inside --workdir


def fill_feature_cache(
    config: Config,
    manifest: Manifest,
    encoder: nn.Module,
    augment: ClipAugment | None,
    workdir: Path,
    distributed: Distributed,
) -> FeatureCache:
    """The complete cache of the train split: what is missing is computed now, each rank its share of the videos.

    Raises:
        ConfigError: several copies without augmentation.
        VideoError: a file cannot be read.
    """
    assert isinstance(encoder, Encoder)
    device, dtype = distributed.device, PRECISIONS[config.train.precision]
    if config.data.feature_cache == 1:
        augment = None
    parts = {
        "backbone": weights_hash(encoder.backbone),
        "input": config.model.input,
        "image_size": config.data.image_size,
        "augment": asdict(config.augment) if augment is not None else None,
        "copies": config.data.feature_cache,
        "seed": config.train.seed,
        "precision": config.train.precision,
        "code": code_hash("data/datasets.py", "data/backbone_cache.py", "models", "video"),
    }
    cache = FeatureCache(workdir / FOLDER, feature_key(**parts), copies=config.data.feature_cache)
    views = [view for sample in manifest.of_split(TRAIN_SPLIT) for view in sample.views]
    if distributed.together(lambda: cache.has(manifest, views)):
        return cache

    def encode(frames: Tensor, context: int) -> Tensor:
        with torch.autocast(device.type, dtype=dtype, enabled=dtype != torch.float32):
            return encoder.backbone_features(frames[None].to(device), context)[0]  # [n, F]

    encoder.eval()
    distributed.together(
        lambda: cache.build(
            manifest,
            views,
            encode,
            image_size=config.data.image_size,
            augment=augment,
            context=encoder.context,
            seed=config.train.seed,
            rank=distributed.rank,
            world_size=distributed.world_size,
            show_progress=distributed.is_main,
        )
    )
    if distributed.is_main:
        cache.finish(manifest, views, parts)
    distributed.barrier()
    return cache


def weights_hash(module: nn.Module) -> str:
    """sha256 over names and values of a module's parameters and buffers."""
    digest = hashlib.sha256()
    for name, value in module.state_dict().items():
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
