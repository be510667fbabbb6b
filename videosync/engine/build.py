"""From a checked configuration to objects: the only place that knows both."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn
from torch.utils.data import DataLoader, Subset

from videosync.config.load import config_to_dict
from videosync.config.schema import Config
from videosync.data.backbone_cache import CachedClips, FeatureCache
from videosync.data.datasets import TrainingClips, collate
from videosync.data.decoded import DecodedFiles
from videosync.data.draws import ClipDraws
from videosync.data.labelled import FrameLabels, labelled_views
from videosync.data.loaders import training_loader
from videosync.data.manifest import read_manifest, require_usable
from videosync.data.pairs import sync_pairs
from videosync.data.samples import Manifest
from videosync.engine.batches import BatchSource, choose_prefetch
from videosync.engine.distributed import Distributed
from videosync.engine.encoders import start_from
from videosync.engine.feature_cache import fill_feature_cache
from videosync.engine.held_out import TRAIN_SPLIT, data_facts, split_train_events
from videosync.engine.losses import build_loss
from videosync.engine.reports import content_hash
from videosync.engine.signals import shield_workers
from videosync.engine.trainer import PRECISIONS, Trainer
from videosync.engine.validation import EXPECTED_ERROR, HeldOutValidator, Validator
from videosync.errors import ConfigError, ManifestError
from videosync.losses.objective import Objective
from videosync.models.encoder import Encoder
from videosync.models.encoder import build_encoder as encoder_from_options
from videosync.models.noise import NoiseEncoder
from videosync.models.staged import STAGES
from videosync.offset.methods import PREDICTORS
from videosync.types import SyncPair
from videosync.video.transforms import ClipAugment

VALIDATION_METHODS = ("median", "diagonal")  # label-free, and quick

Item = TypeVar("Item")


def build_encoder(config: Config, workdir: Path) -> Encoder | NoiseEncoder:
    """The encoder that ``config.model`` describes, with the backbone weights it names."""
    options = config.model
    if config.train.start_from and not options.weights:
        options = replace(options, random_backbone=True)  # until the weights of train.start_from are there
    return encoder_from_options(options, num_frames=config.data.num_frames, workdir=workdir)


def build_manifest(config: Config, workdir: Path, split: str) -> Manifest:
    """The manifest of ``data.dataset``, with nothing in two splits and every file of ``split`` in its place."""
    if not config.data.dataset:
        raise ConfigError(
            "data.dataset is empty; name the dataset folder inside --workdir, as in '--opts data.dataset my_videos'"
        )
    manifest = read_manifest(workdir / config.data.dataset)
    require_usable(manifest, split)
    return manifest


def build_pairs(config: Config, workdir: Path, split: str) -> list[SyncPair]:
    """The sync pairs of a split, as ``config.pairs`` says."""
    return pairs_of(config, build_manifest(config, workdir, split), split)


def pairs_of(config: Config, manifest: Manifest, split: str) -> list[SyncPair]:
    windows = config.pairs.windows_train if split == TRAIN_SPLIT else config.pairs.windows_val
    return sync_pairs(
        manifest,
        split,
        num_frames=config.pairs.num_frames,
        max_offset=config.pairs.max_offset,
        placement=config.pairs.placement,
        windows=windows,
        seed=config.pairs.seed,
    )


def matrix_options(config: Config) -> dict[str, Any]:
    """Keywords of :func:`videosync.evaluation.sync.iter_pair_matrices`."""
    matching = config.similarity
    return {"image_size": config.data.image_size, "metric": matching.metric, "temperature": matching.temperature}


def build_trainer(config: Config, *, workdir: Path, logdir: Path, distributed: Distributed) -> Trainer:
    """Everything a training run needs, ready to start at step 0. Writes nothing but the feature cache.

    ``config`` is one whose heads are settled (:func:`videosync.engine.losses.settle_heads`).

    Raises:
        CheckpointError: the backbone weights are missing or do not fit.
        ConfigError: options that do not fit the data (a batch larger than an epoch, …).
        ManifestError: the dataset is missing, malformed, or has nothing to train on.
    """
    loss = build_loss(config)

    def read_data_and_weights() -> tuple[Manifest, Manifest, Manifest, nn.Module, list[str]]:
        manifest = build_manifest(config, workdir, TRAIN_SPLIT)
        if loss.labels:
            manifest = labelled_views(manifest, TRAIN_SPLIT)
        first = build_encoder(config, workdir)
        # of a resumed run too: features are cached with the frozen backbone before the checkpoint is read
        remarks = start_from(first, Path(config.train.start_from)) if config.train.start_from else []
        if config.train.recompute and config.model.layer == STAGES:
            remarks.append(
                f"train.recompute changes nothing: model.layer {STAGES} freezes the whole backbone, so that nothing of "
                "it is kept for the backward pass anyway"
            )
        return (manifest, *split_train_events(config, manifest), place_encoder(first, config, distributed), remarks)

    manifest, train, held_out, encoder, remarks = distributed.together(read_data_and_weights)
    augment, cache = build_augment(config), None
    if config.data.feature_cache:
        cache = fill_feature_cache(config, manifest, encoder, augment, workdir, distributed)
    size = batch_bytes(config, encoder, distributed.world_size)
    prefetch = choose_prefetch(size, config.data.num_workers, distributed)

    def read_clips() -> tuple[BatchSource, list[str], Validator]:
        if config.data.num_workers > 0:
            shield_workers()
        clips = build_clips(config, train, cache, augment, loss.labels)
        source = build_source(config, clips, distributed, prefetch)
        return source, clips.draws.warnings(), build_validator(config, held_out, cache, distributed, loss)

    source, warnings, validator = distributed.together(read_clips)
    return Trainer(
        encoder=encoder,
        loss=loss,
        source=source,
        validator=validator,
        distributed=distributed,
        logdir=logdir,
        train=config.train,
        optim=config.optim,
        settings=config_to_dict(config),
        remarks=[*remarks, *warnings],
        data=data_facts(train),
    )


def place_encoder(encoder: nn.Module, config: Config, distributed: Distributed) -> nn.Module:
    """``encoder`` on its device, in its memory format, with synchronised batch norm over several GPUs."""
    if distributed.world_size > 1 and distributed.device.type == "cuda":  # it refuses CPU modules
        encoder = nn.SyncBatchNorm.convert_sync_batchnorm(encoder)
    encoder = encoder.to(device=distributed.device)
    if isinstance(encoder, Encoder):
        encoder.backbone.recompute = config.train.recompute
        encoder.backbone.batch_statistics = config.train.batch_statistics
    formats = {4: torch.channels_last, 5: torch.channels_last_3d} if config.train.channels_last else {}
    for parameter in encoder.parameters():
        if memory_format := formats.get(parameter.dim()):
            # unlike contiguous(), this gives 1 x 1 kernels the strides that their gradients have
            parameter.data = parameter.data.to(memory_format=memory_format)
    return encoder


def build_augment(config: Config) -> ClipAugment | None:
    if not config.augment.enabled:
        return None
    return ClipAugment(config.data.image_size, **{k: v for k, v in vars(config.augment).items() if k != "enabled"})


def decoded_files(config: Config) -> DecodedFiles:
    """What reads the files of clips, for ``config``."""
    return DecodedFiles(Path(config.paths.decoded) if config.paths.decoded else None)


def build_clips(
    config: Config, manifest: Manifest, cache: FeatureCache | None, augment: ClipAugment | None, labels: bool
) -> TrainingClips | CachedClips:
    """View pairs of the train split of ``manifest``: decoded and augmented, or read from ``cache``."""
    draws = ClipDraws(
        manifest,
        TRAIN_SPLIT,
        num_frames=config.data.num_frames,
        views=config.data.views,
        cross_share=config.data.cross_share,
        sampling_region=config.data.sampling_region,
        sampling_block=config.data.sampling_block,
        consistent_offset=config.data.consistent_offset,
        samples_per_video=config.data.samples_per_video,
        seed=config.train.seed,
        labels=FrameLabels(manifest) if labels else None,
    )
    if cache is not None:
        return CachedClips(cache, draws)
    return TrainingClips(draws, image_size=config.data.image_size, augment=augment, files=decoded_files(config))


def batch_bytes(config: Config, encoder: nn.Module, world_size: int) -> int:
    """Of one rank's batch: float32 [B, V, T, F] or uint8 [B, V, T, 3, S, S]."""
    features: Any = encoder.feature_size
    frame = 4 * features if config.data.feature_cache else 3 * config.data.image_size**2
    return int(config.train.batch_size // world_size * 2 * config.data.num_frames * frame)


def build_source(
    config: Config, clips: TrainingClips | CachedClips, distributed: Distributed, prefetch: int
) -> BatchSource:
    """The training batches of this rank, of which each worker may have ``prefetch`` ready."""
    if config.data.views == "mix" and not clips.draws.has_pairs:
        raise ManifestError(
            f"{clips.draws.manifest.root}: data.views is 'mix', but no sample of split '{TRAIN_SPLIT}' that is trained "
            "on has two views with a moment and a frame rate in common; use data.views=self"
        )
    loader, sampler = training_loader(
        clips,
        batch_size=config.train.batch_size,
        num_workers=config.data.num_workers,
        rank=distributed.rank,
        world_size=distributed.world_size,
        seed=config.train.seed,
        prefetch=prefetch,
    )
    return BatchSource(clips, loader, sampler, distributed)


def build_validator(
    config: Config, held_out: Manifest, cache: FeatureCache | None, distributed: Distributed, loss: Objective
) -> Validator:
    """What chooses the best checkpoint: the expected offset error where events have two views, else the loss.

    A loss that learns from labels always chooses by itself.
    """
    if not held_out.samples:
        return Validator()
    limit = config.train.eval_batches
    clips = build_clips(config, held_out, cache, None, loss.labels)
    chosen = spread(range(len(clips)), limit)
    share = chosen[distributed.rank :: distributed.world_size]
    loader = DataLoader(Subset(clips, share), batch_size=1, collate_fn=collate)
    pairs = spread(validation_pairs(config, held_out), limit)
    matching = matrix_options(config)
    by_loss = loss.labels or not pairs
    events = len({sample.event for sample in held_out.samples} if by_loss else {pair.event for pair in pairs})
    criterion = "val/loss" if by_loss else f"val/{EXPECTED_ERROR}"
    seen: list[Any] = [chosen, asdict(config.loss), config.data.num_frames, config.data.image_size]
    if not by_loss:
        windows = [(p.pair_id, p.window0.start, p.window1.start, p.window0.num_frames) for p in pairs]
        seen = [windows, matching, config.pairs.max_offset]
    return HeldOutValidator(
        loader=loader,
        clip_events=[clips.draws.samples[i // clips.draws.samples_per_video].event for i in share],
        loss=loss,
        pairs=pairs,
        methods={name: PREDICTORS[name] for name in VALIDATION_METHODS},
        max_offset=config.pairs.max_offset,
        matching=matching,
        criterion=criterion,
        identity=content_hash([criterion, data_facts(held_out), seen]),
        looks_at=f"{f'{len(chosen)} clips' if by_loss else f'{len(pairs)} windows'} of {events} held-out events",
        distributed=distributed,
        dtype=PRECISIONS[config.train.precision],
    )


def validation_pairs(config: Config, held_out: Manifest) -> list[SyncPair]:
    """Different pairs of the held-out events with two views: ``train.eval_pairs`` at least, if there are so many.

    The windows of a pair of views are more than ``pairs.windows_val`` where there are few pairs of views.
    """
    two_views = Manifest(held_out.root, tuple(s for s in held_out.samples if len(s.views) > 1))
    if not two_views.samples:
        return []
    cameras = sum(math.comb(len(sample.views), 2) for sample in two_views.samples)
    windows = max(config.pairs.windows_val, math.ceil(config.train.eval_pairs / cameras))
    config = replace(config, pairs=replace(config.pairs, windows_train=windows))
    pairs = pairs_of(config, two_views, TRAIN_SPLIT)
    return list({(pair.window0, pair.window1): pair for pair in pairs}.values())


def spread(items: Sequence[Item], limit: int) -> list[Item]:
    """At most ``limit`` of ``items`` (0: all), evenly spread over them."""
    if limit == 0 or limit >= len(items):
        return list(items)
    return [items[i * len(items) // limit] for i in range(limit)]
