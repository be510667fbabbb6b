"""A training run small enough for a unit test: real trainer, checkpoints and loss; toy clips and encoder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import Dataset

from videosync.config.schema import OptimConfig, TrainConfig
from videosync.data.audio_visual import AudioVisualPair, collate_pairs
from videosync.data.datasets import ClipPair, collate
from videosync.data.loaders import training_loader
from videosync.engine.batches import BatchSource
from videosync.engine.distributed import Distributed
from videosync.engine.trainer import Trainer
from videosync.engine.validation import Validator
from videosync.losses.scl import Scl
from videosync.models.crisscross import CrissCrossModel
from videosync.models.options import CrissCrossOptions

FRAMES, FEATURES = 8, 6


class ToyClips(Dataset[ClipPair]):
    """Item i is a pair of noisy views of one random walk, a function of i alone; ``drawn`` are those asked for."""

    def __init__(self, count: int, bad: Sequence[int] = ()) -> None:
        self.count = count
        self.bad = set(bad)
        self.drawn: list[int] = []

    def __len__(self) -> int:
        return self.count

    def set_epoch(self, epoch: int) -> None:
        """The same items in every epoch."""

    def __getitem__(self, index: int) -> ClipPair:
        self.drawn.append(index)
        generator = torch.Generator().manual_seed(index)
        walk = torch.randn(FRAMES, FEATURES, generator=generator).cumsum(0)
        frames = walk + 0.1 * torch.randn(2, FRAMES, FEATURES, generator=generator)  # [V, T, F]
        if index in self.bad:
            frames = frames * float("nan")
        return ClipPair(
            frames=frames,
            mask=torch.ones(2, FRAMES, dtype=torch.bool),
            steps=torch.arange(FRAMES).expand(2, -1),
            lengths=torch.full((2,), FRAMES),
            name=f"clip{index}",
        )


class ToyEncoder(nn.Module):
    """Two layers with batch norm and dropout: everything that has state or draws random numbers."""

    def __init__(self, dropout: float = 0.1) -> None:
        super().__init__()
        self.first = nn.Linear(FEATURES, 16)
        self.norm = nn.BatchNorm1d(16)
        self.dropout = nn.Dropout(dropout)
        self.last = nn.Linear(16, 8)

    def forward(self, frames: Tensor, mask: Tensor | None = None, project: bool = False) -> Tensor:
        hidden = self.norm(self.first(frames).flatten(0, -2)).unflatten(0, frames.shape[:-1])  # [B, V, T, 16]
        return F.normalize(self.last(self.dropout(hidden.relu())).float(), dim=-1)


class StillEncoder(ToyEncoder):
    """Always in evaluation mode, so that a clip's embeddings do not depend on its batch."""

    def train(self, mode: bool = True) -> StillEncoder:
        super().train(False)
        return self


class ToySounds(ToyClips):
    """Item i is two noisy clips, with sound, that are a function of i alone."""

    def __getitem__(self, index: int) -> AudioVisualPair:  # type: ignore[override]
        generator = torch.Generator().manual_seed(index)
        video = torch.randn(2, 3, 2, 8, 8, generator=generator)
        return AudioVisualPair(video, torch.randn(2, 1, 80, 9, generator=generator), f"clip{index}")


class StillStreams(CrissCrossModel):
    """A small network of two streams that is always in evaluation mode, as :class:`StillEncoder`."""

    def __init__(self) -> None:
        super().__init__(CrissCrossOptions(width=2, projection_size=16, prediction_size=4))
        for module in self.modules():  # else its batch norm changes nothing, and all clips look the same to it
            if isinstance(module, nn.BatchNorm1d):
                module.running_var.fill_(0.01)

    def train(self, mode: bool = True) -> StillStreams:
        super().train(False)
        return self


class ToyValidator(Validator):
    """Validation whose scores are given beforehand: one a call, one of each held-out event, or an error to raise."""

    criterion = "val/score"
    identity = "toy"

    def __init__(self, scores: Sequence[Any]) -> None:
        self.scores = list(scores)

    def measure(self, encoder: nn.Module, check: Callable[[], None] = lambda: None) -> dict[str, float]:
        torch.rand(3)  # draws from the global generator, as a validation may
        score = self.scores.pop(0)
        if isinstance(score, Exception):
            raise score
        each = [score] if isinstance(score, int | float) else score
        self.events = {f"event{number}": (value, 1.0) for number, value in enumerate(each)}
        return {"val/score": sum(each) / len(each)}


def toy_trainer(
    logdir: Path,
    *,
    distributed: Distributed | None = None,
    clips: ToyClips | None = None,
    model: Callable[[], nn.Module] = ToyEncoder,
    batch_size: int = 4,
    workers: int = 0,
    **options: Any,
) -> Trainer:
    """A trainer of 3 epochs of 4 batches; ``options`` replace those of the plan and the trainer's own."""
    distributed = distributed or Distributed(rank=0, world_size=1, local_rank=0, device=torch.device("cpu"))
    torch.manual_seed(0)
    encoder = model()
    clips = clips or ToyClips(16)
    loader, sampler = training_loader(
        clips,
        batch_size=batch_size,
        num_workers=workers,
        rank=distributed.rank,
        world_size=distributed.world_size,
        seed=0,
        collate=collate_pairs if isinstance(clips, ToySounds) else collate,
    )
    train = {"epochs": 3, "eval_every": 1, "save_every": 0}
    train |= {f.name: options.pop(f.name) for f in fields(TrainConfig) if f.name in options}
    optim = {f.name: options.pop(f.name) for f in fields(OptimConfig) if f.name in options}
    rate = options.pop("learning_rate", None)
    trainer = Trainer(
        encoder=encoder,
        source=BatchSource(clips, loader, sampler, distributed),
        distributed=distributed,
        logdir=logdir,
        train=TrainConfig(**train, batch_size=batch_size),
        optim=OptimConfig(lr=0.01, warmup_epochs=0.5, **optim),
        **{"loss": Scl(), "validator": Validator(), "settings": {}, **options},
    )
    trainer.learning_rate = rate or trainer.learning_rate
    return trainer
