from __future__ import annotations

import json
import math
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.engine.toy import StillEncoder, ToyClips, ToyValidator, toy_trainer
from videosync.engine.checkpoint import find_checkpoint, latest_checkpoint, list_checkpoints
from videosync.engine.loggers import Logger
from videosync.engine.resume import resume
from videosync.errors import TrainingError


class Recorder(Logger):
    def __init__(self) -> None:
        self.steps: list[dict[str, float]] = []
        self.validations: list[dict[str, float]] = []

    def step(self, record: Any) -> None:
        self.steps.append(dict(record))

    def validation(self, record: Any) -> None:
        self.validations.append(dict(record))

    def series(self, name: str) -> list[float]:
        return [record[name] for record in self.steps]


def train(trainer: Any) -> Recorder:
    trainer.logger = Recorder()
    trainer.run()
    return trainer.logger


def weights(trainer: Any) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in trainer.encoder.state_dict().items()}


class StopAt(Recorder):
    """Sends this process a signal when a step is done."""

    def __init__(self, step: int, number: int = signal.SIGTERM) -> None:
        super().__init__()
        self.at, self.number = step, number

    def step(self, record: Any) -> None:
        super().step(record)
        if record["step"] == self.at:
            os.kill(os.getpid(), self.number)


def test_training_lowers_the_loss_and_leaves_last_and_best(tmp_path: Path) -> None:
    record = train(toy_trainer(tmp_path, epochs=8))
    losses = record.series("loss")
    assert len(losses) == 32
    assert sum(losses[-4:]) < 0.8 * sum(losses[:4])
    assert [c.folder.name for c in list_checkpoints(tmp_path)] == ["best", "last"]
    assert find_checkpoint(tmp_path, "best").step == 32  # nothing to choose by: the last is the best


@pytest.mark.parametrize("stop_after", [4, 6], ids=["end of an epoch", "middle of an epoch"])
@pytest.mark.parametrize("workers", [0, 1])
def test_resumed_run_equals_uninterrupted_run(tmp_path: Path, stop_after: int, workers: int) -> None:
    whole = toy_trainer(tmp_path / "whole", workers=workers)
    uninterrupted = train(whole)

    first = toy_trainer(tmp_path / "parts", workers=workers, max_steps=stop_after)
    before = train(first)
    torch.manual_seed(12345)  # a new process knows nothing of the old generators
    second = toy_trainer(tmp_path / "parts", workers=workers)
    checkpoint = latest_checkpoint(tmp_path / "parts")
    assert checkpoint is not None
    assert checkpoint.step == stop_after
    assert resume(second, checkpoint) == []
    after = train(second)

    for name in ("step", "epoch", "loss", "lr", "grad_norm"):
        assert before.series(name) + after.series(name) == uninterrupted.series(name)
    for name, value in weights(whole).items():
        assert torch.equal(value, weights(second)[name]), name


def test_resumed_run_equals_uninterrupted_run_with_accumulation_and_validation(tmp_path: Path) -> None:
    def run(logdir: Path, **options: Any) -> Any:
        return toy_trainer(logdir, accumulate=3, validator=ToyValidator([3.0, 2.0, 1.0, 0.5]), **options)

    uninterrupted = train(run(tmp_path / "whole"))
    assert len(uninterrupted.steps) == 6  # each epoch of 4 batches: 3 and 1
    before = train(run(tmp_path / "parts", max_steps=3))
    second = run(tmp_path / "parts")
    resume(second, latest_checkpoint(tmp_path / "parts"))
    assert second.state.batch == 3
    after = train(second)
    assert before.series("loss") + after.series("loss") == uninterrupted.series("loss")


def test_accumulating_batches_gives_the_gradient_of_one_large_batch(tmp_path: Path) -> None:
    # batch statistics and dropout would differ by design
    parts = toy_trainer(tmp_path / "a", model=StillEncoder, batch_size=4, accumulate=2, max_steps=1)
    whole = toy_trainer(tmp_path / "b", model=StillEncoder, batch_size=8, max_steps=1)
    a, b = train(parts), train(whole)
    assert a.series("loss") == pytest.approx(b.series("loss"), rel=1e-5)
    assert a.series("grad_norm") == pytest.approx(b.series("grad_norm"), rel=1e-4)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_saves_the_step_it_came_in_and_training_goes_on_from_there(
    tmp_path: Path, number: int
) -> None:
    uninterrupted = train(toy_trainer(tmp_path / "whole"))
    stopped = toy_trainer(tmp_path / "parts")
    stopped.logger = record = StopAt(5, number)
    handler = signal.getsignal(number)
    assert stopped.run() == number
    assert signal.getsignal(number) == handler
    last = latest_checkpoint(tmp_path / "parts")
    assert last is not None
    assert last.step == len(record.steps)
    assert last.step in (5, 6)  # noted in step 6 at the latest
    second = toy_trainer(tmp_path / "parts")
    resume(second, last)
    assert record.series("loss") + train(second).series("loss") == uninterrupted.series("loss")


class StoppedValidator(ToyValidator):
    """The signal comes during the validation of number ``at``."""

    def __init__(self, at: int) -> None:
        super().__init__([3.0, 2.0, 1.0])
        self.at = at

    def measure(self, encoder: torch.nn.Module, check: Callable[[], None] = lambda: None) -> dict[str, float]:
        self.at -= 1
        if self.at == 0:
            os.kill(os.getpid(), signal.SIGTERM)
        check()
        return super().measure(encoder)


