"""The training job: build everything, find where to start or go on, train, and say how it ended."""

from __future__ import annotations

import math
import signal
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from videosync.checkpoints.checkpoint import (
    Checkpoint,
    checkpoints_folder,
    latest_checkpoint,
    list_checkpoints,
    load_weights,
    make_up_copies,
)
from videosync.config.load import config_differences, config_from_dict, config_to_dict, save_config
from videosync.config.schema import Config
from videosync.config.two_streams import CRISSCROSS
from videosync.engine.build import build_trainer
from videosync.engine.build_crisscross import build_two_stream_trainer
from videosync.engine.distributed import Distributed
from videosync.engine.loggers import Logger, build_loggers, check_loggers
from videosync.engine.losses import settle_heads
from videosync.engine.progress import LoopState
from videosync.engine.run_record import record_run
from videosync.engine.seeding import restore_random_state, seed_everything
from videosync.engine.trainer import Trainer
from videosync.errors import CheckpointError
from videosync.files import make_folder
from videosync.models.card import is_export

CONFIG_FILE = "config.yaml"
# model options that may differ from the checkpoint's: where first weights came from, how frames are batched
MODEL_OPTIONS = ("model.", "crisscross.")
FREE_MODEL_OPTIONS = (
    "model.weights",
    "model.random_backbone",
    "model.chunk_size",
    "crisscross.video_weights",
    "crisscross.audio_weights",
)


def run_training(
    config: Config, *, workdir: Path, logdir: Path, continue_train: bool, command: str, distributed: Distributed
) -> int | None:
    """Train as ``config`` says; leaves checkpoints, ``metrics.jsonl``, ``config.yaml`` and ``run.json`` in ``logdir``.

    Nothing is written before everything is built, so wrong input leaves no trace.

    Returns:
        None at the end of training, or the number of the signal on which it saved and stopped.

    Raises:
        CheckpointError: ``logdir`` holds checkpoints and ``continue_train`` is off, or they do not fit.
        ConfigError, ManifestError, VideoError, TrainingError: see the functions that raise them.
    """
    check_loggers(tensorboard=config.log.tensorboard, wandb=config.log.wandb)
    checkpoint = distributed.broadcast(distributed.together(lambda: starting_point(logdir, continue_train)))
    config = distributed.together(partial(settle_heads, config, workdir))
    changes = config_changes(config, checkpoint) if checkpoint is not None else []
    seed_everything(config.train.seed)  # the same first weights on every rank
    build = build_two_stream_trainer if config.model.name == CRISSCROSS else build_trainer
    trainer = build(config, workdir=workdir, logdir=logdir, distributed=distributed)
    seed_everything(config.train.seed + distributed.rank)
    resumed, made_up = checkpoint, []
    remarks = trainer.remarks
    if resumed is not None:
        remarks = distributed.together(lambda: resume(trainer, resumed))
        made_up = distributed.together(lambda: make_up_copies(logdir) if distributed.is_main else [])
    nothing_left = trainer.plan.reason_to_end(trainer.state)
    if distributed.is_main and not nothing_left:
        make_folder(logdir)
        save_config(config, logdir / CONFIG_FILE)
        record_run(logdir, config, workdir=workdir, command=command, processes=distributed.world_size)
    logger = build_loggers(
        logdir,
        is_main=distributed.is_main,
        every=config.log.every,
        tensorboard=config.log.tensorboard,
        wandb=config.log.wandb,
        first_step=trainer.state.step,
        total_steps=trainer.plan.total_steps(trainer.state),
        config=config_to_dict(config),
    )
    trainer.logger = logger
    try:
        announce(logger, describe(trainer), checkpoint, continue_train, [*changes, *remarks])
        for name in made_up:
            logger.message(f"{name}: made now from last; the run had ended before it was")
        if too_long := long_warmup(config, trainer):
            logger.message(too_long)
        stopped = trainer.run()
        logger.message(
            f"nothing is trained: {nothing_left}" if nothing_left else ending(stopped, trainer.state, logdir)
        )
    finally:
        logger.close()
    return stopped


