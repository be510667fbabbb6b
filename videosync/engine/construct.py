"""The similarity-set job: encode each video once, write every pair's matrices, all ranks into one set."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import torch

from videosync.config.schema import Config
from videosync.engine.build import build_pairs, load_trained_encoder
from videosync.engine.distributed import Distributed
from videosync.engine.loggers import PairProgress
from videosync.evaluation.sync import iter_pair_matrices
from videosync.similarity.store import SimilaritySetWriter
from videosync.types import SyncPair


def construct_similarity_sets(
    config: Config, *, workdir: Path, logdir: Path, folder: Path, prefix: str, distributed: Distributed
) -> list[str]:
    """Write the splits in ``config.similarity.splits`` as similarity sets ``{prefix}_{split}`` in ``folder``.

    All pairs of all splits are listed, and so checked, before anything is encoded.

    Returns:
        One sentence a split.

    Raises:
        CheckpointError: no checkpoint in ``logdir``, or the sets cannot be written.
        ManifestError, VideoError: the dataset is missing or cannot be read.
    """
    splits = {split: build_pairs(config, workdir, split) for split in config.similarity.splits}
    encoder, encoder_id = load_trained_encoder(
        config, workdir, logdir, device=distributed.device, precision=config.eval.precision
    )
    return [
        _construct_split(config, encoder, encoder_id, split, pairs, folder, prefix, distributed)
        for split, pairs in splits.items()
    ]


def _construct_split(
    config: Config,
    encoder: torch.nn.Module,
    encoder_id: dict[str, str],
    split: str,
    pairs: list[SyncPair],
    folder: Path,
    prefix: str,
    distributed: Distributed,
) -> str:
    size = pairs[0].window0.num_frames
    writer = SimilaritySetWriter(
        folder,
        prefix,
        split,
        size=size,
        pair_ids=[pair.pair_id for pair in pairs],
        events=[pair.event for pair in pairs],
        offsets=[pair.offset for pair in pairs],
        fps=[pair.window0.fps for pair in pairs],
        max_offset=config.pairs.max_offset,
        header={
            "metric": config.similarity.metric,
            "temperature": config.similarity.temperature,
            "encoder": encoder_id["name"],
            "encoder_hash": encoder_id["hash"],
            "config": asdict(config),
        },
        rank=distributed.rank,
        gather=distributed.gather,
    )
    with PairProgress(f"similarity of {split}", len(pairs), distributed) as progress:
        for part in iter_pair_matrices(
            encoder,
            pairs,
            image_size=config.data.image_size,
            device=distributed.device,
            metric=config.similarity.metric,
            temperature=config.similarity.temperature,
            rank=distributed.rank,
            world_size=distributed.world_size,
        ):
            for index, forward, backward in zip(part.indices, part.forward, part.backward):
                writer.write(index, forward, backward)
            progress.advance(len(part.indices))
    writer.finish()
    return f"{prefix}_{split}: {len(pairs)} pairs of {size} x {size} frames in {folder}"
