from __future__ import annotations

import json
import math
import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.engine.toy import StillEncoder, ToyClips, ToyValidator, toy_trainer
from videosync.checkpoints.checkpoint import find_checkpoint, latest_checkpoint, list_checkpoints, save_checkpoint
from videosync.engine.loggers import Logger
from videosync.engine.optim import learning_rate
from videosync.engine.train import resume
from videosync.errors import CheckpointError, NotFiniteError, TrainingError


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


class StopBehind(Recorder):
    """Makes a trainer stop, as it does for a signal, right behind a step."""

    def __init__(self, trainer: Any, step: int) -> None:
        super().__init__()
        self.trainer, self.at = trainer, step

    def step(self, record: Any) -> None:
        super().step(record)
        if record["step"] == self.at:
            self.trainer.stop_signal = signal.SIGTERM


def train(trainer: Any, stop_behind: int = 0) -> Recorder:
    trainer.logger = StopBehind(trainer, stop_behind)
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


@pytest.mark.parametrize("precision", ["float32", "bf16", "fp16"])
def test_training_lowers_the_loss_and_leaves_last_and_best(tmp_path: Path, precision: str) -> None:
    losses = train(toy_trainer(tmp_path, precision=precision, epochs=8)).series("loss")
    assert len(losses) == 32
    assert sum(losses[-4:]) < (0.8 if precision == "float32" else 0.85) * sum(losses[:4])
    assert bool(find_checkpoint(tmp_path, "last").training_state()["scaler"]) == (precision == "fp16")
    assert [c.folder.name for c in list_checkpoints(tmp_path)] == ["best", "last"]
    assert find_checkpoint(tmp_path, "best").step == 32  # nothing to choose by: the last is the best


@pytest.mark.parametrize(
    ("stop_after", "accumulate", "workers", "place"),
    [
        (4, 1, 0, (0, 16)),
        pytest.param(4, 1, 1, (0, 16), marks=pytest.mark.slow),
        (6, 1, 0, (1, 8)),
        (6, 1, 1, (1, 8)),
        (3, 3, 0, (1, 12)),
    ],
)
def test_resumed_run_equals_uninterrupted_run(
    tmp_path: Path, stop_after: int, accumulate: int, workers: int, place: tuple[int, int]
) -> None:
    def run(logdir: Path, workers: int = workers) -> Any:
        validator = ToyValidator([3.0, 2.0, 1.0])
        return toy_trainer(logdir, accumulate=accumulate, workers=workers, validator=validator)

    whole = run(tmp_path / "whole", workers=0)  # the data do not depend on workers
    uninterrupted = train(whole)
    assert len(uninterrupted.steps) == {1: 12, 3: 6}[accumulate]  # 4 batches an epoch: 3 and 1

    before = train(run(tmp_path / "parts"), stop_after)
    torch.manual_seed(12345)  # a new process knows nothing of the old generators
    second = run(tmp_path / "parts")
    checkpoint = latest_checkpoint(tmp_path / "parts")
    assert checkpoint.step == stop_after
    assert resume(second, checkpoint) == []
    assert (second.state.epoch, second.state.samples) == place
    after = train(second)

    for name in ("step", "epoch", "loss", "lr", "grad_norm"):
        assert before.series(name) + after.series(name) == uninterrupted.series(name)
    for name, value in weights(whole).items():
        assert torch.equal(value, weights(second)[name]), name


