"""The similarity-set job: encode each video once, write every pair's matrices, all ranks into one set."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from videosync.config.schema import Config
from videosync.engine.build import build_pairs
from videosync.engine.distributed import Distributed
from videosync.engine.encoders import load_trained_encoder
from videosync.engine.loggers import PairProgress
from videosync.evaluation.sync import iter_pair_matrices
from videosync.models.encoder import Encoder
from videosync.models.noise import NoiseEncoder
from videosync.similarity.store import SimilaritySetWriter, load_similarity_set, similarity_set_exists
from videosync.types import SyncPair


def construct_similarity_sets(
    config: Config,
    *,
    workdir: Path,
    logdir: Path,
    folder: Path,
    prefix: str,
    keep_finished: bool,
    distributed: Distributed,
) -> list[str]:
    """Write the splits in ``config.similarity.splits`` as similarity sets ``{prefix}_{split}`` in ``folder``.

    All pairs of all splits are listed, and so checked, before anything is encoded. With ``keep_finished`` a split
    that is already there, made by the same encoder and options, is kept.

    Returns:
        Which checkpoint was taken, and one sentence a split.

    Raises:
        CheckpointError: no checkpoint in ``logdir``, or the sets cannot be written.
        ManifestError, VideoError: the dataset is missing or cannot be read.
    """
    splits = {split: build_pairs(config, workdir, split) for split in config.similarity.splits}
    size = max(pair.window0.num_frames for pairs in splits.values() for pair in pairs)  # one for all splits
    encoder, encoder_id = load_trained_encoder(
        config, workdir=workdir, logdir=logdir, device=distributed.device
    )
    taken = encoder_id["checkpoint"]
    lines = [f"checkpoint {taken['why']}"] if taken else []
    for split, pairs in splits.items():
        if keep_finished and distributed.broadcast(_is_finished(config, encoder_id, split, folder, prefix)):
            lines.append(f"{prefix}_{split}: already in {folder}, made by the same encoder and options")
        else:
            lines.append(
                _construct_split(config, encoder, encoder_id, split, pairs, size, folder, prefix, distributed)
            )
    return lines


def _is_finished(config: Config, encoder_id: dict[str, str], split: str, folder: Path, prefix: str) -> bool:
    if not similarity_set_exists(folder, prefix, split):
        return False
    _, header = load_similarity_set(folder, prefix, split)
    return header["encoder_hash"] == encoder_id["hash"] and header["config"] == asdict(config)


def _construct_split(
    config: Config,
    encoder: Encoder | NoiseEncoder,
    encoder_id: dict[str, str],
    split: str,
    pairs: list[SyncPair],
    size: int,
    folder: Path,
    prefix: str,
    distributed: Distributed,
) -> str:
    lengths = [pair.window0.num_frames for pair in pairs]
    writer = SimilaritySetWriter(
        folder,
        prefix,
        split,
        size=size,
        lengths=lengths,
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
    frames = str(size) if min(lengths) == size else f"{min(lengths)} … {max(lengths)}"
    return f"{prefix}_{split}: {len(pairs)} pairs of {frames} frames in {folder}"
