"""The training loop: epoch → step → validate → save."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from videosync.checkpoints.checkpoint import checkpoints_folder, save_checkpoint
from videosync.config.schema import OptimConfig, TrainConfig
from videosync.engine.batches import BatchSource, StepClock
from videosync.engine.collapse import CollapseWatch
from videosync.engine.distributed import Distributed
from videosync.engine.loggers import Logger
from videosync.engine.optim import Group, build_optimizer, learning_rate, set_learning_rate
from videosync.engine.progress import LoopState, Plan
from videosync.engine.seeding import random_state
from videosync.engine.signals import StopAsked, StopRequest
from videosync.engine.validation import Validator
from videosync.errors import DataLoadingError, NotFiniteError, TrainingError, VideoError
from videosync.losses.objective import Objective
from videosync.types import Batch

PRECISIONS: dict[str, torch.dtype] = {"float32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


class Trainer:
    """Trains an encoder, or another model, on batches that say what it is given.

    Args:
        encoder: on its device; only parameters with ``requires_grad`` are trained.
        loss: what is minimised, computed without autocast, and which output of the encoder it looks at.
        source: the training batches of each epoch.
        validator: measures what decides which checkpoint is ``best``.
        train, optim: how far training goes and in which steps, how often it is validated and saved.
        settings: the resolved options, kept in every checkpoint.
        remarks: what there is to say about the encoder's first weights and the samples, as sentences.
        data: what an epoch is drawn from and in which order: ``events``, ``hash``.
        groups: the parameters, where not all of them have one learning rate.
        watch_every: steps between two looks at the loss's diagnostics; 0: none.
    """

    def __init__(
        self,
        *,
        encoder: nn.Module,
        loss: Objective,
        source: BatchSource,
        validator: Validator,
        distributed: Distributed,
        logdir: Path,
        train: TrainConfig,
        optim: OptimConfig,
        settings: Mapping[str, Any],
        remarks: Sequence[str] = (),
        data: Mapping[str, int | str] | None = None,
        groups: Sequence[Group] | None = None,
        watch_every: int = 0,
    ) -> None:
        self.remarks = list(remarks)
        self.encoder = encoder
        self.model = distributed.replicate(encoder)
        self.loss = loss
        self.watch = CollapseWatch(loss, every=watch_every, distributed=distributed)
        self.source = source
        self.validator = validator
        self.distributed = distributed
        self.logger = Logger()
        self.logdir = logdir
        self.settings = settings
        self.plan = Plan(
            epochs=train.epochs,
            max_steps=train.max_steps,
            samples=len(source.clips),
            batch_size=train.batch_size,
            accumulate=optim.accumulate,
        )
        self.data = {"samples": self.plan.samples, "seed": train.seed, **(data or {})}
        self.optimizer = build_optimizer(
            groups or [{"params": encoder.parameters()}],
            name=optim.name,
            lr=optim.lr,
            weight_decay=optim.weight_decay,
            larc=optim.larc,
        )
        self.learning_rate = partial(
            learning_rate,
            base=optim.lr,
            schedule=optim.schedule,
            warmup_steps=round(optim.warmup_epochs * self.plan.steps_per_epoch),
            final=optim.final_lr,
        )
        self.grad_clip = optim.grad_clip if optim.grad_clip > 0 else math.inf
        self.dtype = PRECISIONS[train.precision]
        self.eval_every = train.eval_every
        self.save_every = train.save_every
        self.scaler = torch.amp.GradScaler(distributed.device.type, enabled=train.precision == "fp16")
        self.parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        self.state = LoopState()
        self.stop = StopRequest(warns=distributed.is_main)
        self.stop_signal: int | None = None  # what all ranks agreed to stop on
        self.clock = StepClock()

    # ---- the story: epochs of steps; each epoch is validated and saved ----

    def run(self) -> int | None:
        """Train to the end and return None, or until a signal asks to stop and return its number."""
        self.saved_step = self.state.step
        with self.stop:
            try:
                while not self.finished and self.stop_signal is None:
                    trained = self.train_epoch()
                    metrics = self.validate() if self.stop_signal is None else {}
                    if self.stop_signal is not None:
                        self.stop.heed()
                    self.save({**trained, **metrics})
            except (VideoError, DataLoadingError):  # met by all ranks between two steps: no step is lost
                self.optimizer.zero_grad(set_to_none=True)
                if self.state.step > self.saved_step:
                    self.save({})
                raise
            finally:
                self.source.close()
        return self.stop_signal

    @property
    def finished(self) -> bool:
        return self.plan.finished(self.state)

    def train_epoch(self) -> dict[str, float]:
        """What is left of the epoch under way, unless the last step or a request to stop comes first.

        Returns the loss of the last step, as a metric; nothing where no step was done.
        """
        state, plan, metrics = self.state, self.plan, {}
        self.model.train()
        self.clock.restart()
        batches = self.source.batches(state.epoch, state.samples, self.clock, self.stop)
        while plan.batches_left(state) and not self.finished and self.stop_signal is None:
            count = min(plan.accumulate, plan.batches_left(state))
            lr = self.learning_rate(plan.position(state), plan.end(state))
            try:
                loss, norm = self.train_step(islice(batches, count), count, lr)
            except StopAsked as asked:
                self.stop_signal = asked.signal
                break
            state.step += 1
            state.samples += count * plan.batch_size
            metrics = {"loss": loss}
            rates = self.clock.rates(plan.steps_left(state))
            record = {"step": state.step, "epoch": state.epoch, "loss": loss, "lr": lr, "grad_norm": norm}
            found = self.watch.found()
            self.logger.step({**record, **found, **rates})
            self.watch.judge(found, state.step, self.logger.message)
        if not plan.batches_left(state) and self.stop_signal is None:
            state.epoch, state.samples = state.epoch + 1, 0
        return metrics

    def train_step(self, batches: Iterator[Batch], count: int, lr: float) -> tuple[float, float]:
        """One optimizer step over ``count`` batches.

        Returns the loss (mean over batches and ranks) and the gradient norm before clipping.
        """
        losses: list[Tensor] = []
        names: list[str] = []
        frames = 0
        for number, batch in enumerate(batches, start=1):
            with self._reduce_gradients_if(number == count):
                loss = self.forward(batch) / count
                self.scaler.scale(loss).backward()
            losses.append(loss.detach())
            names += batch.names
            frames += batch.num_frames * self.distributed.world_size
        mean_loss = self._agree(torch.stack(losses).sum().item(), names, lr)
        set_learning_rate(self.optimizer, lr)
        self.scaler.unscale_(self.optimizer)
        norm = nn.utils.clip_grad_norm_(self.parameters, self.grad_clip).item()
        if not math.isfinite(norm) and not self.scaler.is_enabled():  # the fp16 scaler skips such steps itself
            raise TrainingError(self._not_finite("gradient norm", norm, names, lr))
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        self.clock.finish_step(frames)
        return mean_loss, norm

    def forward(self, batch: Batch) -> Tensor:
        """The loss of one batch: the encoder under autocast, the loss itself in float32."""
        device = self.distributed.device.type
        with torch.autocast(device, dtype=self.dtype, enabled=self.dtype != torch.float32):
            output = self.model(**batch.inputs(), **self.loss.wanted)  # of an encoder [B, V, T, ...]
        output = output.float()
        self.watch.look(output, self.state.step + 1)
        return self.loss(output, batch)

    def validate(self) -> dict[str, float]:
        """Metrics on the held-out events where they are due, else nothing. Leaves the random states alone."""
        state = self.state
        if not self.finished and (self.eval_every == 0 or state.epoch % self.eval_every):
            return {}
        self.distributed.share_tensors(self.encoder.buffers())  # BatchNorm statistics differ between CPU ranks
        cuda = [self.distributed.device] if self.distributed.device.type == "cuda" else []
        with torch.random.fork_rng(devices=cuda):
            try:
                metrics = self.validator.measure(self.encoder, self.stop.check)
            except StopAsked as asked:
                self.stop_signal = asked.signal
                if state.samples == 0:  # the epoch is validated when training goes on
                    state.epoch, state.samples = state.epoch - 1, self.plan.samples
                return {}
            except NotFiniteError as error:
                raise TrainingError(
                    f"validation after step {state.step}: the training has diverged, its embeddings hold NaN or "
                    f"infinite values; {self._remedy()}"
                ) from error
        if metrics:
            self.logger.validation({"step": state.step, "epoch": state.epoch, **metrics})
        bad = [f"{name} is {value}" for name, value in metrics.items() if not math.isfinite(value)]
        if bad:
            raise TrainingError(f"validation after step {state.step}: {', '.join(bad)}; {self._remedy()}")
        return metrics

    def save(self, metrics: Mapping[str, float]) -> None:
        """Write ``last``, and beside it ``best`` and the numbered checkpoint where they are due."""
        self.saved_step = self.state.step
        self.distributed.share_tensors(self.encoder.buffers())
        random_states = self.distributed.gather(random_state(self.distributed.device))
        names = self._other_names(metrics)
        if self.distributed.is_main:
            save_checkpoint(
                self.logdir,
                "last",
                weights=self.encoder.state_dict(),
                state={
                    "loop": asdict(self.state),
                    "data": self.data,
                    "batch_size": self.plan.batch_size,
                    "span": self.plan.span(self.state),
                    "optimizer": self.optimizer.state_dict(),
                    "scaler": self.scaler.state_dict(),
                    "random": random_states,
                },
                epoch=self.state.epoch,
                step=self.state.step,
                metrics=metrics,
                validation=self.validator.finding(metrics, self.state),
                config=self.settings,
                copies=names,
            )
        self.distributed.barrier()

    # ---- small print ----

    def _other_names(self, metrics: Mapping[str, float]) -> list[str]:
        """Which checkpoints ``last`` is also saved as; notes the new lowest score."""
        state = self.state
        names = ["best"] if self.validator.chooses(metrics, state) else []
        if self.save_every and state.samples == 0 and state.epoch % self.save_every == 0:
            names.append(f"epoch_{state.epoch:04d}")
        return names

    def _agree(self, loss: float, names: list[str], lr: float) -> float:
        """The mean loss over ranks; all ranks learn here whether one of them has to stop."""
        finite = math.isfinite(loss)
        total, bad, stops = self.distributed.sum([loss if finite else 0.0, float(not finite), float(self.stop.asked())])
        if bad:
            found = self.distributed.gather(None if finite else (loss, names))
            value, where = next(entry for entry in found if entry is not None)
            raise TrainingError(self._not_finite("loss", value, where, lr))
        if stops:
            self.stop_signal = max(number or 0 for number in self.distributed.gather(self.stop.signal))
        return total / self.distributed.world_size

    def _not_finite(self, what: str, value: float, names: list[str], lr: float) -> str:
        batch = f", batch {', '.join(names)}" if names else ""
        return (
            f"step {self.state.step + 1} (epoch {self.state.epoch}): the {what} is {value} "
            f"(lr {lr:.2g}{batch}); {self._remedy()}"
        )

    def _remedy(self) -> str:
        last = checkpoints_folder(self.logdir) / "last"
        kept = f"the last good checkpoint is {last}" if last.exists() else "nothing had been saved yet"
        return f"try a lower optim.lr or optim.grad_clip, train.precision=float32, and look at the clips; {kept}"

    def _reduce_gradients_if(self, complete: bool) -> AbstractContextManager[None]:
        """DDP averages gradients over ranks only in the last of the accumulated batches."""
        if complete or not isinstance(self.model, DistributedDataParallel):
            return nullcontext()
        return self.model.no_sync()