def starting_point(logdir: Path, continue_train: bool) -> Checkpoint | None:
    """The latest checkpoint to go on from, or None to start anew.

    Raises CheckpointError: there are checkpoints and nobody asked to go on from them, or an exported encoder.
    """
    if is_export(logdir):
        raise CheckpointError(
            f"{logdir}: holds an export; choose another --logdir, and start from its weights with --opts "
            f"train.start_from {logdir} (of two streams, crisscross.video_weights and crisscross.audio_weights)"
        )
    if continue_train:
        return latest_checkpoint(logdir)
    if found := list_checkpoints(logdir):
        names = ", ".join(checkpoint.folder.name for checkpoint in found)
        raise CheckpointError(
            f"{checkpoints_folder(logdir)} already holds {names}; go on from there with --continue_train, or "
            "choose another --logdir (nothing was changed)"
        )
    return None


def config_changes(config: Config, checkpoint: Checkpoint) -> list[str]:
    """How ``config`` differs from the one ``checkpoint`` was trained with, one line an option.

    Raises CheckpointError: the model differs, so that the weights would mean something else.
    """
    before = config_from_dict(checkpoint.config, source=str(checkpoint.folder / "checkpoint.json"))
    changes = config_differences(before, config)
    model = [line for line in changes if line.startswith(MODEL_OPTIONS) and not line.startswith(FREE_MODEL_OPTIONS)]
    if model:
        raise CheckpointError(
            f"{checkpoint.folder}: trained with another model ({'; '.join(model)}); set these options "
            "back, or start anew in another --logdir"
        )
    return changes


def resume(trainer: Trainer, checkpoint: Checkpoint) -> list[str]:
    """Put ``trainer`` where it was when it wrote ``checkpoint``.

    Returns what will differ from an uninterrupted run, as sentences; nothing where the run is the same.

    Raises CheckpointError: it is damaged, or its weights do not fit.
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
        remarks.append(f"epoch {state.epoch + 1} goes on with its last {left} of {plan.samples} samples{ends}")
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


def announce(
    logger: Logger, description: str, checkpoint: Checkpoint | None, continue_train: bool, changes: list[str]
) -> None:
    """Say what is trained and from where."""
    logger.message(description)
    if checkpoint is not None:
        logger.message(f"continuing from {checkpoint.folder} (epoch {checkpoint.epoch}, step {checkpoint.step})")
    elif continue_train:
        logger.message("--continue_train: no checkpoint there yet, so training starts from scratch")
    for change in changes:
        logger.message(change if checkpoint is None else f"changed since that checkpoint: {change}")


def describe(trainer: Trainer) -> str:
    """What is about to be trained, in a sentence."""
    plan, state = trainer.plan, trainer.state
    trained = sum(p.numel() for p in trainer.parameters)
    frozen = sum(p.numel() for p in trainer.encoder.parameters()) - trained
    device, ranks = trainer.distributed.device.type, trainer.distributed.world_size
    return (
        f"{trained / 1e6:.2f} M parameters trained, {frozen / 1e6:.2f} M frozen; {plan.total_steps(state)} steps "
        f"({plan.span(state):.4g} epochs of {len(trainer.source)} batches); "
        f"{ranks} process{'es' * (ranks > 1)} on {device}; best is {trainer.validator.rule}"
    )


def long_warmup(config: Config, trainer: Trainer) -> str:
    """What becomes of the learning rate where training ends within the warm-up; "" where it does not."""
    plan, state, optim = trainer.plan, trainer.state, config.optim
    warmup, end = optim.warmup_epochs * plan.steps_per_epoch, plan.end(state)
    if plan.finished(state) or end > warmup:
        return ""
    return (
        f"optim.warmup_epochs={optim.warmup_epochs:g} is {warmup:g} steps, but training ends after {end:g}: the "
        f"learning rate only rises, up to {trainer.learning_rate(end - 1, end):.2g} of optim.lr={optim.lr:g}; lower "
        "optim.warmup_epochs for a shorter one"
    )


def ending(stopped: int | None, state: LoopState, logdir: Path) -> str:
    folder = checkpoints_folder(logdir)
    if stopped is None:
        return f"trained {state.step} steps ({state.epoch} whole epochs); checkpoints are in {folder}"
    name = signal.Signals(stopped).name
    return f"{name}: saved {folder / 'last'} after step {state.step}; go on with --continue_train"
