"""The tasks, each on one fold: what is fitted on its train files, and what is right of its test files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from videosync.audio.augment import SoundAugment
from videosync.errors import ManifestError
from videosync.models.audio_resnet import AudioBackbone
from videosync.models.crisscross import CrissCrossModel
from videosync.models.r2plus1d import VideoBackbone
from videosync.recognition.clips import Damage, SoundClips, VideoClips, read_ahead, seeded
from videosync.recognition.features import CALIBRATION_FILES, CLIPS_AT_ONCE, Network, calibrate_norm, conv5, features_of
from videosync.recognition.items import (
    Fold,
    Item,
    check_fold,
    class_numbers,
    classes_of,
    floor_share,
    hold_out,
    short_name,
)
from videosync.recognition.linear import train_linear
from videosync.recognition.options import FinetuneOptions, LinearOptions, SvmOptions
from videosync.recognition.report import FoldResult, Measure
from videosync.recognition.svm import score_costs
from videosync.video.transforms import ClipAugment

Progress = Callable[[str, int, str], AbstractContextManager[Callable[[int], object]]]  # title, total, unit
Backbone = TypeVar("Backbone", VideoBackbone, AudioBackbone)


@dataclass(frozen=True)
class Streams:
    """What is evaluated, float32 and in evaluation mode; None where there is no such part."""

    video: VideoBackbone | None = None
    audio: AudioBackbone | None = None
    heads: CrissCrossModel | None = None  # with its projectors and predictors


@dataclass(frozen=True)
class Setting:
    """How files are read and networks are run, for all tasks and folds."""

    streams: Streams
    video: VideoClips
    sound_seconds: float  # of a clip beside a clip of pictures
    video_augment: ClipAugment | None
    sound_augment: SoundAugment | None
    samples: int  # clips of a train video in an epoch of fine-tuning
    holdout: float
    calibrate: bool
    seed: int
    threads: int
    device: torch.device
    bf16: bool
    where: Path  # the data set, for messages
    progress: Progress
    known: dict[str, dict[Path, np.ndarray]] = field(default_factory=dict)  # features that all folds share

    def features(
        self, what: str, items: Sequence[Item], read: Callable[[Item], Tensor], network: Network, damage: Damage
    ) -> dict[Path, np.ndarray]:
        """Features float32 ``[n, D]`` of the files that can be read; kept for other folds if the network is theirs."""
        known = {} if self.calibrate else self.known.setdefault(what, {})
        missing = [item for item in items if item.path not in known]
        with (
            self.progress(what, len(missing), "file") as advance,
            torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16),
        ):
            known.update(
                features_of(missing, read, network, damage, device=self.device, threads=self.threads, on_item=advance)
            )
        return {item.path: known[item.path] for item in items if item.path in known}

    def calibrated(self, backbone: Backbone, items: Sequence[Item], read: Callable[[Item], Tensor]) -> Backbone:
        """``backbone`` on its device; where it is asked a copy whose batch norm has the statistics of train clips."""
        if not self.calibrate:
            return backbone.to(self.device)
        copy = deepcopy(backbone).to(self.device)
        order = np.random.default_rng(self.seed).permutation(len(items))[:CALIBRATION_FILES]
        found = [clips for _, clips in read_ahead([items[i] for i in order], read, Damage(), threads=self.threads)]
        if found:
            calibrate_norm(copy, (part.to(self.device) for part in torch.cat(found).split(CLIPS_AT_ONCE)))
        return copy


class Parts:
    """Those files of a fold whose features are known, as arrays."""

    def __init__(self, fold: Fold, setting: Setting, damage: Damage, known: Sequence[dict[Path, np.ndarray]]) -> None:
        self.damage = damage
        self.fold = usable(fold, known, damage)
        self.notes = check_fold(self.fold, where=setting.where)
        self.classes = classes_of(self.fold.train)
        self.train = class_numbers(self.fold.train, self.classes)
        self.test = class_numbers(self.fold.test, self.classes)
        self.held = hold_out(self.fold.train, share=setting.holdout, seed=setting.seed)
        if not self.held.any():
            self.notes.append("each class has one group to train on: none could be held out, and nothing is chosen")

    def floor(self) -> float:
        return floor_share(self.fold.train, self.fold.test)

    def result(self, measures: dict[str, Measure], **details: Any) -> FoldResult:
        return fold_result(self.fold, self.damage, measures, self.notes, **details)


def usable(fold: Fold, known: Sequence[dict[Path, np.ndarray]], damage: Damage) -> Fold:
    """``fold`` with the files that all of ``known`` have. Raises ManifestError: no test file is left."""
    train, test = (
        tuple(item for item in items if all(item.path in found for found in known)) for items in (fold.train, fold.test)
    )
    if not test or not train:
        reason = next(iter(damage.unread.values()), "none is listed")
        raise ManifestError(f"fold {fold.name}: no file to {'test' if train else 'train on'} can be read ({reason})")
    return replace(fold, train=train, test=test)


def fold_result(
    fold: Fold, damage: Damage, measures: dict[str, Measure], notes: Sequence[str], **details: Any
) -> FoldResult:
    return FoldResult(
        fold=fold.name,
        train=len(fold.train),
        groups=[item.group for item in fold.test],
        files=[short_name(item.path) for item in fold.test],
        measures=measures,
        unread={short_name(path): reason for path, reason in damage.unread.items()},
        short=len(damage.short),
        notes=list(notes),
        details=details,
    )


def rows(known: dict[Path, np.ndarray], items: Sequence[Item]) -> np.ndarray:
    """Features ``[N, n, D]`` of ``items``."""
    return np.stack([known[item.path] for item in items])


def sound_svm(fold: Fold, setting: Setting, svm: SvmOptions) -> FoldResult:
    """A linear SVM on conv5 of the sound backbone; C chosen on held-out train files, and as published, on test."""
    damage, clips = Damage(), SoundClips(svm.seconds)
    assert setting.streams.audio is not None
    spaced: Callable[[Item], Tensor] = lambda item: clips.spaced(item, svm.test_clips, damage)  # noqa: E731
    drawn: Callable[[Item], Tensor] = lambda item: clips.drawn(  # noqa: E731
        item, svm.train_clips, setting.sound_augment, seeded(setting.seed, "svm", short_name(item.path)), damage
    )
    backbone = setting.calibrated(setting.streams.audio, fold.train, lambda item: clips.spaced(item, 1, Damage()))
    network = conv5(backbone.feature_map)
    train = setting.features("features of train clips", fold.train, drawn, network, damage)
    plain = setting.features("features of test clips", [*fold.train, *fold.test], spaced, network, damage)
    parts = Parts(fold, setting, damage, [{**plain, **train}, plain])
    costs = [*svm.costs, *svm.more_costs]
    with setting.progress(f"fold {fold.name}: SVM", len(costs), "C") as advance:
        scores = score_costs(
            (rows(train, parts.fold.train), parts.train, parts.held),
            (rows(plain, [i for i, out in zip(parts.fold.train, parts.held) if out]), parts.train[parts.held])
            if parts.held.any()
            else None,
            (rows(plain, parts.fold.test), parts.test),
            costs,
            seed=setting.seed,
            on_fit=advance,
        )
    if scores.unfinished:
        parts.notes.append(f"the SVM had not converged for C of {', '.join(f'{c:g}' for c in scores.unfinished)}")
    chosen = {
        "cost": scores.chosen(costs),
        "published_costs": scores.chosen(svm.costs),
        "best_cost_on_test": scores.best_on_test(svm.costs),
    }
    measures = {name: Measure(scores.of(c).tolist(), parts.floor(), f"C {c:g}") for name, c in chosen.items()}
    held_out = dict(zip(map(str, scores.costs), scores.held_out))
    return parts.result(measures, held_out_accuracy=held_out, test_accuracy=scores.test_accuracy())


def sound_linear(fold: Fold, setting: Setting, linear: LinearOptions) -> FoldResult:
    """A linear layer on features of the sound backbone, after its last epoch."""
    damage, clips = Damage(), SoundClips(linear.seconds)
    assert setting.streams.audio is not None
    backbone = setting.calibrated(setting.streams.audio, fold.train, lambda item: clips.spaced(item, 1, Damage()))
    known = setting.features(
        "features of clips",
        [*fold.train, *fold.test],
        lambda item: clips.spaced(item, linear.clips, damage),
        backbone,
        damage,
    )
    parts = Parts(fold, setting, damage, [known])
    with setting.progress(f"fold {fold.name}: linear layer", linear.epochs, "epoch") as advance:
        hits = train_linear(
            (rows(known, parts.fold.train), parts.train),
            (rows(known, parts.fold.test), parts.test),
            linear,
            num_classes=len(parts.classes),
            seed=setting.seed,
            device=setting.device,
            on_epoch=advance,
        )
    return parts.result({"last_epoch": Measure(hits.tolist(), parts.floor())})


def finetune(fold: Fold, setting: Setting, finetune: FinetuneOptions, *, state: Path) -> FoldResult:
    """The whole video backbone; the epoch chosen on held-out train videos, and as published, on test."""
    from videosync.recognition.finetune import Recogniser, Work, best_on_test, chosen_epoch, finetune_fold

    notes, damage = check_fold(fold, where=setting.where), Damage()
    classes = classes_of(fold.train)
    held = hold_out(fold.train, share=setting.holdout, seed=setting.seed)
    if not held.any():
        notes.append("each class has one group to train on: none could be held out, and the last epoch is taken")
    labels = class_numbers(fold.train, classes)
    assert setting.streams.video is not None
    torch.manual_seed(setting.seed)
    model = Recogniser(deepcopy(setting.streams.video), len(classes), dropout=finetune.dropout)
    train = [item for item, out in zip(fold.train, held) if not out]
    work = Work(
        train=(train, labels[~held]),
        held=([item for item, out in zip(fold.train, held) if out], labels[held]),
        test=(fold.test, class_numbers(fold.test, classes)),
        clips=setting.video,
        augment=setting.video_augment,
        samples=setting.samples,
        seed=setting.seed,
        threads=setting.threads,
        device=setting.device,
        bf16=setting.bf16,
    )
    steps = len(train) * setting.samples // finetune.batch_size * finetune.epochs
    with setting.progress(f"fold {fold.name}: fine-tuning", steps, "step") as advance:
        epochs = finetune_fold(model, work, finetune, damage, state=state, on_step=advance)
    good = np.array([item.path not in damage.unread for item in fold.test])
    read = {item.path: labels for item in (*fold.train, *fold.test) if item.path not in damage.unread}
    left = usable(fold, [read], damage)
    chosen = {"epoch": chosen_epoch(epochs), "best_epoch_on_test": best_on_test(epochs), "last_epoch": len(epochs) - 1}
    measures = {
        name: Measure(np.array(epochs[n].hits)[good].tolist(), floor_share(left.train, left.test), f"epoch {n + 1}")
        for name, n in chosen.items()
        if epochs[n].hits is not None and (finetune.test_every_epoch or name == "epoch")
    }
    told = [{"loss": e.loss, "held_out": e.held_out, "test": e.test if e.hits else None} for e in epochs]
    return fold_result(left, damage, measures, notes, epochs=told, held_out_videos=int(held.sum()))
