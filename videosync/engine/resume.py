"""Going on from a checkpoint as if training had never stopped."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from videosync.checkpoints.checkpoint import Checkpoint, load_weights
from videosync.engine.progress import LoopState
from videosync.engine.seeding import restore_random_state
from videosync.engine.trainer import Trainer


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
    remarks = _take_place(trainer, saved, checkpoint.config)
    if len(saved["random"]) == distributed.world_size:
        restore_random_state(saved["random"][distributed.rank], distributed.device)
    else:
        processes = f"{distributed.world_size} processes instead of {len(saved['random'])}"
        remarks.append(f"{processes}: dropout draws other numbers")
    return remarks


def _take_place(trainer: Trainer, saved: Mapping[str, Any], config: Mapping[str, Any]) -> list[str]:
    """Set the trainer's state to the place in the data that was ``saved``; returns what is different about it."""
    plan, loop, training = trainer.plan, dict(saved["loop"]), config.get("train", {})
    batch_size = saved.get("batch_size", training.get("batch_size", plan.batch_size))
    if "batch" in loop:  # earlier versions counted batches, and noted no more of the data than their number
        loop["samples"] = loop.pop("batch") * batch_size
        same = saved["batches_per_epoch"] == plan.samples // batch_size
        change = "" if same else f"other train data ({_counted(trainer.data)} now)"
    else:
        change = _other_data(saved["data"], trainer.data)
    state = trainer.state = LoopState(**loop)
    remarks = []
    if change and state.samples:
        state.samples = 0
        change += f": epoch {state.epoch + 1}, which was under way, starts from its beginning"
    if change:
        remarks.append(change)
    elif state.samples and batch_size != plan.batch_size:
        left = plan.samples - state.samples
        ends = "" if plan.batches_left(state) else ", which do not fill a batch, so it ends"
        remarks.append(
            f"epoch {state.epoch + 1} goes on with its last {left} of {plan.samples} samples{ends}"
        )
    span, before = plan.span(state), saved.get("span", training.get("epochs"))
    if before is not None and not math.isclose(span, before) and not plan.finished(state):
        remarks.append(f"the learning rate schedule spans {span:.4g} epochs instead of {before:.4g}")
    if math.isfinite(state.best) and state.judged_by != trainer.validator.identity:
        state.best = math.inf
        why = (
            "validation looks at something else than before"
            if state.judged_by
            else "how the best was chosen is unknown"
        )
        if not plan.finished(state):
            remarks.append(f"{why}, so the next checkpoint that is validated becomes the best")
    return remarks


def _other_data(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """How the data trained on differs, or its order; "" where neither does."""
    if before == now:
        return ""
    if before.get("hash") == now.get("hash") and before["samples"] == now["samples"]:
        return "another train.seed draws the samples in another order"
    counts = _counted(before), _counted(now)
    if counts[0] == counts[1]:
        return f"other train data, again {counts[0]}"
    return f"other train data: {counts[1]} instead of {counts[0]}"


def _counted(data: Mapping[str, Any]) -> str:
    events = f" of {data['events']} events" if "events" in data else ""
    return f"{data['samples']} samples an epoch{events}"
