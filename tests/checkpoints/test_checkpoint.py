from __future__ import annotations

import errno
import json
import math
import resource
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from videosync.checkpoints import checkpoint as module
from videosync.checkpoints.checkpoint import (
    Checkpoint,
    copy_checkpoint,
    file_hash,
    find_checkpoint,
    latest_checkpoint,
    list_checkpoints,
    load_weights,
    make_up_copies,
    read_checkpoint,
    save_checkpoint,
)
from videosync.errors import CheckpointError, VideoWriteError


def save(
    logdir: Path, name: str = "last", step: int = 1, model: nn.Module | None = None, copies: tuple[str, ...] = ()
) -> Checkpoint:
    model = model or nn.Linear(2, 3)
    return save_checkpoint(
        logdir,
        name,
        weights=model.state_dict(),
        state={"step": step, "random": [torch.get_rng_state()]},
        epoch=step // 10,
        step=step,
        metrics={"loss": 0.5},
        config={"optim": {"lr": 0.1}},
        copies=copies,
    )


def test_everything_comes_back(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).to(memory_format=torch.channels_last)
    saved = save(tmp_path, step=12, model=model)
    found = read_checkpoint(tmp_path / "checkpoints" / "last")
    assert found == saved
    assert sorted(path.name for path in found.folder.iterdir()) == ["checkpoint.json", "model.safetensors", "state.pt"]
    assert list(found.folder.parent.iterdir()) == [found.folder]
    assert (found.epoch, found.step, found.metrics, found.config) == (1, 12, {"loss": 0.5}, {"optim": {"lr": 0.1}})
    weights = found.weights()
    assert weights.keys() == model.state_dict().keys()
    assert all(torch.equal(weights[name], value) for name, value in model.state_dict().items())
    assert found.training_state()["step"] == 12


def test_state_with_code_in_it_is_refused(tmp_path: Path) -> None:
    found = save(tmp_path)
    torch.save({"path": tmp_path}, found.folder / "state.pt")  # any class but tensors and plain values
    with pytest.raises(CheckpointError, match="does not match the hash"):
        found.training_state()
    forged = replace(found, state_hash=file_hash(found.folder / "state.pt"))
    with pytest.raises(CheckpointError, match="more than tensors and plain values"):
        forged.training_state()


@pytest.mark.parametrize("moment", ["save_file", "file_hash"])
def test_a_run_interrupted_while_writing_keeps_the_old_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    old = save(tmp_path, step=1)

    def interrupted(*args: Any, **kwargs: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, moment, interrupted)
        with pytest.raises(KeyboardInterrupt):
            save(tmp_path, step=2)
    assert latest_checkpoint(tmp_path) == old
    assert old.weights()
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["last"]


@pytest.mark.parametrize("large", ["weights", "state"])
def test_a_disk_that_takes_no_more_is_one_sentence_and_keeps_the_old_checkpoint(tmp_path: Path, large: str) -> None:
    old = save(tmp_path, step=1)
    content = {"weights": {"a": torch.zeros(9)}, "state": {"a": torch.zeros(9)}, large: {"a": torch.zeros(99_999)}}
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        with pytest.raises(VideoWriteError, match=r"checkpoints/last: cannot be written \(File too large\); make room"):
            save_checkpoint(tmp_path, "last", epoch=1, step=2, metrics={}, config={}, **content)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert latest_checkpoint(tmp_path) == old
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["last"]


def test_a_disk_without_room_for_a_copy_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(source: Path, target: Path) -> None:  # as shutil says it
        raise OSError(errno.ENOSPC, "No space left on device", str(source), None, str(target))

    last = save(tmp_path)
    monkeypatch.setattr(module.shutil, "copyfile", full)
    with pytest.raises(VideoWriteError, match=r"checkpoints/best: cannot be written \(No space left on device\)"):
        copy_checkpoint(last, "best")
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["last"]


def test_latest_is_the_one_with_most_steps(tmp_path: Path) -> None:
    assert latest_checkpoint(tmp_path) is None
    save(tmp_path, "epoch_0002", step=20)
    save(tmp_path, "last", step=15)
    latest = latest_checkpoint(tmp_path)
    assert latest is not None
    assert latest.folder.name == "epoch_0002"
    newest = save(tmp_path, "last", step=20)
    assert latest_checkpoint(tmp_path) == newest


