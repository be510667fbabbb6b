"""The similarity-set job: encode each video once, write every pair's matrices, all ranks into one set."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from videosync.config.schema import Config
from videosync.data.identity import what_changed
from videosync.engine.build import build_pairs, matrix_options
from videosync.engine.distributed import Distributed
from videosync.engine.encoders import load_trained_encoder
from videosync.engine.identity import options_of, pairs_made_from, result_code, run_differences
from videosync.engine.loggers import pair_progress
from videosync.errors import CheckpointError
from videosync.evaluation.embed import prefetch
from videosync.evaluation.sync import iter_pair_matrices
from videosync.models.encoder import Encoder, require_frame_encoder
from videosync.models.noise import NoiseEncoder
from videosync.similarity.store import SimilaritySetWriter, load_similarity_set, similarity_set_exists
from videosync.types import SyncPair


@dataclass(frozen=True)
class WrittenSet:
    """One split of a similarity set."""

    name: str  # PREFIX_SPLIT
    num_pairs: int
    frames: tuple[int, int]  # of the shortest and the longest window
    kept: bool  # it was there already, made from the same
    taken_over: int  # pairs that a job that was cut off had written
    replaced: tuple[str, ...]  # in what one that was there, and is gone, was made otherwise


@dataclass(frozen=True)
class WrittenSets:
    """What the job leaves in ``folder``."""

    folder: Path
    checkpoint: str | None  # which one was taken, and why; None for a noise encoder
    sets: tuple[WrittenSet, ...]
    notes: tuple[str, ...]  # in what the encoder is shown something else than in training


def construct_similarity_sets(
    config: Config,
    *,
    workdir: Path,
    logdir: Path,
    folder: Path,
    prefix: str,
    keep_finished: bool,
    distributed: Distributed,
) -> WrittenSets:
    """Write the splits in ``config.similarity.splits`` as similarity sets ``{prefix}_{split}`` in ``folder``.

    All pairs of all splits are listed, and so checked, before anything is encoded. With ``keep_finished`` a split
    that is already there, made from the same weights, pairs, labels, files, options and code, is kept, and so are the
    pairs of one that a job that was cut off had begun to write.

    Raises:
        CheckpointError: no checkpoint in ``logdir``, or the sets cannot be written.
        ManifestError, VideoError: the dataset is missing or cannot be read.
    """
    require_frame_encoder(config.model.name, "the configuration")
    splits = {split: build_pairs(config, workdir, split) for split in config.similarity.splits}
    size = max(pair.window0.num_frames for pairs in splits.values() for pair in pairs)  # one for all splits
    encoder, encoder_id = load_trained_encoder(config, workdir=workdir, logdir=logdir, device=distributed.device)
    taken = encoder_id["checkpoint"]

    def plan() -> tuple[list[str], dict[str, tuple[dict[str, Any], list[str] | None]]]:
        """Notes, and of each split what it is made from and in what that differs from the set there (None: no set)."""
        windows = [pair.window0 for pairs in splits.values() for pair in pairs]
        rates, lengths = {window.fps for window in windows}, {window.num_frames for window in windows}
        shared = {
            "options": options_of(config, "similarity.metric", "similarity.temperature", "pairs.max_offset"),
            "weights": encoder_id["hash"],
            "room": size,
            "code": result_code(),
        }
        made_from = {split: shared | pairs_made_from(config, workdir, pairs) for split, pairs in splits.items()}
        planned = {split: (made, _changed(made, split, folder, prefix)) for split, made in made_from.items()}
        return run_differences(config, logdir, rates=rates, lengths=lengths)[1], planned

    notes, planned = distributed.broadcast(distributed.together(lambda: plan() if distributed.is_main else ([], {})))
    sets = []
    for split, pairs in splits.items():
        made_from, changed = planned[split]
        kept = keep_finished and changed == []
        frames = [pair.window0.num_frames for pair in pairs]
        span = (min(frames), max(frames))
        name, replaced = f"{prefix}_{split}", tuple(changed or ())
        if kept:
            sets.append(WrittenSet(name, len(pairs), span, kept, 0, replaced))
            continue
        header = {
            "metric": config.similarity.metric,
            "temperature": config.similarity.temperature,
            "encoder": encoder_id["name"],
            "encoder_hash": encoder_id["hash"],
            "config": asdict(config),
            "made_from": made_from,
            "differences": notes,
        }
        begun = _construct_split(
            config, encoder, header, split, pairs, size, folder, prefix, keep_finished, distributed
        )
        sets.append(WrittenSet(name, len(pairs), span, kept, begun, replaced))
    return WrittenSets(folder, taken["why"] if taken else None, tuple(sets), tuple(notes))


def _changed(made_from: dict[str, Any], split: str, folder: Path, prefix: str) -> list[str] | None:
    """In what ``made_from`` differs from what the set there was made from; None where there is none."""
    if not similarity_set_exists(folder, prefix, split):
        return None
    try:
        _, header = load_similarity_set(folder, prefix, split)
    except CheckpointError:
        return ["it is damaged, or of another version"]
    return what_changed(header.get("made_from"), made_from)


def _construct_split(
    config: Config,
    encoder: Encoder | NoiseEncoder,
    header: dict[str, Any],
    split: str,
    pairs: list[SyncPair],
    size: int,
    folder: Path,
    prefix: str,
    go_on: bool,
    distributed: Distributed,
) -> int:
    """How many pairs were there already: the encoder sees only those that were not."""
    writer = SimilaritySetWriter(
        folder,
        prefix,
        split,
        size=size,
        lengths=[pair.window0.num_frames for pair in pairs],
        pair_ids=[pair.pair_id for pair in pairs],
        events=[pair.event for pair in pairs],
        offsets=[pair.offset for pair in pairs],
        fps=[pair.window0.fps for pair in pairs],
        max_offset=config.pairs.max_offset,
        header=header,
        rank=distributed.rank,
        gather=distributed.gather,
        go_on=go_on,
    )
    left = [n for n in range(len(pairs)) if n not in writer.done]
    with pair_progress(f"similarity of {split}", len(left), distributed) as advance:
        parts = iter_pair_matrices(
            encoder,
            [pairs[n] for n in left],
            device=distributed.device,
            rank=distributed.rank,
            world_size=distributed.world_size,
            **matrix_options(config),
        )
        for part in prefetch(parts):  # computed while others are written
            for index, forward, backward in zip(part.indices, part.forward, part.backward):
                writer.write(left[index], forward, backward)
            advance(len(part.indices))
    writer.finish()
    return len(writer.done)
