"""Going on from a checkpoint as if training had never stopped."""

from __future__ import annotations

from videosync.engine.checkpoint import Checkpoint, load_weights
from videosync.engine.seeding import restore_random_state
from videosync.engine.trainer import LoopState, Trainer


def resume(trainer: Trainer, checkpoint: Checkpoint) -> list[str]:
    """Put ``trainer`` where it was when it wrote ``checkpoint``.

    Returns what will differ from an uninterrupted run, as sentences; nothing where the run is the same.

    Raises:
        CheckpointError: it is damaged, or its weights do not fit.
    """
    load_weights(trainer.encoder, checkpoint)
    saved = checkpoint.training_state()
    optimizer, distributed = trainer.optimizer, trainer.distributed
    options = [{k: v for k, v in group.items() if k != "params"} for group in optimizer.param_groups]
    optimizer.load_state_dict(saved["optimizer"])
    for group, own in zip(optimizer.param_groups, options, strict=True):
        group.update(own)  # the options of this run, should they have been changed
    if trainer.scaler.is_enabled() and saved["scaler"]:
        trainer.scaler.load_state_dict(saved["scaler"])
    trainer.state = LoopState(**saved["loop"])
    remarks = []
    before, now = saved["batches_per_epoch"], len(trainer.source)
    if before != now and trainer.state.batch:
        remarks.append(
            f"{now} batches an epoch instead of {before}: the epoch begun starts from its beginning"
        )
        trainer.state.batch = 0
    if len(saved["random"]) == distributed.world_size:
        restore_random_state(saved["random"][distributed.rank], distributed.device)
    else:
        processes = f"{distributed.world_size} processes instead of {len(saved['random'])}"
        remarks.append(f"{processes}: dropout draws other numbers")
    return remarks