def test_accumulating_batches_gives_the_gradient_of_one_large_batch(tmp_path: Path) -> None:
    # batch statistics and dropout would differ by design
    parts = toy_trainer(tmp_path / "a", model=StillEncoder, batch_size=4, accumulate=2, max_steps=1)
    whole = toy_trainer(tmp_path / "b", model=StillEncoder, batch_size=8, max_steps=1)
    a, b = train(parts), train(whole)
    assert a.series("loss") == pytest.approx(b.series("loss"), rel=1e-5)
    assert a.series("grad_norm") == pytest.approx(b.series("grad_norm"), rel=1e-4)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_saves_the_step_it_came_in_and_training_goes_on_from_there(tmp_path: Path, number: int) -> None:
    uninterrupted = train(toy_trainer(tmp_path / "whole"))
    stopped = toy_trainer(tmp_path / "parts")
    stopped.logger = record = StopAt(5, number)
    handler = signal.getsignal(number)
    assert stopped.run() == number
    assert signal.getsignal(number) == handler
    last = latest_checkpoint(tmp_path / "parts")
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


@pytest.mark.parametrize(
    ("found", "kind", "said"),
    [
        (math.nan, TrainingError, "val/score is nan"),
        (NotFiniteError("NaN embeddings"), TrainingError, r"the training has diverged.*try a lower optim\.lr"),
        (CheckpointError("offsets cannot be read"), CheckpointError, "^offsets cannot be read"),
    ],
)
def test_what_validation_cannot_judge_stops_training(tmp_path: Path, found: Any, kind: type, said: str) -> None:
    with pytest.raises(kind, match=said):
        train(toy_trainer(tmp_path, validator=ToyValidator([found])))


def test_best_is_the_lowest_score_and_numbered_checkpoints_stay(tmp_path: Path) -> None:
    record = train(toy_trainer(tmp_path, validator=ToyValidator([2.0, 1.0, 3.0]), save_every=2))
    assert [r["val/score"] for r in record.validations] == [2.0, 1.0, 3.0]
    epochs = {c.folder.name: c.epoch for c in list_checkpoints(tmp_path)}
    assert epochs == {"best": 2, "epoch_0002": 2, "last": 3}
    best = find_checkpoint(tmp_path, "best")
    assert best.metrics["val/score"] == 1.0
    assert best.weights_hash == find_checkpoint(tmp_path, "epoch_0002").weights_hash


@pytest.mark.parametrize(
    ("scores", "best"),
    [
        # higher on one of two events only: within the standard error of their difference
        ([(5.0, 7.0), (4.0, 6.0), (4.4, 5.8)], 3),
        ([(5.0, 7.0), (4.0, 6.0), (4.2, 6.1)], 2),
        # the events differ by far more than the checkpoints: their own standard error would let all pass
        ([(1.0, 9.0, 20.0, 30.0), (1.4, 9.5, 20.4, 30.6)], 1),
        # higher by .1 each time: always within a standard error of the one before, of the lowest twice
        ([(2.0, 4.0), (1.85, 4.35), (2.45, 3.95), (2.05, 4.55), (2.65, 4.15)], 3),
        ([(2.0, 4.0), (2.0, 4.0), (2.0, 4.0), (2.1, 4.1)], 3),
        ([(3.0,), (2.0,), (2.01,)], 2),
    ],
    ids=["noise", "worse on all", "paired", "slow overfitting", "ties", "a single event"],
)
def test_best_is_the_last_within_a_standard_error_of_the_lowest(
    tmp_path: Path, scores: list[tuple[float, ...]], best: int
) -> None:
    for stopped in (0, 4 * len(scores) - 2):  # never, and in the last epoch
        logdir = tmp_path / str(stopped)
        train(toy_trainer(logdir, validator=ToyValidator(scores), epochs=len(scores)), stopped)
        if stopped:
            rest = toy_trainer(logdir, validator=ToyValidator(scores[-1:]), epochs=len(scores))
            resume(rest, find_checkpoint(logdir, "last"))
            train(rest)
        assert find_checkpoint(logdir, "best").epoch == best


def test_what_was_not_validated_is_never_the_best(tmp_path: Path) -> None:
    train(toy_trainer(tmp_path, validator=ToyValidator([2.0])), 3)
    assert [c.folder.name for c in list_checkpoints(tmp_path)] == ["last"]


