"""From a checked configuration to a trainer of the two streams of CrissCross (:mod:`videosync.engine.build`)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from torch.utils.data import DataLoader

from videosync.audio.augment import SoundAugment
from videosync.audio.log_mel import HOP, MELS, SAMPLE_RATE
from videosync.checkpoints.crisscross import start_from_published
from videosync.config.load import config_to_dict
from videosync.config.schema import Config, OptimConfig
from videosync.data.audio_visual import AudioVisualClips, collate_pairs
from videosync.data.loaders import training_loader
from videosync.data.samples import Manifest
from videosync.engine.batches import BatchSource, choose_prefetch
from videosync.engine.build import build_augment, build_manifest, decoded_files, place_encoder, spread
from videosync.engine.distributed import Distributed
from videosync.engine.held_out import TRAIN_SPLIT, data_facts, split_train_events
from videosync.engine.losses import build_loss
from videosync.engine.optim import Group
from videosync.engine.signals import shield_workers
from videosync.engine.trainer import PRECISIONS, Trainer
from videosync.engine.validation import HeldOutValidator, Validator
from videosync.losses.crisscross import STREAMS, CrissCross
from videosync.losses.objective import Objective
from videosync.models.crisscross import CrissCrossModel
from videosync.option import taken

VALIDATION_CLIPS = 32  # in a batch: how clips are spread says nothing of one alone


def build_two_stream_trainer(config: Config, *, workdir: Path, logdir: Path, distributed: Distributed) -> Trainer:
    """Everything a training run of ``model.name`` crisscross needs, ready to start at step 0. Writes nothing.

    Raises:
        CheckpointError: weights to start from are missing or do not fit.
        ConfigError: options that do not fit the data (a batch larger than an epoch, …).
        ManifestError: the dataset is missing, malformed, or has videos that are too short.
    """
    loss = build_loss(config)

    def read_data_and_weights() -> tuple[Manifest, Manifest, CrissCrossModel, list[str]]:
        manifest = build_manifest(config, workdir, TRAIN_SPLIT)
        build_two_stream_clips(config, manifest, augmented=False)  # names all that are too short, held out or not
        model = CrissCrossModel(config.crisscross)
        remarks = start_from_published(model, config.crisscross, workdir)
        freeze_unseen_stream(model, loss)
        return (*split_train_events(config, manifest), model, remarks)

    train, held_out, model, remarks = distributed.together(read_data_and_weights)
    placed = place_encoder(model, config, distributed)
    prefetch = choose_prefetch(batch_bytes(config, distributed.world_size), config.data.num_workers, distributed)

    def read_clips() -> tuple[BatchSource, Validator]:
        if config.data.num_workers > 0:
            shield_workers()
        clips = build_two_stream_clips(config, train, augmented=config.augment.enabled)
        loader, sampler = training_loader(
            clips,
            batch_size=config.train.batch_size,
            num_workers=config.data.num_workers,
            rank=distributed.rank,
            world_size=distributed.world_size,
            seed=config.train.seed,
            prefetch=prefetch,
            collate=collate_pairs,
        )
        source = BatchSource(clips, loader, sampler, distributed)
        return source, _build_validator(config, held_out, distributed, loss)

    source, validator = distributed.together(read_clips)
    return Trainer(
        encoder=placed,
        loss=loss,
        source=source,
        validator=validator,
        distributed=distributed,
        logdir=logdir,
        train=config.train,
        optim=config.optim,
        settings=config_to_dict(config),
        remarks=remarks,
        data=data_facts(train),
        groups=parameter_groups(model, config.optim),
        watch_every=config.log.every,
    )


def freeze_unseen_stream(model: CrissCrossModel, loss: Objective) -> None:
    """Train no stream that no term of ``loss`` looks at: it would get no gradient, on which several processes wait."""
    assert isinstance(loss, CrissCross)
    seen = "".join(term for term, weight in loss.weights.items() if weight > 0)
    for letter, stream in STREAMS.items():
        if letter not in seen:
            for part in (stream, f"project_{stream}", f"predict_{stream}"):
                model.get_submodule(part).requires_grad_(False)


def parameter_groups(model: CrissCrossModel, optim: OptimConfig) -> list[Group]:
    """Everything at one learning rate, but for predictors that have their own, constant one."""
    apart = set(model.predictors()) if optim.predictor_lr > 0 else set()
    together = [parameter for parameter in model.parameters() if parameter not in apart]
    own = [parameter for parameter in model.parameters() if parameter in apart]
    return [{"params": together}, *([{"params": own, "lr": optim.predictor_lr, "constant": True}] if own else [])]


def build_two_stream_clips(config: Config, manifest: Manifest, *, augmented: bool) -> AudioVisualClips:
    """Two clips of each video of the train split of ``manifest``."""
    return AudioVisualClips(
        manifest,
        TRAIN_SPLIT,
        relation=config.data.relation,
        num_frames=config.data.num_frames,
        fps=config.data.fps,
        audio_seconds=config.audio.seconds,
        image_size=config.data.image_size,
        samples_per_video=config.data.samples_per_video,
        seed=config.train.seed,
        augment=build_augment(config) if augmented else None,
        sound=taken(SoundAugment, config.audio) if augmented else None,
        files=decoded_files(config),
    )


def batch_bytes(config: Config, world_size: int) -> int:
    """Of one rank's batch: float32 [B, 2, 3, T, S, S] and [B, 2, 1, 80, F]."""
    pictures = 3 * config.data.num_frames * config.data.image_size**2
    sound = MELS * (1 + round(config.audio.seconds * SAMPLE_RATE) // HOP)
    return config.train.batch_size // world_size * 2 * (pictures + sound) * 4


def _build_validator(config: Config, held_out: Manifest, distributed: Distributed, loss: Objective) -> Validator:
    """The loss and its diagnostics on held-out videos. They choose nothing: a lower SimSiam loss is no better encoder.

    Ranks share out whole batches, so that what is measured does not depend on their number.
    """
    if not held_out.samples:
        return Validator()
    clips = build_two_stream_clips(config, held_out, augmented=False)
    pieces = np.array_split(np.arange(len(clips)), -(-len(clips) // VALIDATION_CLIPS))
    events = len({sample.event for sample in held_out.samples})
    chosen = [piece.tolist() for piece in spread(pieces, config.train.eval_batches)]
    return HeldOutValidator(
        loader=DataLoader(
            clips, batch_sampler=chosen[distributed.rank :: distributed.world_size], collate_fn=collate_pairs
        ),
        clip_events=(),
        loss=loss,
        pairs=(),
        methods={},
        max_offset=0,
        matching={},
        criterion="",
        identity="",
        looks_at=f"{sum(map(len, chosen))} clips of {events} held-out events",
        distributed=distributed,
        dtype=PRECISIONS[config.train.precision],
    )