@pytest.mark.parametrize("at", [1, 3])
def test_signal_breaks_validation_off_and_it_is_made_up_for(tmp_path: Path, at: int) -> None:
    whole = train(toy_trainer(tmp_path / "whole", validator=ToyValidator([3.0, 2.0, 1.0])))
    stopped = toy_trainer(tmp_path / "parts", validator=StoppedValidator(at))
    before = train(stopped)
    assert stopped.stop_signal == signal.SIGTERM
    second = toy_trainer(tmp_path / "parts", validator=ToyValidator([3.0, 2.0, 1.0][at - 1 :]))
    saved = latest_checkpoint(tmp_path / "parts")
    assert saved is not None
    assert saved.step == 4 * at
    resume(second, saved)
    after = train(second)
    assert before.validations + after.validations == whole.validations
    assert before.series("loss") + after.series("loss") == whole.series("loss")


def test_not_finite_loss_names_step_rate_and_clips_and_keeps_the_last_checkpoint(tmp_path: Path) -> None:
    train(toy_trainer(tmp_path, epochs=1))
    good = find_checkpoint(tmp_path, "last")
    trainer = toy_trainer(tmp_path, clips=ToyClips(16, bad=[3]))
    resume(trainer, good)
    with pytest.raises(TrainingError) as caught:
        train(trainer)
    text = str(caught.value)
    for part in ("loss is nan", "lr 0.0", "clip3", "epoch 1", "optim.lr", str(good.folder)):
        assert part in text
    assert "\n" not in text
    assert find_checkpoint(tmp_path, "last") == good
    assert all(value.isfinite().all() for value in good.weights().values())


def test_not_finite_gradient_stops_before_the_weights_are_touched(tmp_path: Path) -> None:
    trainer = toy_trainer(tmp_path)
    trainer.encoder.last.weight.register_hook(lambda grad: grad * math.inf)
    before = weights(trainer)
    with pytest.raises(TrainingError, match="gradient norm is"):
        train(trainer)
    assert torch.equal(before["last.weight"], trainer.encoder.last.weight)
    assert list_checkpoints(tmp_path) == []


def test_not_finite_validation_stops(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="val/score is nan"):
        train(toy_trainer(tmp_path, validator=ToyValidator([math.nan])))


def test_best_is_the_lowest_score_and_numbered_checkpoints_stay(tmp_path: Path) -> None:
    record = train(toy_trainer(tmp_path, validator=ToyValidator([2.0, 1.0, 3.0]), save_every=2))
    assert [r["val/score"] for r in record.validations] == [2.0, 1.0, 3.0]
    epochs = {c.folder.name: c.epoch for c in list_checkpoints(tmp_path)}
    assert epochs == {"best": 2, "epoch_0002": 2, "last": 3}
    best = find_checkpoint(tmp_path, "best")
    assert best.metrics["val/score"] == 1.0
    assert best.weights_hash == find_checkpoint(tmp_path, "epoch_0002").weights_hash


def test_best_is_remembered_across_a_restart(tmp_path: Path) -> None:
    train(toy_trainer(tmp_path, validator=ToyValidator([1.0]), epochs=1))
    second = toy_trainer(tmp_path, validator=ToyValidator([2.0, 3.0]))
    resume(second, find_checkpoint(tmp_path, "last"))
    train(second)
    assert find_checkpoint(tmp_path, "best").epoch == 1


def test_validation_every_second_epoch_and_at_the_end(tmp_path: Path) -> None:
    record = train(toy_trainer(tmp_path, validator=ToyValidator([2.0, 1.0]), eval_every=2))
    assert [r["epoch"] for r in record.validations] == [2, 3]


def test_changed_options_of_the_optimizer_hold_after_resuming(tmp_path: Path) -> None:
    train(toy_trainer(tmp_path, max_steps=3))
    second = toy_trainer(tmp_path, learning_rate=lambda step: 0.5)
    resume(second, find_checkpoint(tmp_path, "last"))
    assert train(second).series("lr")[0] == 0.5


def test_changed_number_of_batches_restarts_the_epoch_and_says_so(tmp_path: Path) -> None:
    train(toy_trainer(tmp_path, max_steps=6))
    second = toy_trainer(tmp_path, clips=ToyClips(12))
    remarks = resume(second, find_checkpoint(tmp_path, "last"))
    assert "3 batches an epoch instead of 4" in remarks[0]
    assert (second.state.epoch, second.state.batch) == (1, 0)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_mixed_precision_trains_on_the_cpu(tmp_path: Path, precision: str) -> None:
    losses = train(toy_trainer(tmp_path, precision=precision, epochs=8)).series("loss")
    assert sum(losses[-4:]) < 0.85 * sum(losses[:4])
    state = find_checkpoint(tmp_path, "last").training_state()
    assert bool(state["scaler"]) == (precision == "fp16")


def test_checkpoint_summary_is_readable(tmp_path: Path) -> None:
    train(toy_trainer(tmp_path, epochs=1, settings={"optim": {"lr": 0.01}}))
    summary = json.loads((tmp_path / "checkpoints" / "last" / "checkpoint.json").read_text())
    assert summary["epoch"] == 1
    assert summary["step"] == 4
    assert summary["config"] == {"optim": {"lr": 0.01}}
    assert summary["metrics"]["loss"] > 0
    assert summary["versions"]["torch"] == torch.__version__