def test_best_of_another_validation_is_not_compared_with(tmp_path: Path) -> None:
    train(toy_trainer(tmp_path, validator=ToyValidator([1.0]), epochs=1))
    validator = ToyValidator([3.0, 4.0])
    validator.identity = "other pairs"
    second = toy_trainer(tmp_path, validator=validator)
    remarks = resume(second, find_checkpoint(tmp_path, "last"))
    assert remarks[-1].startswith("validation looks at something else than before, so the next checkpoint")
    train(second)
    assert find_checkpoint(tmp_path, "best").epoch == 2


def test_validation_every_second_epoch_and_at_the_end(tmp_path: Path) -> None:
    record = train(toy_trainer(tmp_path, validator=ToyValidator([2.0, 1.0]), eval_every=2))
    assert [r["epoch"] for r in record.validations] == [2, 3]


def test_changed_options_of_the_optimizer_hold_after_resuming(tmp_path: Path) -> None:
    train(toy_trainer(tmp_path), 3)
    second = toy_trainer(tmp_path, learning_rate=lambda step, end: 0.5)
    resume(second, find_checkpoint(tmp_path, "last"))
    assert train(second).series("lr")[0] == 0.5


@pytest.mark.parametrize(
    ("changed", "steps", "said"),
    [
        ({"batch_size": 8}, 3, ["epoch 2 goes on with its last 8 of 16 samples"]),
        ({"batch_size": 2}, 12, ["epoch 2 goes on with its last 8 of 16 samples"]),
        ({"accumulate": 2}, 3, []),
        ({"batch_size": 2, "accumulate": 2}, 6, ["epoch 2 goes on with its last 8 of 16 samples"]),
    ],
)
def test_steps_of_another_size_go_on_at_the_same_sample_and_learning_rate(
    tmp_path: Path, changed: dict[str, int], steps: int, said: list[str]
) -> None:
    whole = toy_trainer(tmp_path / "whole")
    uninterrupted = train(whole)
    first = toy_trainer(tmp_path / "parts")
    train(first, 6)
    second = toy_trainer(tmp_path / "parts", **changed)
    assert resume(second, find_checkpoint(tmp_path / "parts", "last")) == said
    assert second.plan.total_steps(second.state) == 6 + steps
    after = train(second)
    assert second.state.epoch == 3
    assert after.series("step") == list(range(7, 7 + steps))
    drawn = [t.source.clips.drawn for t in (first, second, whole)]  # type: ignore[attr-defined]
    assert drawn[0] + drawn[1] == drawn[2]
    rates = after.series("lr")
    assert rates[0] == pytest.approx(uninterrupted.series("lr")[6], rel=0.05)  # of the warm-up's first step
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] < 0.15 * 0.01


def test_an_epoch_with_less_than_a_batch_left_ends(tmp_path: Path) -> None:
    train(toy_trainer(tmp_path, batch_size=6, epochs=1, clips=ToyClips(20)), 2)
    second = toy_trainer(tmp_path, batch_size=10, epochs=1, clips=ToyClips(20), validator=ToyValidator([1.0]))
    remarks = resume(second, find_checkpoint(tmp_path, "last"))
    assert remarks == ["epoch 1 goes on with its last 8 of 20 samples, which do not fill a batch, so it ends"]
    assert train(second).steps == []
    assert find_checkpoint(tmp_path, "best").epoch == 1


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ((12, 3, "b", 0), "12 samples an epoch of 3 events instead of 16 samples an epoch of 4 events"),
        ((16, 4, "b", 0), "other train data, again 16 samples an epoch of 4 events"),
        ((16, 4, "a", 1), "another train.seed"),
    ],
)
def test_other_data_is_named_and_the_epoch_under_way_starts_anew(
    tmp_path: Path, now: tuple[int, int, str, int], said: str
) -> None:
    names = ("samples", "events", "hash", "seed")
    train(toy_trainer(tmp_path, data=dict(zip(names, (16, 4, "a", 0)))), 6)
    second = toy_trainer(tmp_path, clips=ToyClips(now[0]), data=dict(zip(names, now)))
    (remark,) = resume(second, find_checkpoint(tmp_path, "last"))
    assert said in remark
    assert "epoch 2, which was under way, starts from its beginning" in remark
    assert (second.state.epoch, second.state.samples) == (1, 0)
    train(second)
    assert second.state.epoch == 3


