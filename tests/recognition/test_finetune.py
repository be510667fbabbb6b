"""Fine-tuning: its rate, which epoch is taken, and that an interrupted one ends as if it had not been."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.recognition.replicas import make_videos
from videosync.data.manifest import read_manifest
from videosync.errors import TrainingError
from videosync.models.r2plus1d import VideoBackbone
from videosync.recognition import finetune as module
from videosync.recognition.clips import Damage, VideoClips
from videosync.recognition.finetune import Epoch, Recogniser, Work, best_on_test, chosen_epoch, finetune_fold
from videosync.recognition.items import class_numbers, classes_of, video_fold
from videosync.recognition.options import FinetuneOptions

OPTIONS = FinetuneOptions(epochs=3, batch_size=2, lr=0.01, milestones=[1, 2], dropout=0.2, test_clips=2)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Work:
    root = tmp_path_factory.mktemp("ucf101")
    make_videos(root, events=3, frames=8)
    fold = video_fold(read_manifest(root / "fold1"), "1", train="train", test="test")
    classes = classes_of(fold.train)
    train, test = class_numbers(fold.train, classes), class_numbers(fold.test, classes)
    return Work(
        train=(fold.train, train),
        held=(fold.train[:1], train[:1]),
        test=(fold.test, test),
        clips=VideoClips(4, 12.0, 16),
        augment=None,
        samples=2,
        seed=3,
        threads=0,
        device=torch.device("cpu"),
    )


def fresh() -> Recogniser:
    torch.manual_seed(0)
    return Recogniser(VideoBackbone(width=2), 2, dropout=0.2)


def test_an_interrupted_training_ends_as_if_it_had_not_been(work: Work, tmp_path: Path) -> None:
    whole, resumed = fresh(), fresh()
    expected = finetune_fold(whole, work, OPTIONS, Damage(), state=tmp_path / "whole.safetensors")
    finetune_fold(fresh(), work, replace(OPTIONS, epochs=2), Damage(), state=tmp_path / "part.safetensors")
    steps: list[int] = []
    found = finetune_fold(resumed, work, OPTIONS, Damage(), state=tmp_path / "part.safetensors", on_step=steps.append)
    assert [epoch.hits for epoch in found] == [epoch.hits for epoch in expected]
    assert steps == [2 * len(work.train[0]), *[1] * len(work.train[0])]  # two clips a video, two clips a step
    for name, tensor in whole.state_dict().items():
        torch.testing.assert_close(resumed.state_dict()[name], tensor)


def test_a_damaged_state_begins_anew(work: Work, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    state = tmp_path / "state.safetensors"
    state.write_bytes(b"no tensors")
    assert len(finetune_fold(fresh(), work, replace(OPTIONS, epochs=1), Damage(), state=state)) == 1
    assert "damaged; this fold begins anew" in caplog.text


def test_the_rate_falls_at_the_milestones(work: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rates: list[float] = []

    def epoch(model, loader, optimizer, *_):  # type: ignore[no-untyped-def]
        rates.append(optimizer.param_groups[0]["lr"])
        for parameter in model.parameters():
            optimizer.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
        return 1.0

    monkeypatch.setattr(module, "_train_epoch", epoch)
    finetune_fold(fresh(), work, OPTIONS, Damage(), state=tmp_path / "s.safetensors")
    np.testing.assert_allclose(rates, [0.01, 0.003, 0.0009])


def test_test_videos_can_be_looked_at_for_the_best_epochs_alone(work: Work, tmp_path: Path) -> None:
    options = replace(OPTIONS, test_every_epoch=False)
    epochs = finetune_fold(fresh(), work, options, Damage(), state=tmp_path / "s.safetensors")
    assert epochs[chosen_epoch(epochs)].hits is not None
    best = -1.0
    for epoch in epochs:
        assert (epoch.hits is not None) == (epoch.held_out > best)
        best = max(best, epoch.held_out)


def test_a_loss_that_is_not_finite_stops(work: Work, tmp_path: Path) -> None:
    model = fresh()
    with torch.no_grad():
        model.classifier.weight.fill_(float("nan"))
    with pytest.raises(TrainingError, match=r"the loss of fine-tuning is nan in epoch 1; lower finetune.lr \(0.01\)"):
        finetune_fold(model, work, OPTIONS, Damage(), state=tmp_path / "s.safetensors")


def test_the_epoch_is_chosen_on_held_out_videos_and_as_published_on_test() -> None:
    epochs = [Epoch(1.0, 0.5, (True, True)), Epoch(0.5, 0.7, (True, False)), Epoch(0.2, 0.7, (False, False))]
    assert chosen_epoch(epochs) == 1
    assert best_on_test(epochs) == 0
    assert chosen_epoch([replace(epoch, held_out=None) for epoch in epochs]) == 2


@pytest.mark.slow
def test_it_learns_which_way_bars_move(tmp_path: Path) -> None:
    make_videos(tmp_path, events=8, frames=12)
    fold = video_fold(read_manifest(tmp_path / "fold1"), "1", train="train", test="test")
    classes = classes_of(fold.train)
    train, test = ((items, class_numbers(items, classes)) for items in (fold.train, fold.test))
    work = Work(
        train=train, held=((), np.zeros(0, dtype=int)), test=test, clips=VideoClips(4, 12.0, 24), augment=None,
        samples=2, seed=3, threads=0, device=torch.device("cpu"),
    )  # fmt: skip
    torch.manual_seed(0)
    model = Recogniser(VideoBackbone(width=4), 2, dropout=0.0)
    options = FinetuneOptions(epochs=12, batch_size=4, lr=0.02, milestones=[8], test_clips=2)
    epochs = finetune_fold(model, work, options, Damage(), state=tmp_path / "s.safetensors")
    assert np.median([epoch.test for epoch in epochs[-4:]]) >= 0.75
    assert epochs[-1].held_out is None
    assert chosen_epoch(epochs) == 11
