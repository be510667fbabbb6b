from __future__ import annotations

import pytest
from torch import nn

from videosync.engine.optim import build_optimizer, learning_rate, set_learning_rate


def rates(schedule: str, warmup: int, total: int = 100) -> list[float]:
    return [learning_rate(step, total, base=2.0, schedule=schedule, warmup_steps=warmup) for step in range(total)]


def test_cosine_rises_over_the_warmup_and_falls_to_zero() -> None:
    series = rates("cosine", warmup=10)
    assert series[:10] == pytest.approx([2.0 * (i + 1) / 11 for i in range(10)])
    assert series[10] == 2.0
    assert series[55] == pytest.approx(1.0)
    assert series[99] == pytest.approx(0.0, abs=2e-3)
    assert series[10:] == sorted(series[10:], reverse=True)


def test_constant_stays_after_the_warmup() -> None:
    assert set(rates("constant", warmup=3)[3:]) == {2.0}


def test_no_warmup_and_warmup_as_long_as_training() -> None:
    assert rates("cosine", warmup=0)[0] == 2.0
    assert max(rates("cosine", warmup=100)) < 2.0


@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_only_trained_parameters_are_optimized(name: str) -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    model[0].requires_grad_(False)
    optimizer = build_optimizer([{"params": model.parameters()}], name=name, lr=0.1, weight_decay=0.01)
    assert [id(p) for p in optimizer.param_groups[0]["params"]] == [id(p) for p in model[1].parameters()]
    assert optimizer.param_groups[0]["weight_decay"] == 0.01
    set_learning_rate(optimizer, 0.5)
    assert optimizer.param_groups[0]["lr"] == 0.5