def test_the_schedule_spans_what_is_trained(tmp_path: Path) -> None:
    short = train(toy_trainer(tmp_path, max_steps=6)).series("lr")
    whole = partial(learning_rate, base=0.01, schedule="cosine", warmup_steps=2)
    assert short == [whole(step, 6) for step in range(6)]
    assert short[-1] < 0.15 * 0.01
    more = toy_trainer(tmp_path, max_steps=9)
    assert resume(more, find_checkpoint(tmp_path, "last")) == [
        "the learning rate schedule spans 2.25 epochs instead of 1.5"
    ]
    assert train(more).series("lr") == [whole(step, 9) for step in range(6, 9)]


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({}, "3 of 3 epochs are done (12 steps); raise train.epochs"),
        ({"epochs": 9, "max_steps": 10}, "12 steps are done (3 of 9 epochs), and train.max_steps is 10; raise it"),
        ({"max_steps": 14}, "3 of 3 epochs are done (12 steps); raise train.epochs"),
        ({"epochs": 4}, ""),
        ({"epochs": 4, "max_steps": 13}, ""),
    ],
)
def test_where_nothing_is_left_the_reason_is_told(tmp_path: Path, limits: dict[str, int], said: str) -> None:
    train(toy_trainer(tmp_path))
    second = toy_trainer(tmp_path, **limits)
    resume(second, find_checkpoint(tmp_path, "last"))
    reason = second.plan.reason_to_end(second.state)
    assert reason.startswith(said)
    assert bool(reason) == bool(said) == second.finished
    total = second.plan.total_steps(second.state)
    assert len(train(second).steps) == total - 12 == {"": limits.get("max_steps", 16) - 12}.get(said, 0)


def test_checkpoints_of_a_version_that_counted_batches_go_on(tmp_path: Path) -> None:
    uninterrupted = train(toy_trainer(tmp_path / "whole"))
    train(toy_trainer(tmp_path / "parts", settings={"train": {"batch_size": 4, "epochs": 3}}), 6)
    last = find_checkpoint(tmp_path / "parts", "last")
    state = last.training_state()
    for key in ("data", "batch_size", "span"):
        del state[key]
    state["loop"] = {"epoch": 1, "batch": 2, "step": 6, "best": 1.5}
    state["batches_per_epoch"] = 4
    old = save_checkpoint(
        tmp_path / "parts", "last", weights=last.weights(), state=state, epoch=1, step=6, metrics={}, config=last.config
    )
    other = toy_trainer(tmp_path / "parts", clips=ToyClips(12))
    assert "other train data (12 samples an epoch now): epoch 2, which was under way" in resume(other, old)[0]
    second = toy_trainer(tmp_path / "parts", validator=ToyValidator([2.0, 3.0]))
    (remark,) = resume(second, old)
    assert remark.startswith("how the best was chosen is unknown, so the next checkpoint")
    after = train(second)
    for name in ("loss", "lr"):
        assert after.series(name) == uninterrupted.series(name)[6:]
    assert find_checkpoint(tmp_path / "parts", "best").epoch == 2


def test_checkpoint_summary_is_readable(tmp_path: Path) -> None:
    train(toy_trainer(tmp_path, epochs=1, settings={"optim": {"lr": 0.01}}))
    summary = json.loads((tmp_path / "checkpoints" / "last" / "checkpoint.json").read_text())
    assert summary["epoch"] == 1
    assert summary["step"] == 4
    assert summary["config"] == {"optim": {"lr": 0.01}}
    assert summary["metrics"]["loss"] > 0
    assert summary["versions"]["torch"] == torch.__version__
