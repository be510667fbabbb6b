from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.engine.test_trainer import Recorder, train
from tests.engine.toy import toy_trainer
from videosync.engine import collapse
from videosync.errors import TrainingError
from videosync.losses.scl import Scl


@dataclass(frozen=True)
class Judged(Scl):
    """SCL with a rank that falls, as given beforehand, and what is thought of it."""

    ranks: ClassVar[list[float]] = []

    def diagnostics(self, output: Any) -> dict[str, float]:
        return {"rank": self.ranks.pop(0)}

    def collapse(self, diagnostics: dict[str, float]) -> str:
        return f"the rank is {diagnostics['rank']:.1f}" if diagnostics["rank"] < 4 else ""


class Listener(Recorder):
    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def message(self, text: str) -> None:
        self.said.append(text)


def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ranks: Sequence[float]) -> tuple[Any, Listener]:
    monkeypatch.setattr(Judged, "ranks", list(ranks))
    trainer = toy_trainer(tmp_path, loss=Judged(), watch_every=3)
    trainer.logger = listener = Listener()
    return trainer, listener


def test_what_a_loss_says_is_logged_when_due_and_warned_of_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer, listener = watched(tmp_path, monkeypatch, [5, 3, 2, 5])
    trainer.run()
    seen = {record["step"]: record["rank"] for record in listener.steps if "rank" in record}
    assert seen == {3: 5, 6: 3, 9: 2, 12: 5}
    assert listener.said == ["warning, step 6: the rank is 3.0"]


def test_what_stays_collapsed_stops_the_run_with_the_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collapse, "PATIENCE", 3)
    trainer, listener = watched(tmp_path, monkeypatch, [2, 2, 5, 2, 2, 1, 1])
    trainer.watch.every = 1
    with pytest.raises(TrainingError, match="^step 6: seen at 3 looks in a row, every 1 steps: the rank is 1.0$"):
        trainer.run()
    assert listener.steps[-1]["rank"] == 1  # it is in the log


def test_a_loss_without_diagnostics_is_not_asked(tmp_path: Path) -> None:
    record = train(toy_trainer(tmp_path, watch_every=1, epochs=1))
    assert set(record.steps[0]) >= {"loss", "lr"}
    assert "rank" not in record.steps[0]