def test_copy_is_a_checkpoint_of_its_own(tmp_path: Path) -> None:
    copy_checkpoint(save(tmp_path, step=1), "best")
    save(tmp_path, step=2)
    best = find_checkpoint(tmp_path, "best")
    assert best.step == 1
    assert best.weights()
    assert [c.folder.name for c in list_checkpoints(tmp_path)] == ["best", "last"]


@pytest.mark.parametrize("done", [0, 1])
def test_copies_that_a_killed_process_did_not_get_to_are_made_up_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, done: int
) -> None:
    save(tmp_path, "best", step=1)
    copy, made = copy_checkpoint, []

    def killed(checkpoint: Checkpoint, name: str) -> None:
        if len(made) == done:
            raise KeyboardInterrupt
        made.append(name)
        copy(checkpoint, name)

    with monkeypatch.context() as patch:
        patch.setattr(module, "copy_checkpoint", killed)
        with pytest.raises(KeyboardInterrupt):
            save(tmp_path, step=2, copies=("best", "epoch_0002"))
    assert make_up_copies(tmp_path) == ["best", "epoch_0002"][done:]
    assert {one.folder.name: one.step for one in list_checkpoints(tmp_path)} == {"last": 2, "best": 2, "epoch_0002": 2}
    assert make_up_copies(tmp_path) == []


def test_names_of_copies_cannot_lead_elsewhere(tmp_path: Path) -> None:
    save(tmp_path, copies=("best", "../../elsewhere", ".hidden", "epoch_0001/x"))
    assert read_checkpoint(tmp_path / "checkpoints" / "last").copies == ("best",)


def test_missing_checkpoint_names_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no checkpoint 'best' there, nor any other; train first"):
        find_checkpoint(tmp_path, "best")
    save(tmp_path, "epoch_0010")
    with pytest.raises(CheckpointError, match=r"there are epoch_0010\. Did you mean 'epoch_0010'"):
        find_checkpoint(tmp_path, "epoch_010")


def test_weights_that_do_not_fit_are_named(tmp_path: Path) -> None:
    found = save(tmp_path, model=nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1, bias=False)))
    other = nn.Sequential(nn.Linear(2, 4), nn.Linear(3, 1), nn.Linear(1, 1))
    before = {name: value.clone() for name, value in other.state_dict().items()}
    with pytest.raises(CheckpointError) as caught:
        load_weights(other, found)
    assert "missing: 1.bias, 2.weight, 2.bias" in str(caught.value)
    assert "0.weight [3, 2] instead of [4, 2]" in str(caught.value)
    assert all(torch.equal(before[name], value) for name, value in other.state_dict().items())
    with pytest.raises(CheckpointError, match=r"unexpected: 1\.weight"):
        load_weights(nn.Sequential(nn.Linear(2, 3)), found)


def test_exchanged_or_damaged_files_are_noticed(tmp_path: Path) -> None:
    found = save(tmp_path)
    (found.folder / "model.safetensors").write_bytes(b"something else")
    with pytest.raises(CheckpointError, match="does not match the hash"):
        found.weights()
    (found.folder / "state.pt").write_bytes(b"something else")
    with pytest.raises(CheckpointError, match=r"state\.pt: does not match the hash"):
        found.training_state()
    (found.folder / "state.pt").unlink()
    with pytest.raises(CheckpointError, match=r"state\.pt: missing"):
        found.training_state()
    for epoch in (1, math.inf):
        (found.folder / "checkpoint.json").write_text(json.dumps({"epoch": epoch}))
        with pytest.raises(CheckpointError, match="no description of a checkpoint"):
            list_checkpoints(tmp_path)


def test_a_damaged_checkpoint_does_not_hide_the_others(tmp_path: Path) -> None:
    best = save(tmp_path, "best")
    (save(tmp_path, "last").folder / "checkpoint.json").write_text("{")
    assert find_checkpoint(tmp_path, "best") == best
    with pytest.raises(CheckpointError, match="damaged"):
        find_checkpoint(tmp_path, "last")
    with pytest.raises(CheckpointError, match="damaged"):
        latest_checkpoint(tmp_path)  # what resuming asks for: never passed over in silence
