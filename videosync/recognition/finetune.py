"""Fine-tuning: the whole video backbone, max-pooled, under a linear layer, by SGD with milestones.

The epoch is chosen on train videos that are held out. The published evaluation chooses it on the test videos; that
figure stands beside it.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from videosync.data.draws import EpochDraws
from videosync.data.loaders import training_loader
from videosync.errors import TrainingError, VideoError
from videosync.files import new_file
from videosync.models.r2plus1d import VideoBackbone
from videosync.recognition.clips import Damage, VideoClips, read_ahead, seeded
from videosync.recognition.items import Item
from videosync.recognition.options import FinetuneOptions
from videosync.video.transforms import ClipAugment

log = logging.getLogger(__name__)

Advance = Callable[[int], object]


class Recogniser(nn.Module):
    """A video backbone under a linear layer."""

    def __init__(self, backbone: VideoBackbone, num_classes: int, *, dropout: float) -> None:
        super().__init__()
        self.backbone = backbone
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(backbone.features, num_classes)

    def forward(self, video: Tensor) -> Tensor:
        """``[N, 3, T, S, S]`` → ``[N, classes]``."""
        return self.classifier(self.dropout(self.backbone(video, pool="max")))


@dataclass(frozen=True)
class LabelledClips:
    """A batch of those clips that could be read."""

    clips: Tensor  # float32 [B, 3, T, S, S]
    labels: Tensor  # int64 [B]
    unread: tuple[tuple[Item, str], ...]


class DrawnVideos(EpochDraws[Item]):
    """One clip of each video, ``samples`` times an epoch; sample i depends on (seed, epoch, i) alone."""

    def __init__(
        self,
        items: Sequence[Item],
        labels: np.ndarray,
        clips: VideoClips,
        augment: ClipAugment | None,
        *,
        samples: int,
        seed: int,
    ) -> None:
        super().__init__(items, samples_per_video=samples, seed=seed)
        self.labels, self.clips, self.augment = labels, clips, augment

    def __getitem__(self, index: int) -> tuple[Item, Tensor | str, int]:
        place = self.line(index)
        item = self.samples[place]
        try:
            clip: Tensor | str = self.clips.drawn(item, self.augment, seeded(self.seed, self.epoch, index))
        except VideoError as error:
            clip = str(error)
        return item, clip, int(self.labels[place])


def collate_clips(samples: Sequence[tuple[Item, Tensor | str, int]]) -> LabelledClips:
    good = [(clip, label) for _, clip, label in samples if isinstance(clip, Tensor)]
    unread = tuple((item, clip) for item, clip, _ in samples if isinstance(clip, str))
    clips = torch.stack([clip for clip, _ in good]) if good else torch.zeros(0)
    return LabelledClips(clips, torch.tensor([label for _, label in good]), unread)


@dataclass(frozen=True)
class Epoch:
    """What was found after one epoch."""

    loss: float
    held_out: float | None  # accuracy; None: nothing is held out
    hits: tuple[bool, ...] | None  # which test videos are right; None: not looked at

    @property
    def test(self) -> float:
        return float(np.mean(self.hits)) if self.hits else -1.0


@dataclass(frozen=True)
class Work:
    """One fold to fine-tune on: items, and their classes int64."""

    train: tuple[Sequence[Item], np.ndarray]
    held: tuple[Sequence[Item], np.ndarray]
    test: tuple[Sequence[Item], np.ndarray]
    clips: VideoClips
    augment: ClipAugment | None
    samples: int  # clips of a train video and epoch
    seed: int
    threads: int  # that read; also data-loading processes
    device: torch.device
    bf16: bool = False


def finetune_fold(
    model: Recogniser,
    work: Work,
    finetune: FinetuneOptions,
    damage: Damage,
    *,
    state: Path,
    on_step: Advance = lambda count: None,
) -> list[Epoch]:
    """Train ``model`` on a fold; what came of each epoch.

    ``state`` is written after each epoch; where it is there, training goes on from it, and ends as if it had never
    been interrupted. Videos that cannot be read are noted in ``damage`` and left out.

    Raises:
        TrainingError: the loss is not finite, or a batch holds no clip that can be read.
        ConfigError: a batch is larger than the train part.
    """
    model.to(work.device)
    optimizer = torch.optim.SGD(model.parameters(), lr=finetune.lr, momentum=finetune.momentum)
    done = _restore(state, model, optimizer)
    data = DrawnVideos(*work.train, work.clips, work.augment, samples=work.samples, seed=work.seed)
    loader, sampler = training_loader(
        data,
        batch_size=finetune.batch_size,
        num_workers=work.threads,
        rank=0,
        world_size=1,
        seed=work.seed,
        key="finetune.batch_size",
        collate=collate_clips,  # type: ignore[arg-type]
    )
    on_step(len(done) * len(sampler))
    for epoch in range(len(done), finetune.epochs):
        data.set_epoch(epoch)
        sampler.set_epoch(epoch)
        torch.manual_seed(work.seed + epoch)  # of the dropout
        for group in optimizer.param_groups:
            group["lr"] = finetune.lr * finetune.gamma ** sum(epoch >= milestone for milestone in finetune.milestones)
        loss = _train_epoch(model, loader, optimizer, work, damage, on_step)
        if not math.isfinite(loss):
            raise TrainingError(
                f"the loss of fine-tuning is {loss} in epoch {epoch + 1}; lower finetune.lr ({finetune.lr:g})"
            )
        done.append(_look(model, work, finetune, damage, loss, done))
        _save(state, model, optimizer, done)
        log.info("epoch %d of %d: %s", epoch + 1, finetune.epochs, describe(done[-1]))
    return done


def describe(epoch: Epoch) -> str:
    """``loss 0.1234, held out 56.0 %, test 54.0 %``."""
    parts = [f"loss {epoch.loss:.4f}"]
    parts += [] if epoch.held_out is None else [f"held out {epoch.held_out:.1%}"]
    parts += [] if epoch.hits is None else [f"test {epoch.test:.1%}"]
    return ", ".join(parts)


def chosen_epoch(epochs: Sequence[Epoch]) -> int:
    """The first that is best on the held-out videos; the last, where there are none."""
    held = [epoch.held_out for epoch in epochs]
    return len(epochs) - 1 if None in held else int(np.argmax(np.array(held, dtype=float)))


def best_on_test(epochs: Sequence[Epoch]) -> int:
    return int(np.argmax([epoch.test for epoch in epochs]))


def _train_epoch(
    model: Recogniser, loader: Any, optimizer: torch.optim.Optimizer, work: Work, damage: Damage, on_step: Advance
) -> float:
    model.train()
    total, count = 0.0, 0
    for batch in loader:
        for item, reason in batch.unread:
            damage.unread[item.path] = reason
        on_step(1)
        if len(batch.labels) < 2:  # batch norm needs two
            continue
        with torch.autocast(work.device.type, torch.bfloat16, enabled=work.bf16):
            said = model(batch.clips.to(work.device))
        loss = F.cross_entropy(said.float(), batch.labels.to(work.device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total, count = total + loss.item() * len(batch.labels), count + len(batch.labels)
    if not count:
        why = next(iter(damage.unread.values()), "there are too few")
        raise TrainingError(f"no batch of fine-tuning has two clips that can be read ({why}); prepare the videos again")
    return total / count


def _look(
    model: Recogniser, work: Work, finetune: FinetuneOptions, damage: Damage, loss: float, before: Sequence[Epoch]
) -> Epoch:
    held = None
    if len(work.held[0]):
        held = float(np.mean(_hits(model, work, *work.held, finetune.test_clips, damage)))
    best = held is None or all(held > (epoch.held_out or 0.0) for epoch in before)
    last = len(before) + 1 == finetune.epochs
    if not (finetune.test_every_epoch or (best if held is not None else last)):
        return Epoch(loss, held, None)
    return Epoch(loss, held, tuple(_hits(model, work, *work.test, finetune.test_clips, damage)))


@torch.no_grad()
def _hits(
    model: Recogniser, work: Work, items: Sequence[Item], labels: np.ndarray, count: int, damage: Damage
) -> list[bool]:
    """Which videos the mean softmax of ``count`` clips names rightly; False for those that cannot be read."""
    model.eval()
    hits = [False] * len(items)
    for place, clips in read_ahead(
        items, lambda item: work.clips.spaced(item, count, damage), damage, threads=work.threads
    ):
        with torch.autocast(work.device.type, torch.bfloat16, enabled=work.bf16):
            said = model(clips.to(work.device))
        hits[place] = int(said.float().softmax(1).mean(0).argmax()) == int(labels[place])
    return hits


def _save(path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, done: Sequence[Epoch]) -> None:
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    for name, parameter in model.named_parameters():
        tensors[f"momentum.{name}"] = optimizer.state[parameter]["momentum_buffer"]
    told = json.dumps([vars(epoch) for epoch in done])
    with new_file(path) as temporary:
        save_file({n: t.cpu().contiguous().clone() for n, t in tensors.items()}, temporary, metadata={"epochs": told})


def _restore(path: Path, model: nn.Module, optimizer: torch.optim.Optimizer) -> list[Epoch]:
    """Fill model and optimizer from ``path``; what its epochs found. A file that is damaged counts as none."""
    if not path.is_file():
        return []
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            told = json.loads(file.metadata()["epochs"])
    except (SafetensorError, OSError, ValueError, KeyError, TypeError):
        log.warning("%s: damaged; this fold begins anew", path)
        return []
    model.load_state_dict({n.removeprefix("model."): t for n, t in tensors.items() if n.startswith("model.")})
    for name, parameter in model.named_parameters():
        optimizer.state[parameter]["momentum_buffer"] = tensors[f"momentum.{name}"].to(parameter.device)
    return [Epoch(e["loss"], e["held_out"], None if e["hits"] is None else tuple(e["hits"])) for e in told]
