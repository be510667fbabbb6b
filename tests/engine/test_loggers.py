from __future__ import annotations

import io
import json
import logging
import sys
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest

from videosync.engine import loggers as module
from videosync.engine.loggers import (
    Logger,
    LogLines,
    MetricsFile,
    ProgressBar,
    TensorBoard,
    WeightsAndBiases,
    build_loggers,
    check_loggers,
    duration,
)
from videosync.errors import ConfigError, TrainingError


def record(step: int, loss: float = 1.5) -> dict[str, float]:
    rates = {"frames_per_second": 84.4, "data_wait_share": 0.013, "eta_seconds": 3723.0}
    return {"step": step, "epoch": 0, "loss": loss, "lr": 1e-4, "grad_norm": 2.0, **rates}


def steps_in(path: Path) -> list[int]:
    return [json.loads(line)["step"] for line in path.read_text().splitlines()]


def test_metrics_file_holds_every_step_and_validation(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    metrics = MetricsFile(path, first_step=0, every=2)
    for step in (1, 2, 3):
        metrics.step(record(step))
    metrics.validation({"step": 3, "epoch": 1, "val/loss": 0.5})
    metrics.close()
    assert steps_in(path) == [1, 2, 3, 3]
    assert json.loads(path.read_text().splitlines()[-1])["val/loss"] == 0.5


def test_metrics_file_goes_on_after_the_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    # steps 3 and 4 were done after the checkpoint of step 2, and the process was killed while writing step 5
    path.write_text("".join(json.dumps(record(step)) + "\n" for step in (1, 2, 3, 4)) + '{"step": 5, "lo')
    metrics = MetricsFile(path, first_step=2, every=1)
    metrics.step(record(3, loss=0.5))
    metrics.close()
    assert steps_in(path) == [1, 2, 3]


def test_metrics_file_does_not_overwrite_what_is_not_its_own(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"something": "else"}\n')
    with pytest.raises(TrainingError, match=r"metrics\.jsonl"):
        MetricsFile(path, first_step=0, every=1)
    assert path.read_text() == '{"something": "else"}\n'


def test_log_lines_say_loss_rate_speed_wait_and_eta(caplog: pytest.LogCaptureFixture) -> None:
    lines = LogLines(every=10, total_steps=25)
    with caplog.at_level(logging.INFO, logger="videosync"):
        for step in range(1, 26):
            lines.step(record(step))
        lines.validation({"step": 25, "epoch": 3, "val/loss": 0.51234})
    assert [r.message.split()[1] for r in caplog.records[:3]] == ["10/25", "20/25", "25/25"]
    expected = "step 10/25  loss 1.5000  lr 1.0e-04  84 frames/s  data wait 1%  ETA 1:02:03"
    assert caplog.records[0].message == expected
    assert caplog.records[3].message == "epoch 3  val/loss 0.5123"


def test_progress_bar_starts_at_the_step_it_goes_on_from(capsys: pytest.CaptureFixture[str]) -> None:
    bar = ProgressBar(first_step=5, total_steps=10)
    bar.step(record(6))
    bar.message("hello")
    bar.close()
    shown = capsys.readouterr().err
    assert "6/10" in shown
    assert "loss 1.5000" in shown
    assert "hello" in shown


OPTIONS: dict[str, Any] = {
    "every": 1, "tensorboard": False, "wandb": False, "first_step": 0, "total_steps": 10, "config": {},
}  # fmt: skip


@pytest.mark.parametrize(("terminal", "kind"), [(True, ProgressBar), (False, LogLines)])
def test_bar_on_a_terminal_and_lines_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, terminal: bool, kind: type
) -> None:
    stream = io.StringIO()
    stream.isatty = lambda: terminal  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "stderr", stream)
    built: Any = build_loggers(tmp_path, is_main=True, **OPTIONS)
    assert [type(logger) for logger in built.loggers] == [MetricsFile, kind]
    built.close()


def test_other_ranks_write_nothing(tmp_path: Path) -> None:
    logger = build_loggers(tmp_path, is_main=False, **OPTIONS)
    assert type(logger) is Logger
    logger.step(record(1))
    logger.close()
    assert list(tmp_path.iterdir()) == []


def test_tensorboard_holds_the_scalars(tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    board = TensorBoard(tmp_path, first_step=0, every=2)
    for step in (1, 2, 3, 4):
        board.step(record(step, loss=step / 2))
    board.validation({"step": 4, "epoch": 1, "val/loss": 0.5})
    board.close()
    events = accumulator.EventAccumulator(str(tmp_path))
    events.Reload()
    assert [(e.step, e.value) for e in events.Scalars("train/loss")] == [(2, 1.0), (4, 2.0)]
    assert [(e.step, e.value) for e in events.Scalars("val/loss")] == [(4, 0.5)]


@pytest.mark.parametrize("package", ["tensorboard", "wandb"])
def test_missing_package_is_a_sentence_with_the_command(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    monkeypatch.setitem(sys.modules, package, None)  # import raises ModuleNotFoundError
    options = {"tensorboard": False, "wandb": False, package: True}
    with pytest.raises(ConfigError, match=rf"log\.{package} .* pip install 'videosync\[{package}\]'"):
        check_loggers(**options)


def test_wandb_gets_the_values_and_a_resumed_run_keeps_its_id(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [MagicMock() for _ in range(3)]
    wandb = MagicMock(**{"init.side_effect": runs})
    monkeypatch.setattr(module, "_require", lambda package: wandb)
    for _ in range(2):
        logger = WeightsAndBiases(tmp_path, every=2, config={"optim": {"lr": 1.0}})
        logger.step(record(1))
        logger.step(record(2))
        logger.validation({"step": 2, "epoch": 1, "val/loss": 0.5})
        logger.close()
    WeightsAndBiases(tmp_path_factory.mktemp("other"), every=2, config={}).close()
    first, resumed, other = (call.kwargs["id"] for call in wandb.init.call_args_list)
    assert first == resumed != other
    logged = runs[0].log.call_args_list
    assert [call.kwargs["step"] for call in logged] == [2, 2]
    assert logged[0].args[0]["train/loss"] == 1.5
    assert logged[1].args[0]["val/loss"] == 0.5
    for run in runs:
        run.finish.assert_called_once_with()


def test_duration() -> None:
    assert [duration(s) for s in (0, 59.6, 3723, 360000)] == ["0:00:00", "0:01:00", "1:02:03", "100:00:00"]
